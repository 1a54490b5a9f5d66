"""Griffin-Lim and fast Griffin-Lim: rebuild the sound, take its spectrum, put the wanted magnitudes back, repeat.

Griffin & Lim 1984, https://doi.org/10.1109/TASSP.1984.1164317
Fast: Perraudin, Balazs & Søndergaard 2013, https://doi.org/10.1109/WASPAA.2013.6701851
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from soundloom.representations.stft import STFT, hann, overlap

MOMENTUM = 0.99  # how far a step goes on in the direction of the last one

Floats = NDArray[np.float32]
Complexes = NDArray[np.complex64]


def griffin_lim(spectrum: Complexes, magnitude: Floats, stft: STFT, samples: int, iterations: int) -> Complexes:
    """As `fast_griffin_lim`, without momentum: the distance to `magnitude` never grows, but shrinks slowly."""
    return fast_griffin_lim(spectrum, magnitude, stft, samples, iterations, momentum=0.0)


def fast_griffin_lim(
    spectrum: Complexes, magnitude: Floats, stft: STFT, samples: int, iterations: int, momentum: float = MOMENTUM
) -> Complexes:
    """Change the phase of a spectrum until a real sound could have it.

    Args:
        spectrum: where to start, (frame, frequency).
        magnitude: what to keep, linear, peak 1 (or silent), (frame, frequency).
        stft: the transform that both belong to.
        samples: length of the sound; there is silence before and after.
        iterations: 8 after PGHI, 32 for a preview from a random phase, 200 for a final render.
        momentum: 0 is Griffin-Lim; 0.99 gets as far in a third of the iterations.

    Returns:
        Complex spectrum (frame, frequency) with exactly the magnitudes asked for.
    """
    from soundloom.representations.phase.loops import cut_frames, impose, overlap_add

    window, weight = _window_and_weight(stft, len(magnitude), samples)
    wave = np.empty(len(weight), np.float32)
    target = torch.from_numpy(spectrum.copy())
    floats = torch.view_as_real(target).flatten(1).numpy()
    before = np.zeros_like(floats)
    for step in range(iterations):
        frames = torch.fft.irfft(target, n=stft.n_fft).numpy()
        overlap_add(frames, window, weight, stft.hop, wave)
        cut_frames(wave, window, stft.hop, frames)
        rebuilt = torch.view_as_real(torch.fft.rfft(torch.from_numpy(frames))).flatten(1).numpy()
        impose(magnitude, rebuilt, before, momentum if step else 0.0, floats)
        before = rebuilt
    return target.numpy()


def waveform(spectrum: Complexes, stft: STFT, samples: int) -> Floats:
    """The sound (time,) whose spectrum is nearest to (frame, frequency) in least squares."""
    from soundloom.representations.phase.loops import overlap_add

    window, weight = _window_and_weight(stft, len(spectrum), samples)
    wave = np.empty(len(weight), np.float32)
    overlap_add(torch.fft.irfft(torch.from_numpy(spectrum), n=stft.n_fft).numpy(), window, weight, stft.hop, wave)
    return wave[stft.n_fft // 2 : stft.n_fft // 2 + samples]


def _window_and_weight(stft: STFT, frames: int, samples: int) -> tuple[Floats, Floats]:
    """The window (n_fft,), and per sample of the padded sound 1 / overlap inside the clip and 0 outside."""
    here = torch.device("cpu")
    weight = overlap(stft, frames, here, torch.float32).numpy()
    inside = np.zeros_like(weight)
    clip = slice(stft.n_fft // 2, stft.n_fft // 2 + samples)
    inside[clip] = 1 / weight[clip]
    return hann(stft.n_fft, here, torch.float32).numpy(), inside
