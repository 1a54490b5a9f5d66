"""Griffin-Lim, plain, fast and accelerated: take the sound's spectrum, put the wanted magnitudes in, rebuild, repeat.

The published algorithms add multiples of spectra of real sounds. The transform is linear, so that the same sums are
made here of the sounds themselves, an eighth of the numbers.
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

BLOCK = 256  # frames transformed at a time: keeps long clips in memory; smaller is slower

Floats = NDArray[np.float32]


class Pace(NamedTuple):
    """How boldly an iteration goes on in the direction it found; 0, 0, 1 just follows it."""

    momentum: float  # alpha of the papers
    recall: float = 0.0  # beta
    stretch: float = 1.0  # gamma


PLAIN = Pace(0.0)  # the distance to the magnitudes never grows, but shrinks slowly
FAST = Pace(0.99)
ACCELERATED = Pace(0.9, 0.9, 1.3)  # of a grid around the paper's values, the best on drum hits after 8 to 32 iterations


class Resynthesis:
    """Between one clip's sound and its spectra. A sound here has half a frame of silence before and after it.

    What is transformed lies in tensors of torch's own: they are aligned, and the transform of an array that is not may
    round differently.
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
        """The sound whose spectrum is nearest to (frame, frequency) in least squares."""
        from soundloom.representations.phase.loops import overlap_add

        sound, aligned = np.zeros_like(self.weight), torch.tensor(spectrum)
        for first in range(0, self.frames, BLOCK):
            frames = torch.fft.irfft(aligned[first : first + BLOCK], n=self.stft.n_fft).numpy()
            overlap_add(frames, self.window, self.stft.hop, sound[first * self.stft.hop :])
        sound *= self.weight
        return sound

    def with_magnitude(self, sound: Floats, magnitude: Floats) -> Floats:
        """One iteration: the phases of `sound`, the magnitudes given (frame, frequency), as a sound again."""
        from soundloom.representations.phase.loops import cut_frames, impose, overlap_add

        n_fft, hop = self.stft.n_fft, self.stft.hop
        rebuilt = np.zeros_like(sound)
        pieces = torch.empty(min(BLOCK, self.frames), n_fft).numpy()
        for first in range(0, self.frames, BLOCK):
            wanted = magnitude[first : first + BLOCK]
            frames = pieces[: len(wanted)]
            cut_frames(sound[first * hop :], self.window, hop, frames)
            spectrum = torch.fft.rfft(torch.from_numpy(frames))
            impose(wanted, spectrum.numpy().view(np.float32))
            overlap_add(torch.fft.irfft(spectrum, n=n_fft).numpy(), self.window, hop, rebuilt[first * hop :])
        rebuilt *= self.weight
        return rebuilt


def griffin_lim(
    spectrum: NDArray[np.complex64], magnitude: Floats, stft: STFT, samples: int, iterations: int, pace: Pace = PLAIN
) -> Floats:
    """Find a sound with the given magnitudes, starting from a spectrum's phase.

    Args:
        spectrum: where to start, (frame, frequency).
        magnitude: what to reach, linear, peak 1 (or silent), (frame, frequency).
        stft: the transform that both belong to.
        samples: length of the sound; there is silence before and after.
        iterations: none rebuilds the spectrum as it is; 16 refine PGHI, 60 or more a random phase.
        pace: PLAIN, FAST (as far in a third of the iterations) or ACCELERATED (a fifth quicker still).

    Returns:
        Waveform (time,).
    """
    from soundloom.representations.phase.loops import advance

    between = Resynthesis(stft, len(magnitude), samples)
    found = between.sound(spectrum)
    target, before, recalled = found.copy(), found.copy(), found.copy()
    for _ in range(iterations):
        found = between.with_magnitude(target, magnitude)
        advance(found, pace.momentum, pace.recall, pace.stretch, before, recalled, target)
    return found[between.clip]
