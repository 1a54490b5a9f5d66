"""CLAP: a network trained to match sounds with captions; it encodes what a sound is rather than how clean it is.

Available if transformers is installed and SOUNDLOOM_CLAP names a local folder with a CLAP model as transformers saves
it; nothing is ever downloaded. Wu et al. 2023, https://arxiv.org/abs/2211.06687
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from soundloom.metrics.embeddings import Missing
from soundloom.runtime.files import read_json

FOLDER = "SOUNDLOOM_CLAP"
CONFIG, FEATURES = "config.json", "preprocessor_config.json"
WEIGHTS = ("model.safetensors", "pytorch_model.bin")  # the first that is there is read
KINDS = ("clap", "clap_audio_model")
RULE = 1  # version of how sounds of any length are cut into windows; part of the digest
BATCH_SIZE = 8  # windows: each becomes 10 s, however short the sound


class Clap:
    """A unit vector for each sound, of the model's projection size (512 in the published ones).

    A sound shorter than the model's window (10 s) is repeated as often as it fits, then padded with zeros, as in the
    model's training. A longer one is cut into the fewest evenly spaced windows that cover it, whose vectors are
    averaged. Models with fusion take each window as a whole, so that nothing is drawn at random.
    """

    name = "clap"

    def __init__(self, folder: Path, weights: Path) -> None:
        import transformers

        with _quiet(transformers):
            self.features = transformers.ClapFeatureExtractor.from_pretrained(folder, local_files_only=True)
            self.network, notes = transformers.ClapAudioModelWithProjection.from_pretrained(
                folder,
                local_files_only=True,
                use_safetensors=weights.suffix == ".safetensors",
                output_loading_info=True,
            )
        unfilled = sorted(notes["missing_keys"])
        if unfilled:
            raise ValueError(f"{weights.name} has no {unfilled[0]}")
        self.network = self.network.float().eval()
        self.sample_rate = int(self.features.sampling_rate)
        self.digest = f"clap-{RULE}-{_digest(folder, weights)}"

    def __call__(self, audio: np.ndarray) -> np.ndarray:
        import torch

        samples, window = audio.shape[1], int(self.features.nb_max_samples)
        starts = window_starts(samples, window)
        views = np.stack([audio[:, at : at + window] for at in starts], axis=1).reshape(-1, min(samples, window))
        with torch.no_grad():
            vectors = np.concatenate(
                [self._vectors(views[at : at + BATCH_SIZE]) for at in range(0, len(views), BATCH_SIZE)]
            )
        means = vectors.reshape(len(audio), len(starts), -1).mean(axis=1)
        return np.asarray(means / np.linalg.norm(means, axis=1, keepdims=True), np.float32)

    def _vectors(self, sounds: np.ndarray) -> np.ndarray:
        import torch

        shown = self.features(
            list(sounds), sampling_rate=self.sample_rate, padding="repeatpad", return_tensors="pt"
        ).input_features
        whole = torch.zeros(len(sounds), 1, dtype=torch.bool)  # else one of them, at random, is taken for longer
        vectors = self.network(input_features=shown.float(), is_longer=whole).audio_embeds
        return np.asarray(torch.nn.functional.normalize(vectors, dim=-1).numpy())


def window_starts(samples: int, window: int) -> list[int]:
    """Where windows begin that cover a sound, the last ending with it; a single one if the sound is no longer."""
    count = max(1, -(-samples // window))
    return [round(at) for at in np.linspace(0, max(0, samples - window), count)]


def load() -> Clap:
    """The model in the folder that SOUNDLOOM_CLAP names.

    Raises:
        Missing: transformers, the variable or the model is not there.
    """
    named = os.environ.get(FOLDER)
    if not named:
        raise Missing(f"clap needs a folder with a CLAP model, named by {FOLDER}, and pip install 'soundloom[clap]'")
    try:
        import transformers  # noqa: F401
    except ImportError:
        raise Missing("clap needs transformers; pip install 'soundloom[clap]'") from None
    return _from(Path(named).expanduser())


@lru_cache(maxsize=1)
def _from(folder: Path) -> Clap:
    weights = next((folder / name for name in WEIGHTS if (folder / name).is_file()), None)
    try:
        config = read_json(folder / CONFIG)
    except (OSError, ValueError):
        config = None
    if weights is None or not isinstance(config, dict) or config.get("model_type") not in KINDS:
        raise Missing(
            f"{FOLDER} names {folder}, which holds no CLAP model; "
            f"it needs {CONFIG} of a CLAP, {FEATURES} and {' or '.join(WEIGHTS)}"
        )
    try:
        return Clap(folder, weights)
    except Exception as error:  # transformers raises many kinds for a folder that it cannot read
        message = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise Missing(f"the CLAP model in {folder} cannot be read ({message[:200]}); copy its folder again") from None


def _digest(folder: Path, weights: Path) -> str:
    """Of the weights and of the configuration files."""
    content = hashlib.sha256()
    for path in (weights, *sorted(folder.glob("*config.json"))):
        with path.open("rb") as file:
            content.update(hashlib.file_digest(file, "sha256").digest())
    return content.hexdigest()[:16]


@contextmanager
def _quiet(transformers: Any) -> Iterator[None]:
    """Without the warning that the weights of the text encoder are not used."""
    message, bars = transformers.logging.get_verbosity(), transformers.logging.is_progress_bar_enabled()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    try:
        yield
    finally:
        transformers.logging.set_verbosity(message)
        if bars:
            transformers.logging.enable_progress_bar()
