"""Sixteen sequences side by side, step after step: one lane of every register each.

Every sum has the terms of `alone` in the same order, and so the same bits.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from soundloom.representations.compiled import compiled
from soundloom.systems.wavenet.sampler.drawing import accumulate_masses, draw_class, draw_logistic, likeliest, value
from soundloom.systems.wavenet.sampler.elementwise import multiply_add
from soundloom.systems.wavenet.sampler.layers import add, add_starts, pass_gates, push, rectify, take_frame
from soundloom.systems.wavenet.sampler.memory import Memory
from soundloom.systems.wavenet.sampler.plan import PAIR, Plan
from soundloom.systems.wavenet.sampler.vectors import BLOCKS, LANES, ROWS, weigh_lanes
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
        symbols: (sequence, step); of at most 16 sequences, the other lanes run idle.
        uniforms: (sequence, step, draw).
        starts: (sequence, layer, frame, 2 G); step t is at frame (offset + t) / hop.
        logits: (sequence, step, outputs), takes the network's outputs; or without steps.
    """
    shape = plan.shape
    sequences, steps = symbols.shape
    width = 2 * shape.gates * LANES
    wanted = logits.shape[1] > 0
    frame = -1
    for t in range(steps):
        now = time + t
        if (offset + t) // hop != frame:
            frame = (offset + t) // hop
            for lane in range(sequences):
                take_frame(memory.base, memory.rise, starts[lane], frame, shape.gates, lane, LANES)
        share = np.float32((offset + t) % hop) / np.float32(hop) if starts.shape[2] > 1 else ZERO
        enter(memory.x, memory.heard, plan.first, plan.first_bias, shape.levels)
        push(memory.skips, 0, plan.skip_bias)
        for layer in range(shape.layers):
            queue = plan.queue_at[layer]
            length = plan.queue_at[layer + 1] - queue
            at = layer * shape.old
            recall(
                memory.gates,
                plan.old,
                at,
                memory.queues,
                queue,
                now,
                plan.dilations[layer],
                shape.residual,
                shape.kernel,
            )
            push(memory.queues, (queue + now % length) * shape.residual * LANES, memory.x)
            add_starts(memory.gates, memory.gates, 0, memory.base, memory.rise, layer * width, share)
            at = weigh_all(memory.gates, plan.steady, layer * shape.layer, memory.x)
            pass_gates(memory.gates, memory.gated)
            add(memory.x, plan.residual_bias, layer * shape.residual * LANES)
            at = weigh_all(memory.x, plan.steady, at, memory.gated)
            weigh_all(memory.skips, plan.steady, at, memory.gated)
        drawn = False
        for lane in range(sequences):
            drawn |= symbols[lane, t] < 0
        if wanted or drawn:
            rectify(memory.skips, shape.skip_scale)
            push(memory.ended, 0, plan.end_bias)
            at = weigh_all(memory.ended, plan.steady, shape.layers * shape.layer, memory.skips)
            rectify(memory.ended, ONE)
            push(memory.outputs, 0, plan.head_bias)
            weigh_all(memory.outputs, plan.steady, at, memory.ended)
        if wanted:
            for lane in range(sequences):
                for o in range(logits.shape[2]):
                    logits[lane, t, o] = memory.outputs[o * LANES + lane]
        if drawn:
            draw(
                memory.outputs,
                memory.masses,
                symbols[:, t],
                shape.levels,
                shape.components,
                shape.least_log_scale,
                uniforms[:, t],
                temperature,
                top_p,
            )
        for lane in range(sequences):
            for j in range(len(memory.heard) - 1, 0, -1):
                memory.heard[j, lane] = memory.heard[j - 1, lane]
            memory.heard[0, lane] = symbols[lane, t]


@compiled()
def enter(x: Floats, heard: NDArray[np.int64], first: Floats, bias: Floats, levels: int) -> None:
    """The first layer's input, from the symbols heard: looked up if there are `levels`, else as numbers."""
    push(x, 0, bias)
    for j in range(len(heard)):
        for lane in range(LANES):
            symbol = heard[j, lane]
            if levels:
                for r in range(len(x) // LANES):
                    x[r * LANES + lane] += first[j, symbol, r]
            else:
                for r in range(len(x) // LANES):
                    x[r * LANES + lane] = multiply_add(first[j, 0, r], value(symbol), x[r * LANES + lane])


@compiled()
def recall(
    sums: Floats,
    arena: Floats,
    at: int,
    queues: Floats,
    queue: int,
    now: int,
    dilation: int,
    residual: int,
    kernel: int,
) -> None:
    """Sum a layer's old taps.

    Args:
        arena: weights, the layer's from `at` on.
        queues: inputs of layers, the layer's from its set of vectors number `queue` on.
    """
    for n in range(len(sums)):
        sums[n] = ZERO
    for output in range(0, len(sums) // LANES, PAIR * LANES):
        for tap in range(kernel - 1):
            x = (queue + (now + tap * dilation) % ((kernel - 1) * dilation)) * residual * LANES
            for row in range(0, PAIR * LANES, ROWS):
                weigh_lanes(sums, (output + row) * LANES, arena, at + row, PAIR * LANES, queues, x, residual)
            at += residual * PAIR * LANES


@compiled()
def weigh_all(sums: Floats, arena: Floats, at: int, x: Floats) -> int:
    """Add all inputs to all sums, group by group; returns where the arena goes on."""
    inputs, outputs = len(x) // LANES, len(sums) // LANES
    to, group = 0, BLOCKS * LANES
    while to < outputs:
        while to + group > outputs:
            group //= 2
        for row in range(0, group, ROWS):
            weigh_lanes(sums, (to + row) * LANES, arena, at + row, group, x, 0, inputs)
        to += group
        at += inputs * group
    return at


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
    push(masses, 0, outputs)
    for n in range(last):
        masses[n + LANES] = max(masses[n + LANES], masses[n])
    for lane in range(LANES):
        masses[lane] = masses[last + lane]
    for n in range(last):
        masses[n + LANES] = masses[n]
