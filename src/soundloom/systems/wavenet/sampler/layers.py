"""The parts of a layer that do not weigh anything, on flat arrays: of one sequence, or of sixteen and their lanes."""

from __future__ import annotations

import numpy as np

from soundloom.systems.wavenet.sampler.compiling import compiled
from soundloom.systems.wavenet.sampler.elementwise import gate, multiply_add
from soundloom.systems.wavenet.sampler.quantising import Bytes
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
def add_starts(gates: Floats, old: Floats, row: int, base: Floats, rise: Floats, layer: int, share: np.float32) -> None:
    """Sums of old taps, plus what gates start with, `share` of the way from one frame to the next."""
    still = share == ZERO
    for g in range(len(gates)):
        start = base[layer, g] if still else multiply_add(share, rise[layer, g], base[layer, g])
        gates[g] = old[row, g] + start


@compiled()
def push(queues: Floats | Bytes, slot: int, inputs: Floats | Bytes) -> None:
    """Put a layer's input into its queue, in place of what no step needs any more."""
    for r in range(len(inputs)):
        queues[slot, r] = inputs[r]


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
