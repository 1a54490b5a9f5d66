"""The arrays that a kernel keeps between two calls: for one sequence, or for 16 lanes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from soundloom.systems.wavenet.sampler.byte_products import EACH, HEADER
from soundloom.systems.wavenet.sampler.packing import empty
from soundloom.systems.wavenet.sampler.plan import STEP_BLOCK, Plan, round_up
from soundloom.systems.wavenet.sampler.quantisation import Bytes, inputs_of, inputs_of_lanes
from soundloom.systems.wavenet.sampler.weights import Floats


class Buffers(NamedTuple):
    """Arrays of a kernel call. R, G, S, E and outputs are padded; with 16 lanes each of them is (channel, lane), flat.

    Attributes:
        queues: (slot, R), a layer's from `plan.queue_at` on; its input at time t is in slot t modulo (K - 1) dilation.
        old: (t modulo STEP_BLOCK and layer; 2 G), sums of old taps, computed ahead; a single row with 16 lanes.
        base, slope: (layer, 2 G), the gate conditioning at the last frame, and its difference to the next.
        x: (R), a layer's input.
        skips: (S), the sum of the skip connections so far.
        gates: (2 G).
        gated: (G).
        ended: (E).
        outputs: (outputs).
        masses: (outputs), cumulative unnormalised probabilities.
        history: (k0, lanes), the last symbols, newest first.
        x_bytes, gated_bytes, skips_bytes, ended_bytes: these as 8-bit inputs; None unless weights have 8 bits.
    """

    queues: Floats | Bytes
    old: Floats
    base: Floats
    slope: Floats
    x: Floats
    skips: Floats
    gates: Floats
    gated: Floats
    ended: Floats
    outputs: Floats
    masses: Floats
    history: NDArray[np.int64]
    x_bytes: Bytes | None
    gated_bytes: Bytes | None
    skips_bytes: Bytes | None
    ended_bytes: Bytes | None


def buffers_after_silence(plan: Plan, inputs: Floats, silence: int) -> Buffers:
    """Buffers after endless silence, when each layer has had the same input for as long as it can see.

    Args:
        inputs: (sequence, layer, R), R without padding; of one sequence, or of as many as there are lanes.
    """
    shape, lanes = plan.shape, len(inputs)
    buffers = zero_buffers(plan, lanes)
    x = np.zeros((shape.residual, lanes), np.float32)
    for layer in range(shape.layers):
        x[: inputs.shape[2]] = inputs[:, layer].T
        row = (inputs_of if lanes == 1 else inputs_of_lanes)(x.ravel(), buffers.x_bytes)
        buffers.queues[plan.queue_at[layer] : plan.queue_at[layer + 1]] = row
    buffers.history[...] = silence
    return buffers


def zero_buffers(plan: Plan, lanes: int) -> Buffers:
    """Buffers filled with zeros."""
    shape = plan.shape
    width = 2 * shape.gates * lanes
    byte_buffers: list[Bytes | None] = [None] * 4
    queues = empty(plan.queue_at[-1], shape.residual * lanes)
    sizes = (shape.residual, shape.gates, shape.skip, shape.end)
    if plan.steady.dtype == np.int32:
        byte_buffers = [empty(round_up(size // EACH + HEADER) * lanes, dtype=np.int32) for size in sizes]
        queues = empty(plan.queue_at[-1], round_up(shape.residual // EACH + HEADER) * lanes, dtype=np.int32)
    return Buffers(
        queues,
        empty(STEP_BLOCK * shape.layers if lanes == 1 else 1, width),
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
        *byte_buffers,
    )
