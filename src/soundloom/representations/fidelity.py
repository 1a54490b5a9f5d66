"""Distances between spectrograms: how much of a sound a representation or a phase method keeps.

Compare values of one transform only: with more overlap between frames, phase is harder to reconstruct.
Sturmel & Daudet 2011, Signal reconstruction from STFT magnitude: a state of the art (spectral convergence)
Gray & Markel 1976, https://doi.org/10.1109/TASSP.1976.1162849 (log-spectral distance)
"""

from __future__ import annotations

import torch
from torch import Tensor

RANGE_DB = 80.0  # below the reference's peak; quieter levels are inaudible and not compared
SILENT_DB = -300.0  # stands for an error of 0, so that means of decibels stay finite


def spectral_convergence(reference: Tensor, other: Tensor) -> Tensor:
    """The energy of the difference relative to that of the reference, in dB; lower is closer.

    Args:
        reference: magnitudes (..., frequency, frame).
        other: magnitudes of the same shape.

    Returns:
        Decibels (...,): -300 where they are equal, infinite where only the reference is silent.
    """
    difference = torch.linalg.vector_norm((reference - other).double(), dim=(-2, -1))
    energy = torch.linalg.vector_norm(reference.double(), dim=(-2, -1))
    decibels = 20 * torch.log10(difference / energy)
    return torch.where(difference > 0, decibels.clamp(min=SILENT_DB), torch.full_like(decibels, SILENT_DB))


def log_spectral_distance(reference: Tensor, other: Tensor) -> Tensor:
    """The level difference of two magnitudes, root mean square over frequency and mean over frames, in dB.

    Levels are clipped 80 dB below the peak of the reference; see `spectral_convergence` for the shapes. The distance of
    silence to silence is 0.
    """
    peak = reference.amax(dim=(-2, -1), keepdim=True).double()
    floor = torch.where(peak > 0, peak, torch.ones_like(peak)) * 10 ** (-RANGE_DB / 20)
    levels = [20 * torch.log10(torch.maximum(magnitude.double(), floor)) for magnitude in (reference, other)]
    return (levels[0] - levels[1]).square().mean(dim=-2).sqrt().mean(dim=-1)
