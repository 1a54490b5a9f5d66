"""The parts of a layer that do not weigh anything, on flat arrays: of one sequence, or of sixteen and their lanes."""

from __future__ import annotations

import numpy as np

from soundloom.representations.compiled import compiled
from soundloom.systems.wavenet.sampler.elementwise import gate, multiply_add
from soundloom.systems.wavenet.sampler.weights import Floats

ZERO = np.float32(0.0)


@compiled()
def take_frame(base: Floats, rise: Floats, starts: Floats, frame: int, gates: int, lane: int, lanes: int) -> None:
    """What one sequence's gates start with from `frame` to the next; after the last frame they stay as they are.

    Args:
        base, rise: (layer, 2, gates, lanes), take the value at the frame, and how much more it is at the next.
        starts: (layer, frame, 2 G), G without padding.
        gates: G with padding.
    """
    layers, frames, channels = starts.shape
    here, there = min(frame, frames - 1), min(frame + 1, frames - 1)
    for layer in range(layers):
        for half in range(2):
            for g in range(channels // 2):
                start = starts[layer, here, half * (channels // 2) + g]
                to = ((2 * layer + half) * gates + g) * lanes + lane
                base[to] = start
                rise[to] = starts[layer, there, half * (channels // 2) + g] - start


@compiled()
def add_starts(gates: Floats, old: Floats, old_at: int, base: Floats, rise: Floats, at: int, share: np.float32) -> None:
    """Put sums of old taps, from `old_at` on, plus what the gates start with, from `at` on, a `share` of its rise in."""
    if share == ZERO:
        for g in range(len(gates)):
            gates[g] = old[old_at + g] + base[at + g]
    else:
        for g in range(len(gates)):
            gates[g] = old[old_at + g] + multiply_add(share, rise[at + g], base[at + g])


@compiled()
def pass_gates(gates: Floats, gated: Floats) -> None:
    """tanh of the first half times the sigmoid of the second."""
    half = len(gated)
    for g in range(half):
        gated[g] = gate(gates[g], gates[half + g])


@compiled()
def push(queues: Floats, to: int, x: Floats) -> None:
    """Put a layer's input into its queue."""
    for r in range(len(x)):
        queues[to + r] = x[r]


@compiled()
def rectify(sums: Floats, scale: np.float32) -> None:
    """max(scale * sum, 0)."""
    for n in range(len(sums)):
        sums[n] = max(sums[n] * scale, ZERO)


@compiled()
def add(sums: Floats, terms: Floats, at: int) -> None:
    """Add terms from `at` on."""
    for n in range(len(sums)):
        sums[n] += terms[at + n]
