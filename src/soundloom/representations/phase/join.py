"""Join given samples and the spectrum of another sound into one waveform without a seam.

Griffin-Lim with one more constraint: after each iteration the given samples are restored, so that the phase of the
continuation follows from theirs.
"""

from __future__ import annotations

import torch
from torch import Tensor

from soundloom.representations.stft import STFT

ITERATIONS = 32


def join(given: Tensor, following: Tensor, sample_rate: int, iterations: int = ITERATIONS) -> Tensor:
    """Continue `given` with the spectrum of `following`.

    Args:
        given: (channel, time); the result starts with exactly these samples.
        following: (channel, time), longer than `given`; the part after the end of `given` is the continuation.
        sample_rate: of both, in Hz.
        iterations: of Griffin-Lim.

    Returns:
        Waveform of the shape of `following`.
    """
    stft = STFT(sample_rate, 1024, 256)
    kept, length = given.shape[1], following.shape[1]
    wave = following.clone()
    wave[:, :kept] = given
    wanted = stft.encode(following[None]).abs()
    for _ in range(iterations):
        spectrum = stft.encode(wave[None])
        phase = spectrum / spectrum.abs().clamp_min(1e-12)
        found = stft.decode(wanted * phase)[0]
        wave = torch.nn.functional.pad(found, (0, max(0, length - found.shape[1])))[:, :length]
        wave[:, :kept] = given
    return wave
