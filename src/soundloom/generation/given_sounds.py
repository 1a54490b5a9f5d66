"""Sounds that a request gives to a model: brought to its rate and to one channel, in sight."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path
from typing import TYPE_CHECKING

from soundloom.audio import Audio, mix_down, read, resample
from soundloom.generation.request import Sound
from soundloom.runtime.files import printable

if TYPE_CHECKING:
    from torch import Tensor


def at_rate(sound: Sound, rate: int, remarks: list[str]) -> Tensor:
    """A given sound, mono at the model's rate, (1, time); each change is added to `remarks`."""
    import torch

    audio = sound if isinstance(sound, Audio) else read(Path(sound))
    name = "the given sound" if isinstance(sound, Audio) else printable(Path(sound).name)
    if not audio.samples.size or not math.isfinite(audio.peak):
        raise ValueError(f"{name}: no samples, or some that are not finite; give another prompt or sound to be like")
    if audio.channels != 1:
        remarks.append(f"{name}: {audio.channels} channels mixed down to one")
        audio = mix_down(audio)
    if audio.sample_rate != rate:
        remarks.append(f"{name}: resampled from {audio.sample_rate} to {rate} Hz, the model's rate")
        audio = resample(audio, rate)
    return torch.from_numpy(audio.samples.copy())


def cut_or_padded(sound: Tensor, samples: int) -> Tensor:
    """A sound (1, time) as (1, samples)."""
    import torch

    return torch.nn.functional.pad(sound[:, :samples], (0, max(0, samples - sound.shape[1])))


def fingerprint(sound: Sound) -> str:
    """A short hash of a file's bytes, or of the samples and the rate of a sound in memory."""
    if isinstance(sound, Audio):
        content = f"{sound.sample_rate} {sound.samples.shape} ".encode() + sound.samples.tobytes()
    else:
        content = Path(sound).read_bytes()
    return hashlib.sha256(content).hexdigest()[:16]
