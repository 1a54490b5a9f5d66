"""Phase: from magnitudes alone to a waveform that has them.

A method is named by where it starts and how it goes on: `zero`, `random`, `griffin-lim:60`, `fast-griffin-lim:60`,
`accelerated-griffin-lim:60`, `pghi`, `pghi+fast-griffin-lim:8`. The number counts iterations; where no start is
named, the phase is random at first.
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
from soundloom.representations.phase.griffin_lim import Pace
from soundloom.representations.stft import STFT
from soundloom.runtime.settings import nearest

Start = Callable[[NDArray[np.float32], STFT, Generator], NDArray[np.complex64]]

STARTS: dict[str, Start] = {"zero": baselines.zero, "random": baselines.random, "pghi": pghi.pghi}
REFINEMENTS: dict[str, Pace] = {
    "griffin-lim": griffin_lim.PLAIN,
    "fast-griffin-lim": griffin_lim.FAST,
    "accelerated-griffin-lim": griffin_lim.ACCELERATED,
}
BEST = "pghi+accelerated-griffin-lim:20"  # the default everywhere: librosa's quality at more than ten times its speed


@dataclass(frozen=True)
class Method:
    """A phase method, taken apart: a start, then perhaps a refinement of so many iterations."""

    start: str
    refinement: str | None = None
    iterations: int = 0

    @classmethod
    def parse(cls, name: str) -> Method:
        """Read a method's name.

        Raises:
            ValueError: an unknown part, or a number of iterations that is missing or not a number above 0.
        """
        first, plus, rest = name.partition("+")
        if not plus and first in STARTS:
            return cls(first)
        start, refining = (first, rest) if plus else ("random", first)
        refinement, colon, count = refining.partition(":")
        for part, known in ((start, STARTS), (refinement, REFINEMENTS)):
            if part not in known:
                everything = [*STARTS, *REFINEMENTS]
                raise ValueError(
                    f"phase method {name!r}: no part {part!r}; {nearest(part, known if plus else everything)}"
                )
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

    Clips are worked on one after another, on the processor, so that each comes out the same in any batch.

    Args:
        magnitude: linear, at least 0, (batch, channel, frequency, frame), on any device.
        stft: the transform that made it; fixes window, hop and sample rate.
        method: a name, see the top of this file.
        rng: draws what phase is drawn, clip after clip. None is a stream of seed 0.
        samples: length of the answer; by default the longest clip that has so many frames.

    Returns:
        Waveform (batch, channel, time), float32, as loud as `magnitude` says, on the same device.

    Raises:
        ValueError: an unknown method, a frequency axis that does not fit `stft`, magnitudes below 0 or not finite.
    """
    chosen = Method.parse(method)
    batch, channels, bins, frames = magnitude.shape
    samples = stft.check(bins, frames, samples)
    rng = rng or torch.Generator().manual_seed(0)
    rows = rearrange(magnitude.detach(), "batch channel bin frame -> (batch channel) frame bin").cpu().float()
    found = torch.zeros(batch * channels, samples)
    for row, out in zip(rows, found, strict=True):
        out.copy_(torch.from_numpy(_one_clip(own_memory(row).numpy(), stft, chosen, rng, samples)))
    return rearrange(found, "(batch channel) time -> batch channel time", channel=channels).to(magnitude.device)


def _one_clip(
    magnitude: NDArray[np.float32], stft: STFT, method: Method, rng: Generator, samples: int
) -> NDArray[np.float32]:
    """The waveform (time,) of one channel's magnitudes (frame, frequency)."""
    peak, least = float(magnitude.max(initial=0)), float(magnitude.min(initial=0))
    if not math.isfinite(peak) or least < 0:
        raise ValueError(
            f"magnitudes go from {least:g} to {peak:g} but must be finite and at least 0; "
            f"clamp them, or look for the step that made them"
        )
    unit = magnitude / np.float32(peak) if peak > 0 else magnitude
    spectrum = STARTS[method.start](unit, stft, rng)
    pace = REFINEMENTS[method.refinement] if method.refinement else griffin_lim.PLAIN
    return griffin_lim.griffin_lim(spectrum, unit, stft, samples, method.iterations, pace) * np.float32(peak)
