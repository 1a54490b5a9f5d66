"""The reference embedding: a small network trained on labelled sounds, shipped with the package; for evaluation only.

Trained by scripts/train_reference.py; reference.json describes the training data. No generator may use it.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

import numpy as np

from soundloom.metrics.embeddings.reference_network import SAMPLE_RATE, ReferenceNetwork, input_spectrogram

WEIGHTS = Path(__file__).with_name("reference.safetensors")
CARD = Path(__file__).with_name("reference.json")
BATCH_SIZE = 64


class ReferenceEmbedding:
    """128 numbers for each sound."""

    name = "reference"
    sample_rate = SAMPLE_RATE

    def __init__(self) -> None:
        from safetensors.torch import load

        content = WEIGHTS.read_bytes()
        self.digest = f"reference-{hashlib.sha256(content).hexdigest()[:16]}"
        self.network = ReferenceNetwork()
        self.network.load_state_dict(
            {key: value.float() if value.is_floating_point() else value for key, value in load(content).items()}
        )
        self.network.eval()
        self.levels = input_spectrogram()

    def __call__(self, audio: np.ndarray) -> np.ndarray:
        import torch

        with torch.no_grad():
            parts = [
                self.network(self.levels.encode(torch.from_numpy(audio[at : at + BATCH_SIZE])[:, None])).numpy()
                for at in range(0, len(audio), BATCH_SIZE)
            ]
        return np.concatenate(parts)


@lru_cache(maxsize=1)
def load() -> ReferenceEmbedding:
    return ReferenceEmbedding()
