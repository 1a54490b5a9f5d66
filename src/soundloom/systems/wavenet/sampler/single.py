"""The kernel for one sequence: the 16 lanes of a register hold 16 outputs of a layer."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from soundloom.systems.wavenet.sampler.buffers import Buffers
from soundloom.systems.wavenet.sampler.compilation import compiled
from soundloom.systems.wavenet.sampler.draws import (
    accumulate_masses,
    draw_class,
    draw_logistic,
    largest,
    most_likely,
    value,
)
from soundloom.systems.wavenet.sampler.elementwise import multiply_add
from soundloom.systems.wavenet.sampler.layers import add_conditioning, apply_gates, load_frame, push, scaled_relu
from soundloom.systems.wavenet.sampler.matvec import BLOCKS, add_matvec, add_matvec_steps, group_size
from soundloom.systems.wavenet.sampler.packing import PAIR, Arena
from soundloom.systems.wavenet.sampler.plan import STEP_BLOCK, Plan
from soundloom.systems.wavenet.sampler.quantisation import Bytes, inputs_of
from soundloom.systems.wavenet.sampler.vectors import LANES
from soundloom.systems.wavenet.sampler.weights import Floats

ZERO = np.float32(0.0)
ONE = np.float32(1.0)


@compiled()
def advance(
    plan: Plan,
    buffers: Buffers,
    time: int,
    symbols: NDArray[np.int64],
    uniforms: NDArray[np.float64],
    conditioning: Floats,
    hop: int,
    offset: int,
    temperature: float,
    top_p: float,
    logits: Floats,
) -> None:
    """Take as many steps as there are symbols, starting at `time`; negative symbols are replaced by draws.

    Args:
        symbols: (step,), updated in place.
        uniforms: (step, draw).
        conditioning: (layer, frame, 2 G); step t lies at frame (offset + t) / hop.
        logits: (step, output), filled with the network's outputs; or without steps.
    """
    shape, first, steady, old_arena, input_bias, skip_bias, end_bias, head_bias, dilations, step_blocks, queue_at = plan
    (
        queues,
        old,
        base,
        slope,
        x,
        skips,
        gates,
        gated,
        ended,
        outputs,
        masses,
        history,
        x_bytes,
        gated_bytes,
        skips_bytes,
        ended_bytes,
    ) = buffers
    frame = -1
    for t in range(len(symbols)):
        now = time + t
        if (offset + t) // hop != frame:
            frame = (offset + t) // hop
            load_frame(base, slope, conditioning, frame, shape.gates, 0, 1)
        share = np.float32((offset + t) % hop) / np.float32(hop) if conditioning.shape[1] > 1 else ZERO
        embed(x, history, first, shape.levels)
        skips[:] = skip_bias
        row = now % STEP_BLOCK * shape.layers  # of `old`, the first layer's
        for layer in range(shape.layers):
            steps, queue, slots = step_blocks[layer], queue_at[layer], queue_at[layer + 1] - queue_at[layer]
            if now & (steps - 1) == 0:
                at, apart = layer * shape.old, shape.layers * len(gates)
                sum_old_taps(
                    old, row + layer, apart, steps, old_arena, at, queues, queue, slots, now, dilations[layer], len(x)
                )
            add_input_bias(x, input_bias, layer)
            inputs = inputs_of(x, x_bytes)
            push(queues, queue + now % slots, inputs)
            add_conditioning(gates, old, row + layer, base, slope, layer, share)
            at = add_matvecs(gates, steady, layer * shape.layer, inputs, len(x))
            apply_gates(gates, gated)
            mixed = inputs_of(gated, gated_bytes)
            at = add_matvecs(x, steady, at, mixed, len(gated))
            add_matvecs(skips, steady, at, mixed, len(gated))
        if len(logits) or symbols[t] < 0:
            scaled_relu(skips, shape.skip_scale)
            ended[:] = end_bias
            at = shape.layers * shape.layer
            at = add_matvecs(ended, steady, at, inputs_of(skips, skips_bytes), len(skips))
            scaled_relu(ended, ONE)
            outputs[:] = head_bias
            add_matvecs(outputs, steady, at, inputs_of(ended, ended_bytes), len(ended))
        if len(logits):
            for o in range(logits.shape[1]):
                logits[t, o] = outputs[o]
        if symbols[t] < 0:
            symbols[t] = draw(
                outputs,
                masses,
                shape.levels,
                shape.components,
                shape.least_log_scale,
                uniforms[t],
                temperature,
                top_p,
            )
        for j in range(len(history) - 1, 0, -1):
            history[j, 0] = history[j - 1, 0]
        history[0, 0] = symbols[t]


@compiled()
def embed(x: Floats, history: NDArray[np.int64], first: Floats, levels: int) -> None:
    """Set x to what the last symbols contribute: a table lookup if there are `levels`, else weights times numbers."""
    x[:] = ZERO
    for j in range(len(history)):
        symbol = history[j, 0]
        entries = first[j, symbol if levels else 0]
        if levels:
            for r in range(len(x)):
                x[r] += entries[r]
        else:
            for r in range(len(x)):
                x[r] = multiply_add(entries[r], value(symbol), x[r])


@compiled()
def add_input_bias(x: Floats, bias: Floats, layer: int) -> None:
    """Add the bias of a layer's input."""
    for r in range(len(x)):
        x[r] += bias[layer, r]


