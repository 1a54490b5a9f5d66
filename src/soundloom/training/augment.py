"""Augmentation: changes that leave a sound what it is, drawn for each clip and step; small data sets go further."""

from __future__ import annotations

import math

import torch
from scipy.fft import next_fast_len
from torch import Tensor

from soundloom.contract import Augmentation
from soundloom.runtime.generators import generator

TILT_WAVES = 3  # cosines over the logarithm of frequency that a tilt is made of
LOWEST_HZ = 50.0
TAIL = 1024  # samples


def augment(
    audio: Tensor, change: Augmentation, sample_rate: int, seed: int, step: int, rows: slice, batch_size: int
) -> Tensor:
    """Change each clip of (batch, channel, time); draws are made for the whole batch, then cut to these rows."""
    if change == Augmentation():
        return audio
    drawn = 2 * torch.rand(batch_size, 4 + TILT_WAVES, generator=generator(seed, step, "augment"))[rows] - 1
    if change.speed_semitones:
        audio = at_speed(audio, 2 ** (drawn[:, 0] * change.speed_semitones / 12))
    if change.decay_db_per_second:
        seconds = torch.arange(audio.shape[-1]) / sample_rate
        rates = change.decay_db_per_second * drawn[:, 1].clamp_min(0)  # half of the clips keep their own
        audio = audio * 10 ** (-rates[:, None, None] * seconds / 20)
    if change.tilt_db:
        audio = tilted(audio, change.tilt_db * drawn[:, 4:], sample_rate)
    audio = audio * 10 ** (drawn[:, 2] * change.gain_db / 20)[:, None, None]
    return later(audio, ((drawn[:, 3] + 1) / 2 * change.shift_seconds * sample_rate).long())


def at_speed(audio: Tensor, factors: Tensor) -> Tensor:
    """Each clip played about `factors` times as fast, higher and shorter; silence fills what is then free at the end.

    Band-limited: the clip's spectrum is cut or padded to another length, of those near the one asked for that a
    Fourier transform is quick at (within half a percent for clips of a second).
    """
    time = audio.shape[-1]
    size = next_fast_len(time + TAIL, real=True)
    spectra = torch.fft.rfft(audio, n=size)
    changed = torch.zeros_like(audio)
    for clip, spectrum, factor in zip(changed, spectra, factors.tolist(), strict=True):
        length = next_fast_len(max(2, round(size / factor)), real=True)
        kept = min(time, length)
        clip[:, :kept] = torch.fft.irfft(spectrum, n=length)[:, :kept] * (length / size)
    return changed


def tilted(audio: Tensor, levels_db: Tensor, sample_rate: int) -> Tensor:
    """Each clip through a smooth filter: cosines over the logarithm of frequency, `levels_db` is (batch, wave)."""
    size = next_fast_len(audio.shape[-1] + TAIL, real=True)  # or the filter's tail would come in at the start
    hz = torch.linspace(0, sample_rate / 2, size // 2 + 1).clamp_min(LOWEST_HZ)
    height = torch.log(hz / LOWEST_HZ) / math.log(sample_rate / 2 / LOWEST_HZ)
    waves = torch.stack([torch.cos(math.pi * (wave + 1) * height) for wave in range(TILT_WAVES)])
    gains = 10 ** (levels_db @ waves / 20)
    filtered: Tensor = torch.fft.irfft(torch.fft.rfft(audio, n=size) * gains[:, None], n=size)
    return filtered[..., : audio.shape[-1]]


def later(audio: Tensor, samples: Tensor) -> Tensor:
    """Each clip begun `samples` later, silence before."""
    if not samples.any():
        return audio
    moved = audio.clone()
    for clip, count in zip(moved, samples.tolist(), strict=True):
        if count:
            clip[:, count:] = clip[:, :-count].clone()
            clip[:, :count] = 0
    return moved
