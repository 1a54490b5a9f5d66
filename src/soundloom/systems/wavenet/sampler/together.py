"""Sixteen sequences side by side, sample after sample: one lane of every register each.

Every sum has the terms of `alone` in the same order, and so the same bits.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from soundloom.representations.compiled import compiled
from soundloom.systems.wavenet.sampler.drawing import draw_class, draw_logistic, keep_nucleus, likeliest, value
from soundloom.systems.wavenet.sampler.elementwise import exp, gate, multiply_add
from soundloom.systems.wavenet.sampler.memory import Memory, take_frame
from soundloom.systems.wavenet.sampler.plan import PAIR, Plan
from soundloom.systems.wavenet.sampler.vectors import BLOCKS, LANES, ROWS, weigh_lanes
from soundloom.systems.wavenet.sampler.weights import Floats

ZERO = np.float32(0.0)


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
    sequences, steps = symbols.shape
    wanted = logits.shape[1] > 0
    frame = -1
    for t in range(steps):
        if (offset + t) // hop != frame:
            frame = (offset + t) // hop
            for lane in range(sequences):
                take_frame(plan.shape, memory, starts[lane], frame, lane, LANES)
        enter(plan, memory)
        at = 0
        for layer in range(plan.shape.layers):
            recall(plan, memory, layer, time + t)
            push(plan, memory, layer, time + t)
            at = run_layer(plan, memory, layer, np.float32((offset + t) % hop) / np.float32(hop), at)
        drawn = False
        for lane in range(sequences):
            drawn |= symbols[lane, t] < 0
        if wanted or drawn:
            leave(plan, memory, at)
        if wanted:
            for lane in range(sequences):
                for o in range(logits.shape[2]):
                    logits[lane, t, o] = memory.outputs[o * LANES + lane]
        if drawn:
            draw(plan, memory, symbols[:, t], uniforms[:, t], temperature, top_p)
        for lane in range(sequences):
            for j in range(len(memory.heard) - 1, 0, -1):
                memory.heard[j, lane] = memory.heard[j - 1, lane]
            memory.heard[0, lane] = symbols[lane, t]


@compiled()
def settle(plan: Plan, memory: Memory, starts: Floats, silence: int) -> None:
    """As after endless silence: every layer has had the same input for as long as its queue remembers."""
    for j in range(len(memory.heard)):
        for lane in range(LANES):
            memory.heard[j, lane] = silence
    for lane in range(len(starts)):
        take_frame(plan.shape, memory, starts[lane], 0, lane, LANES)
    enter(plan, memory)
    at = 0
    for layer in range(plan.shape.layers):
        for slot in range((plan.shape.kernel - 1) * plan.dilations[layer]):
            push(plan, memory, layer, slot)
        recall(plan, memory, layer, 0)
        at = run_layer(plan, memory, layer, ZERO, at)


@compiled()
def enter(plan: Plan, memory: Memory) -> None:
    """The first layer's input, from the symbols heard, and no skips yet."""
    shape = plan.shape
    for r in range(shape.residual):
        for lane in range(LANES):
            memory.flow[r * LANES + lane] = plan.first_bias[r]
    for j in range(len(memory.heard)):
        for lane in range(LANES):
            symbol = memory.heard[j, lane]
            if shape.levels:
                for r in range(shape.residual):
                    memory.flow[r * LANES + lane] += plan.first[j, symbol, r]
            else:
                for r in range(shape.residual):
                    to = r * LANES + lane
                    memory.flow[to] = multiply_add(plan.first[j, 0, r], value(symbol), memory.flow[to])
    for s in range(shape.skip):
        for lane in range(LANES):
            memory.flow[(shape.residual + s) * LANES + lane] = plan.skip_bias[s]


@compiled()
def recall(plan: Plan, memory: Memory, layer: int, now: int) -> None:
    """Sum the old taps of a layer."""
    shape = plan.shape
    width, dilation = 2 * shape.gates, plan.dilations[layer]
    for g in range(width * LANES):
        memory.gates[g] = ZERO
    at = layer * (shape.kernel - 1) * shape.residual * width
    for block in range(0, width, PAIR * LANES):
        for tap in range(shape.kernel - 1):
            slot = (now + tap * dilation) % ((shape.kernel - 1) * dilation)
            x = (plan.queue_at[layer] + slot) * shape.residual * LANES
            weigh_group(memory.gates, block, plan.old, at, PAIR, memory.queues, x, shape.residual)
            at += shape.residual * PAIR * LANES


@compiled()
def push(plan: Plan, memory: Memory, layer: int, now: int) -> None:
    """Put a layer's input into its queue, in place of the one that no step needs any more."""
    size = plan.shape.residual * LANES
    length = plan.queue_at[layer + 1] - plan.queue_at[layer]
    to = (plan.queue_at[layer] + now % length) * size
    for r in range(size):
        memory.queues[to + r] = memory.flow[r]