@compiled()
def sum_old_taps(
    sums: Floats,
    row: int,
    apart: int,
    steps: int,
    arena: Arena,
    at: int,
    queues: Floats | Bytes,
    queue: int,
    slots: int,
    now: int,
    dilation: int,
    residual: int,
) -> None:
    """Sum the products of a layer's older taps, for as many steps ahead as their inputs are known.

    Args:
        sums: (step layers, 2 G); filled from `row` on, with `apart` elements from one step to the next.
        arena: weights; the layer's begin at `at`.
        queues: (slot, R); the layer's `slots` begin at `queue`.
    """
    width, size = sums.shape[1], queues.shape[1]
    for step in range(steps):
        for g in range(width):
            sums[row + step * (apart // width), g] = ZERO
    for output in range(row * width, (row + 1) * width, PAIR * LANES):
        for tap in range(slots // dilation):
            x = (queue + (now + tap * dilation) % slots) * size
            if steps == 1:
                add_matvec_steps(sums, output, apart, arena, at, queues, x, size, residual, 1, PAIR)
            elif steps == 2:
                add_matvec_steps(sums, output, apart, arena, at, queues, x, size, residual, 2, PAIR)
            elif steps == 4:
                add_matvec_steps(sums, output, apart, arena, at, queues, x, size, residual, 4, PAIR)
            elif steps == 8:
                add_matvec_steps(sums, output, apart, arena, at, queues, x, size, residual, 8, PAIR)
            else:
                add_matvec_steps(sums, output, apart, arena, at, queues, x, size, residual, 8, PAIR)
                x += 8 * size
                add_matvec_steps(sums, output + 8 * apart, apart, arena, at, queues, x, size, residual, 8, PAIR)
            at += group_size(arena, residual, PAIR * LANES)


@compiled()
def add_matvecs(sums: Floats, arena: Arena, at: int, x: Floats | Bytes, inputs: int) -> int:
    """Add a matrix-vector product to all sums, group by group; returns the position after it in the arena."""
    outputs, to = len(sums), 0
    while to + BLOCKS * LANES <= outputs:
        add_matvec(sums, to, arena, at, x, inputs, BLOCKS)
        at += group_size(arena, inputs, BLOCKS * LANES)
        to += BLOCKS * LANES
    while to + 4 * LANES <= outputs:
        add_matvec(sums, to, arena, at, x, inputs, 4)
        at += group_size(arena, inputs, 4 * LANES)
        to += 4 * LANES
    while to + 2 * LANES <= outputs:
        add_matvec(sums, to, arena, at, x, inputs, 2)
        at += group_size(arena, inputs, 2 * LANES)
        to += 2 * LANES
    while to < outputs:
        add_matvec(sums, to, arena, at, x, inputs, 1)
        at += group_size(arena, inputs, LANES)
        to += LANES
    return at


@compiled()
def draw(
    outputs: Floats,
    masses: Floats,
    levels: int,
    components: int,
    least_log_scale: np.float32,
    uniforms: NDArray[np.float64],
    temperature: float,
    top_p: float,
) -> int:
    """Draw one symbol from the outputs."""
    if not levels:
        return draw_logistic(outputs, 0, 1, components, least_log_scale, temperature, uniforms)
    if temperature == 0:
        return most_likely(outputs, 0, 1, levels)
    peak = largest(outputs, levels)
    for c in range(levels):
        masses[c] = peak
    accumulate_masses(outputs, masses, 1, levels, temperature, top_p)
    return draw_class(masses, 0, 1, levels, uniforms[0])
