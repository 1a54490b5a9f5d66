"""Clips before they are encoded and after they are decoded: attack, level, fades."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from soundloom.layers.attack import attacks_of, from_attack

FADE_IN_SECONDS = 0.0005
FADE_OUT_SECONDS = 0.01


def normalised(audio: Tensor) -> Tensor:
    """Clips (batch, 1, time) as they are trained on: from their attack, with a peak of 1; silence stays silent."""
    peaks = audio.abs().amax(dim=2, keepdim=True)
    return from_attack(audio / torch.where(peaks > 0, peaks, 1.0))


def peak_and_attack(sound: Tensor) -> tuple[float, int]:
    """The peak of a sound, (1, time), and the sample at which it begins."""
    return float(sound.abs().max().clamp_min(1e-6)), int(attacks_of(sound[None]))


def with_length(sound: Tensor, samples: int) -> Tensor:
    """A sound, (1, time), cut or padded with silence to a length."""
    return F.pad(sound[:, :samples], (0, max(0, samples - sound.shape[1])))


def faded_in(sound: Tensor, sample_rate: int, share: float = 1.0) -> Tensor:
    """Fade a sound, (1, time), in from silence within half a millisecond; a `share` below 1 fades it partly.

    An image holds little information about the time before its first sample, so a generated sound may start with a
    jump, which clicks at frequencies that no drum has.
    """
    samples = round(FADE_IN_SECONDS * sample_rate)
    ramp = torch.sin(0.5 * math.pi * torch.arange(samples) / samples).square()
    sound = sound.clone()
    sound[:, :samples] *= 1 - share * (1 - ramp)
    return sound


def faded_out(sound: Tensor, length: int, sample_rate: int) -> Tensor:
    """The first `length` samples of a sound, (1, time), faded out over 10 ms and kept within full scale."""
    sound = sound[:, :length] / sound.abs().max().clamp_min(1.0)
    samples = min(length, round(FADE_OUT_SECONDS * sample_rate))
    sound[:, length - samples :] *= torch.linspace(1, 0, samples)
    return sound
