"""The parts of a layer that do not weigh anything, on flat arrays: of one sequence, or of sixteen and their lanes."""

from __future__ import annotations

import numpy as np

from soundloom.representations.compiled import compiled
from soundloom.systems.wavenet.sampler.elementwise import gate, multiply_add
from soundloom.systems.wavenet.sampler.vectors import LANES, fetch
from soundloom.systems.wavenet.sampler.weights import Floats

ZERO = np.float32(0.0)


@compiled()
def take_frame(base: Floats, rise: Floats, starts: Floats, frame: int, gates: int, lane: int, lanes: int) -> None:
    """What one sequence's gates start with from `frame` to the next; after the last frame they stay as they are.

    Args:
        base, rise: (layer, 2 gates lanes), take the value at the frame, and how much more it is at the next.
        starts: (layer, frame, 2 G), G without padding.
        gates: G with padding.
    """
    layers, frames, channels = starts.shape
    here, there = min(frame, frames - 1), min(frame + 1, frames - 1)
    for layer in range(layers):
        for half in range(2):
            for g in range(channels // 2):
                start = starts[layer, here, half * (channels // 2) + g]
                to = (half * gates + g) * lanes + lane
                base[layer, to] = start
                rise[layer, to] = starts[layer, there, half * (channels // 2) + g] - start


@compiled()
def add_starts(gates: Floats, old: Floats, base: Floats, rise: Floats, share: np.float32) -> None:
    """Sums of old taps, plus what gates start with, `share` of the way from one frame to the next."""
    if share == ZERO:
        for g in range(len(gates)):
            gates[g] = old[g] + base[g]
    else:
        for g in range(len(gates)):
            gates[g] = old[g] + multiply_add(share, rise[g], base[g])


@compiled()
def fetch_all(row: Floats) -> None:
    """Have a row brought near."""
    for n in range(0, len(row), LANES):
        fetch(row, n)


@compiled()
def pass_gates(gates: Floats, gated: Floats) -> None:
    """tanh of the first half times the sigmoid of the second."""
    half = len(gated)
    for g in range(half):
        gated[g] = gate(gates[g], gates[half + g])


@compiled()
def rectify(sums: Floats, scale: np.float32) -> None:
    """max(scale * sum, 0)."""
    for n in range(len(sums)):
        sums[n] = max(sums[n] * scale, ZERO)
