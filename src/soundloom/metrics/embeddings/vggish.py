"""VGGish: a convolutional network trained on the sound of millions of videos; the first Fréchet audio distance used it.

Available if SOUNDLOOM_VGGISH names a local file with its weights; nothing is ever downloaded. The embedding is the
output of the last linear layer: before the ReLU that some ports add, before principal components and quantisation.
Hershey et al. 2017, https://arxiv.org/abs/1609.09430; Kilgour et al. 2019, https://arxiv.org/abs/1812.08466
"""

from __future__ import annotations

import hashlib
import os
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from einops import rearrange
from torch import Tensor, nn

from soundloom.metrics.embeddings import Missing
from soundloom.representations.mel import mel_from_hz

FILE = "SOUNDLOOM_VGGISH"
SAMPLE_RATE = 16000
N_FFT, WINDOW, HOP = 512, 400, 160  # samples: 25 ms every 10 ms, no padding at the ends
BANDS, LOW_HZ, HIGH_HZ = 64, 125.0, 7500.0
LOG_OFFSET = 0.01
FRAMES = 96  # of one example: 0.96 s, without overlap
EXAMPLE = WINDOW + (FRAMES - 1) * HOP  # samples
HIDDEN, DIMENSION = 4096, 128
PLAN = ((64,), (128,), (256, 256), (512, 512))  # channels of the convolutions before each halving
UNUSED = "pproc."  # principal components, which some files hold too
RULE = 1  # version of the front end and of the mean over examples; part of the digest
BATCH_SIZE = 32  # examples


class VGGishNetwork(nn.Module):
    """Log-mel examples (example, 1, frame, band) to embeddings (example, 128)."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        narrow = 1
        for widths in PLAN:
            for wide in widths:
                layers += [nn.Conv2d(narrow, wide, 3, padding=1), nn.ReLU()]
                narrow = wide
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        size = narrow * (FRAMES >> len(PLAN)) * (BANDS >> len(PLAN))
        self.embeddings = nn.Sequential(
            nn.Linear(size, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, DIMENSION)
        )

    def forward(self, examples: Tensor) -> Tensor:
        seen = rearrange(self.features(examples), "example channel frame band -> example (frame band channel)")
        embeddings: Tensor = self.embeddings(seen)
        return embeddings


class VGGish:
    """128 numbers for each sound: the mean over its examples of 0.96 s.

    A sound shorter than one example is padded with zeros; what is left after the last whole example is ignored.
    """

    name = "vggish"
    sample_rate = SAMPLE_RATE

    def __init__(self, state: dict[str, Tensor], digest: str) -> None:
        with torch.device("meta"):  # no time is spent on weights that are replaced
            self.network = VGGishNetwork()
        self.network.load_state_dict(
            {key: value.float() for key, value in state.items() if not key.startswith(UNUSED)}, assign=True
        )
        self.network.eval().requires_grad_(False)
        self.digest = f"vggish-{RULE}-{digest}"

    def __call__(self, audio: np.ndarray) -> np.ndarray:
        shown = examples(audio)
        flat = torch.from_numpy(rearrange(shown, "sound example frame band -> (sound example) 1 frame band"))
        with torch.no_grad():
            vectors = torch.cat([self.network(flat[at : at + BATCH_SIZE]) for at in range(0, len(flat), BATCH_SIZE)])
        return np.asarray(rearrange(vectors, "(s e) d -> s e d", s=len(audio)).mean(dim=1).numpy())


def examples(audio: np.ndarray) -> np.ndarray:
    """Sounds (sound, sample) at 16 kHz as log-mel (sound, example, frame, band) in nepers, float32."""
    short = max(0, EXAMPLE - audio.shape[1])
    padded = torch.from_numpy(np.pad(audio, ((0, 0), (0, short))).astype(np.float32))
    frames = padded.unfold(1, WINDOW, HOP) * torch.hann_window(WINDOW)
    magnitude = torch.fft.rfft(frames, N_FFT).abs().numpy()
    levels = np.log(magnitude @ mel_bank().T + LOG_OFFSET)
    whole = levels.shape[1] // FRAMES
    return rearrange(levels[:, : whole * FRAMES], "sound (e frame) band -> sound e frame band", frame=FRAMES)


@lru_cache(maxsize=1)
def mel_bank() -> np.ndarray:
    """Triangles of height 1 (band, frequency), float32; their sides are straight in mel, not in Hz, and 0 Hz is out."""
    low, high = mel_from_hz(np.array([LOW_HZ, HIGH_HZ]), "htk")
    corners = np.linspace(low, high, BANDS + 2, dtype=np.float64)
    mel = mel_from_hz(np.arange(N_FFT // 2 + 1, dtype=np.float64) * (SAMPLE_RATE / N_FFT), "htk")
    distance = np.abs(mel - corners[1:-1, None]) / (corners[1] - corners[0])
    return np.asarray(np.maximum(0.0, 1.0 - distance), np.float32)


def load() -> VGGish:
    """The network with the weights in the file that SOUNDLOOM_VGGISH names.

    Raises:
        Missing: the variable or the file is not there, or it holds other weights.
    """
    named = os.environ.get(FILE)
    if not named:
        raise Missing(
            f"vggish needs a file with its weights (.safetensors, or .pth of the PyTorch port), named by {FILE}"
        )
    return _from(Path(named).expanduser())


@lru_cache(maxsize=1)
def _from(path: Path) -> VGGish:
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()[:16]
        return VGGish(_state(path), digest)
    except OSError:
        raise Missing(f"{FILE} names {path}, which is no file that can be read; name the weights of vggish") from None
    except Exception as error:  # readers raise many kinds for a file of other content
        lines = str(error).strip().splitlines() or [type(error).__name__]
        message = lines[min(1, len(lines) - 1)]  # torch's first line only announces the others
        raise Missing(
            f"{path} holds no weights of vggish ({message.strip()[:120]}); "
            f"they are named features.0.weight to embeddings.4.bias"
        ) from None


def _state(path: Path) -> dict[str, Tensor]:
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        return load_file(path)
    state: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    return state
