"""One sequence, step after step: 16 outputs of a layer side by side in a register."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from soundloom.systems.wavenet.sampler.compiling import compiled
from soundloom.systems.wavenet.sampler.drawing import (
    accumulate_masses,
    draw_class,
    draw_logistic,
    largest,
    likeliest,
    value,
)
from soundloom.systems.wavenet.sampler.elementwise import multiply_add
from soundloom.systems.wavenet.sampler.layers import add_starts, pass_gates, push, rectify, take_frame
from soundloom.systems.wavenet.sampler.memory import Memory
from soundloom.systems.wavenet.sampler.packing import PAIR, Arena
from soundloom.systems.wavenet.sampler.plan import TOGETHER, Plan
from soundloom.systems.wavenet.sampler.quantising import Bytes, inputs_of
from soundloom.systems.wavenet.sampler.vectors import LANES
from soundloom.systems.wavenet.sampler.weighing import BLOCKS, group_size, weigh, weigh_steps
from soundloom.systems.wavenet.sampler.weights import Floats

ZERO = np.float32(0.0)
ONE = np.float32(1.0)


@compiled()
def advance(
    plan: Plan,
    memory: Memory,
    time: int,
    symbols: NDArray[np.int64],
    uniforms: NDArray[np.float64],
    starts: Floats,
    hop: int,
    offset: int,
    temperature: float,
    top_p: float,
    logits: Floats,
) -> None:
    """Go on from `time` for as many steps as there are symbols, and draw those that are negative.

    Args:
        symbols: (step,).
        uniforms: (step, draw).
        starts: (layer, frame, 2 G); step t is at frame (offset + t) / hop.
        logits: (step, outputs), takes the network's outputs; or without steps.
    """
    shape, first, steady, old_arena, input_bias, skip_bias, end_bias, head_bias, dilations, together, queue_at = plan
    (
        queues,
        old,
        base,
        rise,
        x,
        skips,
        gates,
        gated,
        ended,
        outputs,
        masses,
        heard,
        x_bytes,
        gated_bytes,
        skips_bytes,
        ended_bytes,
    ) = memory
    frame = -1
    for t in range(len(symbols)):
        now = time + t
        if (offset + t) // hop != frame:
            frame = (offset + t) // hop
            take_frame(base, rise, starts, frame, shape.gates, 0, 1)
        share = np.float32((offset + t) % hop) / np.float32(hop) if starts.shape[1] > 1 else ZERO
        enter(x, heard, first, shape.levels)
        skips[:] = skip_bias
        row = now % TOGETHER * shape.layers  # of `old`, the first layer's
        for layer in range(shape.layers):
            steps, queue, slots = together[layer], queue_at[layer], queue_at[layer + 1] - queue_at[layer]
            if now & (steps - 1) == 0:
                at, apart = layer * shape.old, shape.layers * len(gates)
                recall(
                    old, row + layer, apart, steps, old_arena, at, queues, queue, slots, now, dilations[layer], len(x)
                )
            complete(x, input_bias, layer)
            inputs = inputs_of(x, x_bytes)
            push(queues, queue + now % slots, inputs)
            add_starts(gates, old, row + layer, base, rise, layer, share)
            at = weigh_all(gates, steady, layer * shape.layer, inputs, len(x))
            pass_gates(gates, gated)
            mixed = inputs_of(gated, gated_bytes)
            at = weigh_all(x, steady, at, mixed, len(gated))
            weigh_all(skips, steady, at, mixed, len(gated))
        if len(logits) or symbols[t] < 0:
            rectify(skips, shape.skip_scale)
            ended[:] = end_bias
            at = shape.layers * shape.layer
            at = weigh_all(ended, steady, at, inputs_of(skips, skips_bytes), len(skips))
            rectify(ended, ONE)
            outputs[:] = head_bias
            weigh_all(outputs, steady, at, inputs_of(ended, ended_bytes), len(ended))
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
        for j in range(len(heard) - 1, 0, -1):
            heard[j, 0] = heard[j - 1, 0]
        heard[0, 0] = symbols[t]


@compiled()
def enter(x: Floats, heard: NDArray[np.int64], first: Floats, levels: int) -> None:
    """What the symbols heard add to the first layer's input: looked up if there are `levels`, else times a number."""
    x[:] = ZERO
    for j in range(len(heard)):
        symbol = heard[j, 0]
        entries = first[j, symbol if levels else 0]
        if levels:
            for r in range(len(x)):
                x[r] += entries[r]
        else:
            for r in range(len(x)):
                x[r] = multiply_add(entries[r], value(symbol), x[r])


@compiled()
def complete(x: Floats, bias: Floats, layer: int) -> None:
    """Add the bias of a layer's input."""
    for r in range(len(x)):
        x[r] += bias[layer, r]


@compiled()
def recall(
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
    """Sum a layer's old taps for as many steps as their old samples are known.

    Args:
        sums: (step layers, 2 G), takes the first step's sums in a row, the next one's `apart` elements further.
        arena: weights, the layer's from `at` on.
        queues: (slot, R), the layer's `slots` from `queue` on.
    """
    width, size = sums.shape[1], queues.shape[1]
    for step in range(steps):
        for g in range(width):
            sums[row + step * (apart // width), g] = ZERO
    for output in range(row * width, (row + 1) * width, PAIR * LANES):
        for tap in range(slots // dilation):
            x = (queue + (now + tap * dilation) % slots) * size
            if steps == 1:
                weigh_steps(sums, output, apart, arena, at, queues, x, size, residual, 1, PAIR)
            elif steps == 2:
                weigh_steps(sums, output, apart, arena, at, queues, x, size, residual, 2, PAIR)
            elif steps == 4:
                weigh_steps(sums, output, apart, arena, at, queues, x, size, residual, 4, PAIR)
            elif steps == 8:
                weigh_steps(sums, output, apart, arena, at, queues, x, size, residual, 8, PAIR)
            else:
                weigh_steps(sums, output, apart, arena, at, queues, x, size, residual, 8, PAIR)
                x += 8 * size
                weigh_steps(sums, output + 8 * apart, apart, arena, at, queues, x, size, residual, 8, PAIR)
            at += group_size(arena, residual, PAIR * LANES)


@compiled()
def weigh_all(sums: Floats, arena: Arena, at: int, x: Floats | Bytes, inputs: int) -> int:
    """Add all inputs to all sums, group by group; returns where the arena goes on."""
    outputs, to = len(sums), 0
    while to + BLOCKS * LANES <= outputs:
        weigh(sums, to, arena, at, x, inputs, BLOCKS)
        at += group_size(arena, inputs, BLOCKS * LANES)
        to += BLOCKS * LANES
    while to + 4 * LANES <= outputs:
        weigh(sums, to, arena, at, x, inputs, 4)
        at += group_size(arena, inputs, 4 * LANES)
        to += 4 * LANES
    while to + 2 * LANES <= outputs:
        weigh(sums, to, arena, at, x, inputs, 2)
        at += group_size(arena, inputs, 2 * LANES)
        to += 2 * LANES
    while to < outputs:
        weigh(sums, to, arena, at, x, inputs, 1)
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
    if not levels:
        return draw_logistic(outputs, 0, 1, components, least_log_scale, temperature, uniforms)
    if temperature == 0:
        return likeliest(outputs, 0, 1, levels)
    peak = largest(outputs, levels)
    for c in range(levels):
        masses[c] = peak
    accumulate_masses(outputs, masses, 1, levels, temperature, top_p)
    return draw_class(masses, 0, 1, levels, uniforms[0])