@compiled()
def run_layer(plan: Plan, memory: Memory, layer: int, share: np.float32, at: int) -> int:
    """Gates from what they start with, old taps and the newest; then the next layer's input and more skips."""
    shape = plan.shape
    size = 2 * shape.gates * LANES
    for g in range(size):
        start = multiply_add(share, memory.rise[layer * size + g], memory.base[layer * size + g])
        memory.gates[g] += start
    at = weigh_all(memory.gates, plan.steady, at, memory.flow, 0, shape.residual, 2 * shape.gates)
    half = shape.gates * LANES
    for g in range(half):
        memory.gated[g] = gate(memory.gates[g], memory.gates[half + g])
    for r in range(shape.residual):
        for lane in range(LANES):
            memory.flow[r * LANES + lane] += plan.residual_bias[layer, r]
    return weigh_all(memory.flow, plan.steady, at, memory.gated, 0, shape.gates, shape.residual + shape.skip)


@compiled()
def leave(plan: Plan, memory: Memory, at: int) -> None:
    """The network's outputs from the sum of skips."""
    shape = plan.shape
    first = shape.residual * LANES
    for s in range(first, first + shape.skip * LANES):
        memory.flow[s] = max(memory.flow[s] * shape.skip_scale, ZERO)
    for e in range(shape.end):
        for lane in range(LANES):
            memory.ended[e * LANES + lane] = plan.end_bias[e]
    at = weigh_all(memory.ended, plan.steady, at, memory.flow, first, shape.skip, shape.end)
    for e in range(shape.end * LANES):
        memory.ended[e] = max(memory.ended[e], ZERO)
    for o in range(shape.outputs):
        for lane in range(LANES):
            memory.outputs[o * LANES + lane] = plan.head_bias[o]
    weigh_all(memory.outputs, plan.steady, at, memory.ended, 0, shape.end, shape.outputs)


@compiled()
def weigh_all(sums: Floats, arena: Floats, at: int, x: Floats, start: int, inputs: int, outputs: int) -> int:
    """Add all inputs to all sums, group by group; returns where the arena goes on."""
    to = 0
    blocks = BLOCKS
    while to < outputs:
        while to + blocks * LANES > outputs:
            blocks //= 2
        weigh_group(sums, to, arena, at, blocks, x, start, inputs)
        to += blocks * LANES
        at += inputs * blocks * LANES
    return at


@compiled()
def weigh_group(sums: Floats, to: int, arena: Floats, at: int, blocks: int, x: Floats, start: int, inputs: int) -> None:
    for row in range(0, blocks * LANES, ROWS):
        weigh_lanes(sums, (to + row) * LANES, arena, at + row, blocks * LANES, x, start, inputs)


@compiled()
def draw(
    plan: Plan,
    memory: Memory,
    symbols: NDArray[np.int64],
    uniforms: NDArray[np.float64],
    temperature: float,
    top_p: float,
) -> None:
    """Put a symbol where one is negative, (sequence,), by uniform numbers (sequence, draw)."""
    shape = plan.shape
    sampled = shape.levels > 0 and temperature > 0
    if sampled:
        accumulate_masses(plan, memory, temperature, top_p)
    for lane in range(len(symbols)):
        if symbols[lane] >= 0:
            continue
        if sampled:
            symbols[lane] = draw_class(memory.masses, lane, LANES, shape.levels, uniforms[lane, 0])
        elif shape.levels:
            symbols[lane] = likeliest(memory.outputs, lane, LANES, shape.levels)
        else:
            symbols[lane] = draw_logistic(
                memory.outputs, lane, LANES, shape.components, shape.least_log_scale, temperature, uniforms[lane]
            )


@compiled()
def accumulate_masses(plan: Plan, memory: Memory, temperature: float, top_p: float) -> None:
    """Sums, up to each class, of probabilities that are not yet divided by their total."""
    sharpness = np.float32(1 / temperature)
    classes = plan.shape.levels
    peak = memory.outputs[:LANES].copy()
    for c in range(1, classes):
        for lane in range(LANES):
            peak[lane] = max(peak[lane], memory.outputs[c * LANES + lane])
    for c in range(classes):
        for lane in range(LANES):
            to = c * LANES + lane
            memory.masses[to] = exp((memory.outputs[to] - peak[lane]) * sharpness)
    if top_p < 1:
        for lane in range(LANES):
            keep_nucleus(memory.masses, lane, LANES, classes, top_p)
    for to in range(LANES, classes * LANES):
        memory.masses[to] += memory.masses[to - LANES]
