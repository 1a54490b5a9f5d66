"""What one sequence, or 16 of them side by side, remember between two calls."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from soundloom.representations.compiled import compiled
from soundloom.systems.wavenet.sampler.plan import Plan, empty
from soundloom.systems.wavenet.sampler.weights import Floats


class Memory(NamedTuple):
    """Flat arrays with a last axis of lanes, of which a lone sequence has one.

    Attributes:
        queues: of each layer from `plan.queue_at` on, its input (time modulo (K - 1) dilation, R).
        old: (layer, step, 2 G), sums of old taps for some steps ahead, of a lone sequence only.
        base, rise: (layer, 2 G), what the gates start with at the last frame, and how much more at the next.
        flow: (R + S), a layer's input and the sum of skips.
        gates: (2 G).
        gated: (G).
        ended: (E).
        outputs: (outputs).
        masses: (outputs), of which the first add up to probabilities.
        heard: (k0, lanes), the last symbols, newest first.
    """

    queues: Floats
    old: Floats
    base: Floats
    rise: Floats
    flow: Floats
    gates: Floats
    gated: Floats
    ended: Floats
    outputs: Floats
    masses: Floats
    heard: NDArray[np.int64]


def memory(plan: Plan, lanes: int) -> Memory:
    shape = plan.shape
    steps = int(plan.together.max()) if lanes == 1 else 0
    return Memory(
        empty(int(plan.queue_at[-1]) * shape.residual * lanes),
        empty(shape.layers * steps * 2 * shape.gates),
        empty(shape.layers * 2 * shape.gates * lanes),
        empty(shape.layers * 2 * shape.gates * lanes),
        empty((shape.residual + shape.skip) * lanes),
        empty(2 * shape.gates * lanes),
        empty(shape.gates * lanes),
        empty(shape.end * lanes),
        empty(shape.outputs * lanes),
        empty(shape.outputs * lanes),
        np.zeros((len(plan.first), lanes), np.int64),
    )


@compiled()
def take_frame(shape: object, memory: Memory, starts: Floats, frame: int, lane: int, lanes: int) -> None:
    """What one sequence's gates start with from `frame` to the next; after the last frame they stay as they are.

    Args:
        shape: the plan's.
        starts: (layer, frame, 2 G), G without padding.
    """
    layers, frames, channels = starts.shape
    gates = channels // 2
    here, there = min(frame, frames - 1), min(frame + 1, frames - 1)
    for layer in range(layers):
        for half in range(2):
            for g in range(gates):
                now = starts[layer, here, half * gates + g]
                to = ((2 * layer + half) * shape.gates + g) * lanes + lane  # type: ignore[attr-defined]
                memory.base[to] = now
                memory.rise[to] = starts[layer, there, half * gates + g] - now
