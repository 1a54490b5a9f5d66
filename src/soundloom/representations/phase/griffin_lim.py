"""Griffin-Lim, classic, fast and accelerated: transform, replace the magnitudes, transform back, repeat.

The published algorithms add multiples of spectra. The transform is linear, so the same sums are computed here on the
waveforms, which have an eighth of the numbers.
Griffin & Lim 1984, https://doi.org/10.1109/TASSP.1984.1164317
Fast: Perraudin, Balazs & Søndergaard 2013, https://doi.org/10.1109/WASPAA.2013.6701851
Accelerated: Nenov, Nguyen, Balazs & Holighaus 2023, https://arxiv.org/abs/2306.12504
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from soundloom.representations.stft import STFT, hann, overlap

BLOCK = 256  # frames transformed at a time: bounds the memory of long clips; smaller blocks are slower

Floats = NDArray[np.float32]


class Acceleration(NamedTuple):
    """How far an iteration extrapolates, in the notation of the papers; 0, 0, 1 does not."""

    alpha: float
    beta: float = 0.0
    gamma: float = 1.0


CLASSIC = Acceleration(0.0)  # the distance to the magnitudes never grows, but shrinks slowly
FAST = Acceleration(0.99)
ACCELERATED = Acceleration(0.9, 0.9, 1.3)  # of a grid near the paper's, the best on drum hits after 8 to 32 iterations


class Resynthesis:
    """Transforms between the waveform of one clip, padded with half a frame of silence on either side, and its spectra.

    Arrays are transformed in memory allocated by torch, which is aligned: the transform of other memory may round
    differently.
    """

    def __init__(self, stft: STFT, frames: int, samples: int) -> None:
        here = torch.device("cpu")
        self.stft, self.frames = stft, frames
        self.window: Floats = hann(stft.n_fft, here, torch.float32).numpy()
        self.clip = slice(stft.n_fft // 2, stft.n_fft // 2 + samples)
        summed = overlap(stft, frames, here, torch.float32).numpy()
        self.weight: Floats = np.zeros_like(summed)
        self.weight[self.clip] = 1 / summed[self.clip]

    def sound(self, spectrum: NDArray[np.complex64]) -> Floats:
        """The waveform whose spectrum is the nearest to (frame, frequency) in the least-squares sense."""
        from soundloom.representations.phase.loops import overlap_add

        sound, aligned = np.zeros_like(self.weight), torch.tensor(spectrum)
        for first in range(0, self.frames, BLOCK):
            frames = torch.fft.irfft(aligned[first : first + BLOCK], n=self.stft.n_fft).numpy()
            overlap_add(frames, self.window, self.stft.hop, sound[first * self.stft.hop :])
        sound *= self.weight
        return sound

    def with_magnitude(self, sound: Floats, magnitude: Floats) -> Floats:
        """One iteration: combine the phases of `sound` with magnitudes (frame, frequency), and transform back."""
        from soundloom.representations.phase.loops import cut_frames, impose, overlap_add

        n_fft, hop = self.stft.n_fft, self.stft.hop
        rebuilt = np.zeros_like(sound)
        pieces = torch.empty(min(BLOCK, self.frames), n_fft).numpy()
        for first in range(0, self.frames, BLOCK):
            target = magnitude[first : first + BLOCK]
            frames = pieces[: len(target)]
            cut_frames(sound[first * hop :], self.window, hop, frames)
            spectrum = torch.fft.rfft(torch.from_numpy(frames))
            impose(target, spectrum.numpy().view(np.float32))
            overlap_add(torch.fft.irfft(spectrum, n=n_fft).numpy(), self.window, hop, rebuilt[first * hop :])
        rebuilt *= self.weight
        return rebuilt


def griffin_lim(
    spectrum: NDArray[np.complex64],
    magnitude: Floats,
    stft: STFT,
    samples: int,
    iterations: int,
    acceleration: Acceleration = CLASSIC,
) -> Floats:
    """Find a waveform with the given magnitudes, starting from the phase of a spectrum.

    Args:
        spectrum: where to start, (frame, frequency).
        magnitude: the target, linear, peak 1 (or silent), (frame, frequency).
        stft: the transform of both.
        samples: length of the waveform; it is preceded and followed by silence.
        iterations: 0 only inverts `spectrum`; 16 refine PGHI; a random phase needs 60 or more.
        acceleration: CLASSIC, FAST (needs a third of the iterations) or ACCELERATED (needs a fifth fewer still).

    Returns:
        Waveform (time,).
    """
    from soundloom.representations.phase.loops import advance

    resynthesis = Resynthesis(stft, len(magnitude), samples)
    found = resynthesis.sound(spectrum)
    target, before, averaged = found.copy(), found.copy(), found.copy()
    for _ in range(iterations):
        found = resynthesis.with_magnitude(target, magnitude)
        advance(found, *acceleration, before, averaged, target)
    return found[resynthesis.clip]
