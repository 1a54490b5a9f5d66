"""Sixteen sequences side by side, step after step: one lane of every register each.

Every sum has the terms of `alone` in the same order, and so the same bits.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from soundloom.systems.wavenet.sampler.compiling import compiled
from soundloom.systems.wavenet.sampler.drawing import accumulate_masses, draw_class, draw_logistic, likeliest, value
from soundloom.systems.wavenet.sampler.elementwise import multiply_add
from soundloom.systems.wavenet.sampler.layers import add_starts, pass_gates, push, rectify, take_frame
from soundloom.systems.wavenet.sampler.memory import Memory
from soundloom.systems.wavenet.sampler.packing import PAIR, Arena
from soundloom.systems.wavenet.sampler.plan import Plan
from soundloom.systems.wavenet.sampler.products import ROWS
from soundloom.systems.wavenet.sampler.quantising import Bytes, inputs_of_lanes
from soundloom.systems.wavenet.sampler.vectors import LANES, add_to_lanes
from soundloom.systems.wavenet.sampler.weighing import BLOCKS, group_size, weigh_lanes
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
    guidance: float,
    logits: Floats,
) -> None:
    """Go on from `time` for as many steps as there are symbols, and draw those that are negative.

    Args:
        symbols: (sequence, step); of at most 16 sequences, the other lanes run idle.
        uniforms: (sequence, step, draw).
        starts: (sequence, layer, frame, 2 G); step t is at frame (offset + t) / hop.
        guidance: other than 1 it takes the sequences in pairs, see `guide`.
        logits: (sequence, step, outputs), takes the network's outputs; or without steps.
    """
    shape, first, steady, old_arena, input_bias, skip_bias, end_bias, head_bias, dilations, _, queue_at = plan
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
    sequences, steps = symbols.shape
    wanted = logits.shape[1] > 0
    frame = -1
    for t in range(steps):
        now = time + t
        if (offset + t) // hop != frame:
            frame = (offset + t) // hop
            for lane in range(sequences):
                take_frame(base, rise, starts[lane], frame, shape.gates, lane, LANES)
        share = np.float32((offset + t) % hop) / np.float32(hop) if starts.shape[2] > 1 else ZERO
        enter(x, heard, first, shape.levels)
        put_bias(skips, skip_bias)
        for layer in range(shape.layers):
            queue, slots = queue_at[layer], queue_at[layer + 1] - queue_at[layer]
            recall(old, old_arena, layer * shape.old, queues, queue, slots, now, dilations[layer], shape.residual)
            complete(x, input_bias, layer)
            inputs = inputs_of_lanes(x, x_bytes)
            push(queues, queue + now % slots, inputs)
            add_starts(gates, old, 0, base, rise, layer, share)
            at = weigh_all(gates, steady, layer * shape.layer, inputs, shape.residual)
            pass_gates(gates, gated)
            mixed = inputs_of_lanes(gated, gated_bytes)
            at = weigh_all(x, steady, at, mixed, shape.gates)
            weigh_all(skips, steady, at, mixed, shape.gates)
        drawn = False
        for lane in range(sequences):
            drawn |= symbols[lane, t] < 0
        if wanted or drawn:
            rectify(skips, shape.skip_scale)
            put_bias(ended, end_bias)
            at = shape.layers * shape.layer
            at = weigh_all(ended, steady, at, inputs_of_lanes(skips, skips_bytes), shape.skip)
            rectify(ended, ONE)
            put_bias(outputs, head_bias)
            weigh_all(outputs, steady, at, inputs_of_lanes(ended, ended_bytes), shape.end)
        if wanted:
            for lane in range(sequences):
                for o in range(logits.shape[2]):
                    logits[lane, t, o] = outputs[o * LANES + lane]
        if drawn:
            if guidance != 1:
                guide(outputs, guidance)
            draw(
                outputs,
                masses,
                symbols[:, t],
                shape.levels,
                shape.components,
                shape.least_log_scale,
                uniforms[:, t],
                temperature,
                top_p,
            )
        for lane in range(sequences):
            for j in range(len(heard) - 1, 0, -1):
                heard[j, lane] = heard[j - 1, lane]
            heard[0, lane] = symbols[lane, t]


@compiled()
def enter(x: Floats, heard: NDArray[np.int64], first: Floats, levels: int) -> None:
    """What the symbols heard add to the first layer's input: looked up if there are `levels`, else times a number."""
    x[:] = ZERO
    for j in range(len(heard)):
        for lane in range(LANES):
            symbol = heard[j, lane]
            entries = first[j, symbol if levels else 0]
            if levels:
                for r in range(len(entries)):
                    x[r * LANES + lane] += entries[r]
            else:
                for r in range(len(entries)):
                    x[r * LANES + lane] = multiply_add(entries[r], value(symbol), x[r * LANES + lane])


