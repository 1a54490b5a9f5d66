"""Crops of training clips: which samples are predicted, from which history, and which of them count."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from soundloom.systems.wavenet.settings import WaveNetConfig

AUDIBLE = 1e-3  # of a clip's peak, -60 dB; softer samples are silence


class Crop(NamedTuple):
    """Samples to predict in each clip, and the history before them."""

    symbols: Tensor  # (batch, history + steps); the last `steps` are to be predicted
    position: Tensor  # (batch,), of the first predicted sample in its clip
    counted: Tensor  # (batch, steps), which predictions count
    sounding: Tensor  # (batch, steps), which of them are not silence after a sound
    begins: bool = False  # whether these are whole clips; then symbols are (batch, first_kernel + steps)

    @property
    def steps(self) -> int:
        return self.counted.shape[1]


def crop_of(
    symbols: Tensor, audio: Tensor, drawn: Tensor, config: WaveNetConfig, before: int, whole: bool = False
) -> Crop:
    """Choose a crop of each clip.

    A crop may lie anywhere from a clip's first sample to some silence after its last; at the edges more often than in
    between, so that beginnings are learned as well as what follows. Clips no longer than a crop are taken whole, which
    costs no history.

    Args:
        symbols: whole clips, (batch, time).
        audio: the same clips as samples, (batch, time).
        drawn: uniform numbers, (batch,).
        config: has the length of a crop and its history.
        before: the symbol that precedes a clip.
        whole: take whole clips, whatever the length of a crop.
    """
    time, history = symbols.shape[1], config.history
    steps = time if whole else min(config.crop, time)
    ends = ends_of(audio)
    counts = counts_of(ends, time, config)
    if steps == time and config.context is None:
        steps = int(counts.max())  # later samples do not count
        places = torch.arange(steps, device=symbols.device)
        return Crop(
            F.pad(symbols[:, :steps], (config.first_kernel, 0), value=before),
            torch.zeros_like(counts),
            places < counts[:, None],
            places < ends[:, None],
            begins=True,
        )
    last = (counts - steps).clamp_min(0)
    begins = torch.minimum((drawn * (last + steps) - steps / 2).round().long().clamp_min(0), last)
    if config.context is not None:
        begins = torch.div(begins, config.context.stride, rounding_mode="floor") * config.context.stride
    padded = F.pad(symbols, (history, 0), value=before)
    places = begins[:, None] + torch.arange(history + steps, device=symbols.device)
    predicted = places[:, history:] - history
    return Crop(padded.gather(1, places), begins, predicted < counts[:, None], predicted < ends[:, None])


def ends_of(audio: Tensor) -> Tensor:
    """One after the last audible sample of clips (batch, time); 0 for silence."""
    sounding = audio.abs() > AUDIBLE * audio.abs().amax(dim=1, keepdim=True)
    return torch.where(sounding.any(dim=1), audio.shape[1] - sounding.flip(1).int().argmax(dim=1), 0)


def counts_of(ends: Tensor, time: int, config: WaveNetConfig) -> Tensor:
    """How many samples count in clips of `time` samples, (batch,): up to some silence after the end, at least 1."""
    return (ends + config.tail).clamp(1, time)


def mean_of(bits: Tensor, counted: Tensor) -> Tensor:
    """Each clip's mean over the samples that count, (batch,), of two (batch, steps); 0 if none counts."""
    return torch.where(counted, bits, 0.0).sum(dim=1) / counted.sum(dim=1).clamp_min(1)
