"""The parts of a layer without weights, on flat arrays of one sequence or of 16 lanes."""

from __future__ import annotations

import numpy as np

from soundloom.systems.wavenet.sampler.compilation import compiled
from soundloom.systems.wavenet.sampler.elementwise import gate, multiply_add
from soundloom.systems.wavenet.sampler.quantisation import Bytes
from soundloom.systems.wavenet.sampler.weights import Floats

ZERO = np.float32(0.0)


@compiled()
def load_frame(
    base: Floats, slope: Floats, conditioning: Floats, frame: int, gates: int, lane: int, lanes: int
) -> None:
    """Load one sequence's gate conditioning at `frame` and its slope to the next frame; it is constant after the last.

    Args:
        base, slope: (layer, 2 gates lanes), filled with the value at the frame and the difference to the next frame.
        conditioning: (layer, frame, 2 G), G without padding.
        gates: G with padding.
    """
    layers, frames, channels = conditioning.shape
    here, there = min(frame, frames - 1), min(frame + 1, frames - 1)
    for layer in range(layers):
        for half in range(2):
            for g in range(channels // 2):
                start = conditioning[layer, here, half * (channels // 2) + g]
                to = (half * gates + g) * lanes + lane
                base[layer, to] = start
                slope[layer, to] = conditioning[layer, there, half * (channels // 2) + g] - start


@compiled()
def add_conditioning(
    gates: Floats, old: Floats, row: int, base: Floats, slope: Floats, layer: int, share: np.float32
) -> None:
    """Set gates to the sums of old taps plus the conditioning, `share` of the way from one frame to the next."""
    still = share == ZERO
    for g in range(len(gates)):
        start = base[layer, g] if still else multiply_add(share, slope[layer, g], base[layer, g])
        gates[g] = old[row, g] + start


@compiled()
def push(queues: Floats | Bytes, slot: int, inputs: Floats | Bytes) -> None:
    """Write a layer's input to its queue, over the oldest entry, which no later step reads."""
    for r in range(len(inputs)):
        queues[slot, r] = inputs[r]


@compiled()
def apply_gates(gates: Floats, gated: Floats) -> None:
    """tanh of the first half times the sigmoid of the second."""
    half = len(gated)
    for g in range(half):
        gated[g] = gate(gates[g], gates[half + g])


@compiled()
def scaled_relu(sums: Floats, scale: np.float32) -> None:
    """max(scale * sum, 0)."""
    for n in range(len(sums)):
        sums[n] = max(sums[n] * scale, ZERO)
