"""What one sequence, or 16 of them side by side, remember between two calls."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from soundloom.systems.wavenet.sampler.byte_products import EACH, HEADER
from soundloom.systems.wavenet.sampler.packing import empty
from soundloom.systems.wavenet.sampler.plan import TOGETHER, Plan, up
from soundloom.systems.wavenet.sampler.quantising import Bytes, inputs_of, inputs_of_lanes
from soundloom.systems.wavenet.sampler.weights import Floats


class Memory(NamedTuple):
    """What is here for each of R, G, S, E or outputs, all of them padded, is there for one lane after another.

    Attributes:
        queues: (slot, R), of each layer from `plan.queue_at` on its input at time modulo (K - 1) dilation.
        old: (time modulo TOGETHER, layer; 2 G), sums of old taps, some of them ahead; one row if there are many lanes.
        base, rise: (layer, 2 G), what the gates start with at the last frame, and how much more at the next.
        x: (R), a layer's input.
        skips: (S), their sum so far.
        gates: (2 G).
        gated: (G).
        ended: (E).
        outputs: (outputs).
        masses: (outputs), up to each class the sum of what is in proportion to its probability.
        heard: (k0, lanes), the last symbols, newest first.
        x_bytes, gated_bytes, skips_bytes, ended_bytes: room for these as inputs of weights of eight bits, else None.
    """

    queues: Floats | Bytes
    old: Floats
    base: Floats
    rise: Floats
    x: Floats
    skips: Floats
    gates: Floats
    gated: Floats
    ended: Floats
    outputs: Floats
    masses: Floats
    heard: NDArray[np.int64]
    x_bytes: Bytes | None
    gated_bytes: Bytes | None
    skips_bytes: Bytes | None
    ended_bytes: Bytes | None


def settled(plan: Plan, inputs: Floats, silence: int) -> Memory:
    """As after endless silence, when each layer has had the same input for long.

    Args:
        inputs: (sequence, layer, R), R without padding; of one sequence, or of as many as there are lanes.
    """
    shape, lanes = plan.shape, len(inputs)
    held = memory(plan, lanes)
    x = np.zeros((shape.residual, lanes), np.float32)
    for layer in range(shape.layers):
        x[: inputs.shape[2]] = inputs[:, layer].T
        row = (inputs_of if lanes == 1 else inputs_of_lanes)(x.ravel(), held.x_bytes)
        held.queues[plan.queue_at[layer] : plan.queue_at[layer + 1]] = row
    held.heard[...] = silence
    return held


def memory(plan: Plan, lanes: int) -> Memory:
    """All zero."""
    shape = plan.shape
    width = 2 * shape.gates * lanes
    rooms: list[Bytes | None] = [None] * 4
    queues = empty(plan.queue_at[-1], shape.residual * lanes)
    sizes = (shape.residual, shape.gates, shape.skip, shape.end)
    if plan.steady.dtype == np.int32:
        rooms = [empty(up(size // EACH + HEADER) * lanes, dtype=np.int32) for size in sizes]
        queues = empty(plan.queue_at[-1], up(shape.residual // EACH + HEADER) * lanes, dtype=np.int32)
    return Memory(
        queues,
        empty(TOGETHER * shape.layers if lanes == 1 else 1, width),
        empty(shape.layers, width),
        empty(shape.layers, width),
        empty(shape.residual * lanes),
        empty(shape.skip * lanes),
        empty(width),
        empty(shape.gates * lanes),
        empty(shape.end * lanes),
        empty(shape.outputs * lanes),
        empty(shape.outputs * lanes),
        np.zeros((len(plan.first), lanes), np.int64),
        *rooms,
    )
