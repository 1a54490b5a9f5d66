"""Reconstruction error: how far a reconstructed sound is from the original.

Multi-resolution STFT distance: Yamamoto et al. 2020, Parallel WaveGAN, https://arxiv.org/abs/1910.11480
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from soundloom.metrics.estimate import Estimate
from soundloom.metrics.intervals import median
from soundloom.representations.fidelity import log_spectral_distance, spectral_convergence
from soundloom.representations.mel import MelSpectrogram
from soundloom.representations.stft import STFT

RESOLUTIONS = ((512, 50, 240), (1024, 120, 600), (2048, 240, 1200))  # n_fft, hop, window, in samples
LONGEST = max(n_fft for n_fft, _, _ in RESOLUTIONS)
QUIETEST = 1e-5  # magnitudes below count as equal
BATCH_SIZE = 64


class ReconstructionErrors(NamedTuple):
    """Medians over sounds; lower is better."""

    spectral_convergence: Estimate  # dB
    log_spectral_distance: Estimate  # dB
    multi_resolution: Estimate  # sum of convergence and mean absolute difference of log-magnitudes, as published
    mel_error: Estimate  # dB, root mean square over 80 bands


def compare_pairs(real: np.ndarray, reconstructed: np.ndarray, sample_rate: int) -> ReconstructionErrors:
    """Compare sounds (sound, sample) with their reconstructions, aligned to the sample.

    Sounds that are silent in `real` are left out.

    Raises:
        TooFew: no pair is left, or too few for an interval.
        ValueError: shapes that differ.
    """
    if real.shape != reconstructed.shape:
        raise ValueError(
            f"sounds have shape {real.shape} and their reconstructions {reconstructed.shape}; give pairs of one length"
        )
    if real.ndim != 2:
        raise ValueError(f"sounds have {real.ndim} axes but must have two, (sound, sample); mix each down to mono")
    audible = np.abs(real).max(axis=1, initial=0) > 0
    columns: list[list[np.ndarray]] = [[], [], [], []]
    transform = STFT(sample_rate, 1024, 256)
    mel = MelSpectrogram(sample_rate, n_fft=1024, hop=256, bands=80, floor_db=-60.0, peak_db=40.0, output="decibels")
    for at in range(0, int(audible.sum()), BATCH_SIZE):
        x, y = (
            torch.from_numpy(side[audible][at : at + BATCH_SIZE].astype(np.float32)) for side in (real, reconstructed)
        )
        magnitudes = [transform.encode(side[:, None]).abs()[:, 0] for side in (x, y)]
        levels = [mel.encode(side[:, None])[:, 0] for side in (x, y)]
        found = (
            spectral_convergence(*magnitudes),
            log_spectral_distance(*magnitudes),
            multi_resolution_distance(x, y),
            (levels[0] - levels[1]).square().mean(dim=(1, 2)).sqrt(),
        )
        for column, values in zip(columns, found, strict=True):
            column.append(values.numpy())
    return ReconstructionErrors(*(median(np.concatenate(column) if column else np.zeros(0)) for column in columns))


def multi_resolution_distance(real: Tensor, reconstructed: Tensor) -> Tensor:
    """Spectral convergence (a ratio) plus the mean absolute difference of log-magnitudes (nepers), over 3 resolutions.

    Args:
        real, reconstructed: (sound, sample), at any rate: the resolutions are fixed in samples, as published.

    Returns:
        (sound,), 0 where nothing differs.
    """
    short = max(0, LONGEST // 2 + 1 - real.shape[1])  # reflection padding takes half a window at each end
    real, reconstructed = F.pad(real, (0, short)), F.pad(reconstructed, (0, short))
    total = torch.zeros(len(real))
    for n_fft, hop, window in RESOLUTIONS:
        shape = torch.hann_window(window)
        x, y = (
            torch.stft(side, n_fft, hop, window, shape, return_complex=True).abs().clamp_min(QUIETEST)
            for side in (real, reconstructed)
        )
        convergence = (x - y).norm(dim=(1, 2)) / x.norm(dim=(1, 2))
        total += convergence + (x.log() - y.log()).abs().mean(dim=(1, 2))
    return total / len(RESOLUTIONS)
