"""One sequence, sample after sample: 16 outputs of a layer side by side in a register."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from soundloom.representations.compiled import compiled
from soundloom.systems.wavenet.sampler.drawing import accumulate_masses, draw_class, draw_logistic, likeliest, value
from soundloom.systems.wavenet.sampler.elementwise import gate, multiply_add
from soundloom.systems.wavenet.sampler.memory import Memory, take_frame
from soundloom.systems.wavenet.sampler.plan import PAIR, Plan
from soundloom.systems.wavenet.sampler.vectors import BLOCKS, LANES, weigh
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
        symbols: (step,).
        uniforms: (step, draw).
        starts: (layer, frame, 2 G); step t is at frame (offset + t) / hop.
        logits: (step, outputs), takes the network's outputs; or without steps.
    """
    frame = -1
    for t in range(len(symbols)):
        if (offset + t) // hop != frame:
            frame = (offset + t) // hop
            take_frame(plan.shape, memory, starts, frame, 0, 1)
        enter(plan, memory)
        at = 0
        for layer in range(plan.shape.layers):
            recall(plan, memory, layer, time + t)
            push(plan, memory, layer, time + t)
            at = run_layer(plan, memory, layer, time + t, np.float32((offset + t) % hop) / np.float32(hop), at)
        if len(logits) or symbols[t] < 0:
            leave(plan, memory, at)
        if len(logits):
            for o in range(logits.shape[1]):
                logits[t, o] = memory.outputs[o]
        if symbols[t] < 0:
            symbols[t] = draw(plan, memory, uniforms[t], temperature, top_p, uniforms.shape[1])
        hear(memory, symbols[t])


@compiled()
def settle(plan: Plan, memory: Memory, starts: Floats, silence: int) -> None:
    """As after endless silence: every layer has had the same input for as long as its queue remembers."""
    for j in range(len(memory.heard)):
        memory.heard[j, 0] = silence
    take_frame(plan.shape, memory, starts, 0, 0, 1)
    enter(plan, memory)
    at = 0
    for layer in range(plan.shape.layers):
        for slot in range((plan.shape.kernel - 1) * plan.dilations[layer]):
            push(plan, memory, layer, slot)
        recall(plan, memory, layer, 0)
        at = run_layer(plan, memory, layer, 0, ZERO, at)


@compiled()
def enter(plan: Plan, memory: Memory) -> None:
    """The first layer's input, from the symbols heard, and no skips yet."""
    shape = plan.shape
    for r in range(shape.residual):
        memory.flow[r] = plan.first_bias[r]
    for j in range(len(memory.heard)):
        symbol = memory.heard[j, 0]
        if shape.levels:
            for r in range(shape.residual):
                memory.flow[r] += plan.first[j, symbol, r]
        else:
            for r in range(shape.residual):
                memory.flow[r] = multiply_add(plan.first[j, 0, r], value(symbol), memory.flow[r])
    for s in range(shape.skip):
        memory.flow[shape.residual + s] = plan.skip_bias[s]


@compiled()
def recall(plan: Plan, memory: Memory, layer: int, now: int) -> None:
    """Sum the old taps for all the steps whose old samples are known, once that many steps have passed."""
    shape = plan.shape
    steps, dilation = plan.together[layer], plan.dilations[layer]
    if now % steps:
        return
    width, inputs = 2 * shape.gates, (shape.kernel - 1) * shape.residual
    to = old_at(plan, memory, layer, 0)
    memory.old[to : to + steps * width] = ZERO
    at = layer * inputs * width // shape.per_element
    for block in range(0, width, PAIR * LANES):
        for tap in range(shape.kernel - 1):
            slot = (now + tap * dilation) % ((shape.kernel - 1) * dilation)
            x = (plan.queue_at[layer] + slot) * shape.residual
            weigh_steps(memory.old, to + block, width, plan.old, at, memory.queues, x, shape.residual, steps)
            at += shape.residual * PAIR * LANES // shape.per_element


@compiled()
def weigh_steps(
    sums: Floats, to: int, width: int, arena: Floats, at: int, queues: Floats, x: int, residual: int, steps: int
) -> None:
    """Add one tap's part to a pair of blocks, for 1, 2, 4, 8 or 16 steps."""
    if steps == 1:
        weigh(sums, to, width, arena, at, queues, x, residual, residual, 1, PAIR)
    elif steps == 2:
        weigh(sums, to, width, arena, at, queues, x, residual, residual, 2, PAIR)
    else:
        for step in range(0, steps, 4):
            weigh(sums, to + step * width, width, arena, at, queues, x + step * residual, residual, residual, 4, PAIR)


