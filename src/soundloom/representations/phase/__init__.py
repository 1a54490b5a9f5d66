"""Phase reconstruction: find a waveform that has given magnitudes.

A method's name consists of a start, a refinement or both: `zero`, `random`, `griffin-lim:60`, `fast-griffin-lim:60`,
`accelerated-griffin-lim:60`, `pghi`, `pghi+fast-griffin-lim:8`. The number counts iterations; without a start, the
phase is random at first.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from einops import rearrange
from numpy.typing import NDArray
from torch import Generator, Tensor

from soundloom.representations.clip_by_clip import own_memory
from soundloom.representations.phase import baselines, griffin_lim, pghi
from soundloom.representations.phase.griffin_lim import Acceleration
from soundloom.representations.stft import STFT
from soundloom.runtime.settings import nearest

Start = Callable[[NDArray[np.float32], STFT, Generator], NDArray[np.complex64]]

STARTS: dict[str, Start] = {"zero": baselines.zero, "random": baselines.random, "pghi": pghi.pghi}
REFINEMENTS: dict[str, Acceleration] = {
    "griffin-lim": griffin_lim.CLASSIC,
    "fast-griffin-lim": griffin_lim.FAST,
    "accelerated-griffin-lim": griffin_lim.ACCELERATED,
}
BEST = "pghi+accelerated-griffin-lim:20"  # the default everywhere: librosa's quality at more than ten times its speed


@dataclass(frozen=True)
class Method:
    """A parsed phase method: a start, and optionally a refinement with a number of iterations."""

    start: str
    refinement: str | None = None
    iterations: int = 0

    @classmethod
    def parse(cls, name: str) -> Method:
        """Parse the name of a method.

        Raises:
            ValueError: a part is unknown, or the number of iterations is missing or not a whole number above 0.
        """
        first, plus, rest = name.partition("+")
        if not plus and first in STARTS:
            return cls(first)
        start, refining = (first, rest) if plus else ("random", first)
        refinement, colon, count = refining.partition(":")
        for part, known in ((start, STARTS), (refinement, REFINEMENTS)):
            if part not in known:
                parts = [*STARTS, *REFINEMENTS]
                raise ValueError(f"phase method {name!r}: no part {part!r}; {nearest(part, known if plus else parts)}")
        if not colon or not count.isdecimal() or int(count) < 1:
            raise ValueError(
                f"phase method {name!r} does not say how many iterations; write a number after a colon, "
                f"such as {start + '+' if plus else ''}{refinement}:32"
            )
        return cls(start, refinement, int(count))


def reconstruct_phase(
    magnitude: Tensor, stft: STFT, method: str, rng: Generator | None = None, samples: int | None = None
) -> Tensor:
    """Find a waveform whose spectrum has the given magnitudes.

    Clips are processed one after another, on the CPU, so that each has the same bytes in any batch.

    Args:
        magnitude: linear, at least 0, (batch, channel, frequency, frame), on any device.
        stft: the transform that made it; fixes window, hop and sample rate.
        method: a name, see the top of this file.
        rng: draws random phases, clip after clip. None is a generator with seed 0.
        samples: length of the waveform; by default the longest clip with as many frames.

    Returns:
        Waveform (batch, channel, time), float32, as loud as `magnitude` says, on the same device.

    Raises:
        ValueError: the method is unknown, the frequency axis does not fit `stft`, or magnitudes are negative or not
            finite.
    """
    chosen = Method.parse(method)
    batch, channels, bins, frames = magnitude.shape
    samples = stft.check(bins, frames, samples)
    rng = rng or torch.Generator().manual_seed(0)
    rows = rearrange(magnitude.detach(), "batch channel bin frame -> (batch channel) frame bin").cpu().float()
    waveforms = torch.zeros(batch * channels, samples)
    for row, out in zip(rows, waveforms, strict=True):
        out.copy_(torch.from_numpy(_one_clip(own_memory(row).numpy(), stft, chosen, rng, samples)))
    return rearrange(waveforms, "(batch channel) time -> batch channel time", channel=channels).to(magnitude.device)


def _one_clip(
    magnitude: NDArray[np.float32], stft: STFT, method: Method, rng: Generator, samples: int
) -> NDArray[np.float32]:
    """The waveform (time,) of one channel's magnitudes (frame, frequency)."""
    peak, least = float(magnitude.max(initial=0)), float(magnitude.min(initial=0))
    if not math.isfinite(peak) or least < 0:
        raise ValueError(
            f"magnitudes go from {least:g} to {peak:g} but must be finite and at least 0; "
            f"clamp them, or find the step that produced them"
        )
    unit = magnitude / np.float32(peak) if peak > 0 else magnitude
    spectrum = STARTS[method.start](unit, stft, rng)
    acceleration = REFINEMENTS[method.refinement] if method.refinement else griffin_lim.CLASSIC
    return griffin_lim.griffin_lim(spectrum, unit, stft, samples, method.iterations, acceleration) * np.float32(peak)