@compiled()
def put_bias(sums: Floats, bias: Floats) -> None:
    sums[:] = ZERO
    for n in range(len(bias)):
        add_to_lanes(sums, n * LANES, bias[n])


@compiled()
def complete(x: Floats, bias: Floats, layer: int) -> None:
    """Add the bias of a layer's input."""
    for r in range(bias.shape[1]):
        add_to_lanes(x, r * LANES, bias[layer, r])


@compiled()
def recall(
    sums: Floats,
    arena: Arena,
    at: int,
    queues: Floats | Bytes,
    queue: int,
    slots: int,
    now: int,
    dilation: int,
    residual: int,
) -> None:
    """Sum a layer's old taps.

    Args:
        sums: (1, 2 G lanes).
        arena: weights, the layer's from `at` on.
        queues: (slot, R lanes), the layer's `slots` from `queue` on.
    """
    for g in range(sums.shape[1]):
        sums[0, g] = ZERO
    for output in range(0, sums.shape[1] // LANES, PAIR * LANES):
        for tap in range(slots // dilation):
            x = (queue + (now + tap * dilation) % slots) * queues.shape[1]
            weigh_group(sums, output, arena, at, PAIR * LANES, queues, x, residual)
            at += group_size(arena, residual, PAIR * LANES)


@compiled()
def weigh_all(sums: Floats, arena: Arena, at: int, x: Floats | Bytes, inputs: int) -> int:
    """Add all inputs to all sums, group by group; returns where the arena goes on."""
    outputs = len(sums) // LANES
    to, group = 0, BLOCKS * LANES
    while to < outputs:
        while to + group > outputs:
            group //= 2
        weigh_group(sums, to, arena, at, group, x, 0, inputs)
        at += group_size(arena, inputs, group)
        to += group
    return at


@compiled()
def weigh_group(
    sums: Floats, to: int, arena: Arena, at: int, group: int, x: Floats | Bytes, start: int, inputs: int
) -> None:
    """Add the inputs from `start` on to as many sums, from `to` on, as the group at `at` has."""
    for row in range(0, group, ROWS):
        weigh_lanes(sums, (to + row) * LANES, arena, at + row, group, x, start, inputs)


@compiled()
def guide(outputs: Floats, guidance: float) -> None:
    """Put u + guidance (c - u) into both lanes of a pair, which had c and u.

    The first lane of a pair was told what is asked for and the second was not. With one number to draw by, both draw
    the same symbol. Classifier-free guidance: Ho & Salimans 2021, https://arxiv.org/abs/2207.12598, equation 6.
    """
    for n in range(0, len(outputs), 2):
        asked, free = outputs[n], outputs[n + 1]
        outputs[n] = outputs[n + 1] = multiply_add(np.float32(guidance), asked - free, free)


@compiled()
def draw(
    outputs: Floats,
    masses: Floats,
    symbols: NDArray[np.int64],
    levels: int,
    components: int,
    least_log_scale: np.float32,
    uniforms: NDArray[np.float64],
    temperature: float,
    top_p: float,
) -> None:
    """Put a symbol where one is negative, (sequence,), by uniform numbers (sequence, draw)."""
    sampled = levels > 0 and temperature > 0
    if sampled:
        spread_peaks(outputs, masses, levels)
        accumulate_masses(outputs, masses, LANES, levels, temperature, top_p)
    for lane in range(len(symbols)):
        if symbols[lane] < 0:
            if sampled:
                symbols[lane] = draw_class(masses, lane, LANES, levels, uniforms[lane, 0])
            elif levels:
                symbols[lane] = likeliest(outputs, lane, LANES, levels)
            else:
                symbols[lane] = draw_logistic(
                    outputs, lane, LANES, components, least_log_scale, temperature, uniforms[lane]
                )


@compiled()
def spread_peaks(outputs: Floats, masses: Floats, classes: int) -> None:
    """Each lane's largest output, in place of all its masses."""
    last = (classes - 1) * LANES
    masses[:] = outputs
    for n in range(last):
        masses[n + LANES] = max(masses[n + LANES], masses[n])
    for lane in range(LANES):
        masses[lane] = masses[last + lane]
    for n in range(last):
        masses[n + LANES] = masses[n]