@compiled()
def old_at(plan: Plan, memory: Memory, layer: int, now: int) -> int:
    """Where a step's sum of old taps is."""
    steps = len(memory.old) // (plan.shape.layers * 2 * plan.shape.gates)
    return (layer * steps + now % plan.together[layer]) * 2 * plan.shape.gates


@compiled()
def push(plan: Plan, memory: Memory, layer: int, now: int) -> None:
    """Put a layer's input into its queue, in place of the one that no step needs any more."""
    residual = plan.shape.residual
    length = plan.queue_at[layer + 1] - plan.queue_at[layer]
    to = (plan.queue_at[layer] + now % length) * residual
    for r in range(residual):
        memory.queues[to + r] = memory.flow[r]


@compiled()
def run_layer(plan: Plan, memory: Memory, layer: int, now: int, share: np.float32, at: int) -> int:
    """Gates from what they start with, old taps and the newest; then the next layer's input and more skips."""
    shape = plan.shape
    width = 2 * shape.gates
    old = old_at(plan, memory, layer, now)
    for g in range(width):
        start = multiply_add(share, memory.rise[layer * width + g], memory.base[layer * width + g])
        memory.gates[g] = memory.old[old + g] + start
    at = weigh_all(memory.gates, plan.steady, at, memory.flow, 0, shape.residual, width, shape.per_element)
    for g in range(shape.gates):
        memory.gated[g] = gate(memory.gates[g], memory.gates[shape.gates + g])
    for r in range(shape.residual):
        memory.flow[r] += plan.residual_bias[layer, r]
    outputs = shape.residual + shape.skip
    return weigh_all(memory.flow, plan.steady, at, memory.gated, 0, shape.gates, outputs, shape.per_element)


@compiled()
def leave(plan: Plan, memory: Memory, at: int) -> None:
    """The network's outputs from the sum of skips."""
    shape = plan.shape
    for s in range(shape.skip):
        memory.flow[shape.residual + s] = max(memory.flow[shape.residual + s] * shape.skip_scale, ZERO)
    for e in range(shape.end):
        memory.ended[e] = plan.end_bias[e]
    at = weigh_all(memory.ended, plan.steady, at, memory.flow, shape.residual, shape.skip, shape.end, shape.per_element)
    for e in range(shape.end):
        memory.ended[e] = max(memory.ended[e], ZERO)
    for o in range(shape.outputs):
        memory.outputs[o] = plan.head_bias[o]
    weigh_all(memory.outputs, plan.steady, at, memory.ended, 0, shape.end, shape.outputs, shape.per_element)


@compiled()
def weigh_all(
    sums: Floats, arena: Floats, at: int, x: Floats, start: int, inputs: int, outputs: int, per_element: int
) -> int:
    """Add all inputs to all sums, group by group; returns where the arena goes on."""
    to = 0
    while to + BLOCKS * LANES <= outputs:
        weigh(sums, to, 0, arena, at, x, start, 0, inputs, 1, BLOCKS)
        to += BLOCKS * LANES
        at += inputs * BLOCKS * LANES // per_element
    while to + 4 * LANES <= outputs:
        weigh(sums, to, 0, arena, at, x, start, 0, inputs, 1, 4)
        to += 4 * LANES
        at += inputs * 4 * LANES // per_element
    if to + 2 * LANES <= outputs:
        weigh(sums, to, 0, arena, at, x, start, 0, inputs, 1, 2)
        to += 2 * LANES
        at += inputs * 2 * LANES // per_element
    if to < outputs:
        weigh(sums, to, 0, arena, at, x, start, 0, inputs, 1, 1)
        at += inputs * LANES // per_element
    return at


@compiled()
def draw(
    plan: Plan, memory: Memory, uniforms: NDArray[np.float64], temperature: float, top_p: float, draws: int
) -> int:
    shape = plan.shape
    if not shape.levels:
        return draw_logistic(memory.outputs, 0, 1, shape.components, shape.least_log_scale, temperature, uniforms)
    if temperature == 0:
        return likeliest(memory.outputs, 0, 1, shape.levels)
    accumulate_masses(memory.outputs, shape.levels, temperature, top_p, memory.masses)
    return draw_class(memory.masses, 0, 1, shape.levels, uniforms[0])


@compiled()
def hear(memory: Memory, symbol: int) -> None:
    for j in range(len(memory.heard) - 1, 0, -1):
        memory.heard[j, 0] = memory.heard[j - 1, 0]
    memory.heard[0, 0] = symbol
