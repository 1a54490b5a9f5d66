"""The reference: a small network trained on labelled sounds, shipped with the package and used by no generator.

Trained by scripts/train_reference.py; reference.json says on what.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

import numpy as np

from soundloom.metrics.embeddings.reference_network import SAMPLE_RATE, ReferenceNetwork, hearing

WEIGHTS = Path(__file__).with_name("reference.safetensors")
CARD = Path(__file__).with_name("reference.json")
AT_ONCE = 64


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
        self.levels = hearing()

    def __call__(self, audio: np.ndarray) -> np.ndarray:
        import torch

        with torch.no_grad():
            parts = [
                self.network(self.levels.encode(torch.from_numpy(audio[at : at + AT_ONCE])[:, None])).numpy()
                for at in range(0, len(audio), AT_ONCE)
            ]
        return np.concatenate(parts)


@lru_cache(maxsize=1)
def load() -> ReferenceEmbedding:
    return ReferenceEmbedding()
