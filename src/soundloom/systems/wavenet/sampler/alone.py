"""One sequence, step after step: 16 outputs of a layer side by side in a register."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from soundloom.representations.compiled import compiled
from soundloom.systems.wavenet.sampler.drawing import (
    accumulate_masses,
    draw_class,
    draw_logistic,
    largest,
    likeliest,
    value,
)
from soundloom.systems.wavenet.sampler.elementwise import multiply_add
from soundloom.systems.wavenet.sampler.layers import add, add_starts, pass_gates, push, rectify, take_frame
from soundloom.systems.wavenet.sampler.memory import Memory
from soundloom.systems.wavenet.sampler.plan import PAIR, Arena, Plan
from soundloom.systems.wavenet.sampler.vectors import BLOCKS, LANES, weigh, weigh_steps
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
    shape = plan.shape
    width = 2 * shape.gates
    frame = -1
    for t in range(len(symbols)):
        now = time + t
        if (offset + t) // hop != frame:
            frame = (offset + t) // hop
            take_frame(memory.base, memory.rise, starts, frame, shape.gates, 0, 1)
        share = np.float32((offset + t) % hop) / np.float32(hop) if starts.shape[1] > 1 else ZERO
        enter(memory.x, memory.heard, plan.first, plan.first_bias, shape.levels)
        push(memory.skips, 0, plan.skip_bias)
        for layer in range(shape.layers):
            steps, dilation = plan.together[layer], plan.dilations[layer]
            old = plan.old_at[layer] * width
            queue = plan.queue_at[layer]
            if now % steps == 0:
                at = layer * shape.old
                recall(
                    memory.old,
                    old,
                    width,
                    plan.old,
                    at,
                    memory.queues,
                    queue,
                    now,
                    dilation,
                    shape.residual,
                    shape.kernel,
                    steps,
                )
            push(memory.queues, (queue + now % (plan.queue_at[layer + 1] - queue)) * shape.residual, memory.x)
            add_starts(
                memory.gates, memory.old, old + now % steps * width, memory.base, memory.rise, layer * width, share
            )
            at = weigh_all(memory.gates, plan.steady, layer * shape.layer, memory.x)
            pass_gates(memory.gates, memory.gated)
            add(memory.x, plan.residual_bias, layer * shape.residual)
            at = weigh_all(memory.x, plan.steady, at, memory.gated)
            weigh_all(memory.skips, plan.steady, at, memory.gated)
        if len(logits) or symbols[t] < 0:
            rectify(memory.skips, shape.skip_scale)
            push(memory.ended, 0, plan.end_bias)
            at = weigh_all(memory.ended, plan.steady, shape.layers * shape.layer, memory.skips)
            rectify(memory.ended, ONE)
            push(memory.outputs, 0, plan.head_bias)
            weigh_all(memory.outputs, plan.steady, at, memory.ended)
        if len(logits):
            for o in range(logits.shape[1]):
                logits[t, o] = memory.outputs[o]
        if symbols[t] < 0:
            symbols[t] = draw(
                memory.outputs,
                memory.masses,
                shape.levels,
                shape.components,
                shape.least_log_scale,
                uniforms[t],
                temperature,
                top_p,
            )
        for j in range(len(memory.heard) - 1, 0, -1):
            memory.heard[j, 0] = memory.heard[j - 1, 0]
        memory.heard[0, 0] = symbols[t]


@compiled()
def enter(x: Floats, heard: NDArray[np.int64], first: Floats, bias: Floats, levels: int) -> None:
    """The first layer's input, from the symbols heard: looked up if there are `levels`, else as numbers."""
    push(x, 0, bias)
    for j in range(len(heard)):
        symbol = heard[j, 0]
        if levels:
            for r in range(len(x)):
                x[r] += first[j, symbol, r]
        else:
            for r in range(len(x)):
                x[r] = multiply_add(first[j, 0, r], value(symbol), x[r])


@compiled()
def recall(
    sums: Floats,
    to: int,
    width: int,
    arena: Arena,
    at: int,
    queues: Floats,
    queue: int,
    now: int,
    dilation: int,
    residual: int,
    kernel: int,
    steps: int,
) -> None:
    """Sum a layer's old taps for all the steps whose old samples are known.

    Args:
        sums: takes `steps` rows of `width` from `to` on.
        arena: weights, the layer's from `at` on.
        queues: inputs of layers, the layer's from its vector number `queue` on.
    """
    for n in range(to, to + steps * width):
        sums[n] = ZERO
    for output in range(to, to + width, PAIR * LANES):
        for tap in range(kernel - 1):
            x = (queue + (now + tap * dilation) % ((kernel - 1) * dilation)) * residual
            if steps == 1:
                at = weigh_steps(sums, output, width, arena, at, queues, x, residual, 1, PAIR)
            elif steps == 2:
                at = weigh_steps(sums, output, width, arena, at, queues, x, residual, 2, PAIR)
            elif steps == 4:
                at = weigh_steps(sums, output, width, arena, at, queues, x, residual, 4, PAIR)
            elif steps == 8:
                at = weigh_steps(sums, output, width, arena, at, queues, x, residual, 8, PAIR)
            else:
                weigh_steps(sums, output, width, arena, at, queues, x, residual, 8, PAIR)
                x += 8 * residual
                at = weigh_steps(sums, output + 8 * width, width, arena, at, queues, x, residual, 8, PAIR)


@compiled()
def weigh_all(sums: Floats, arena: Arena, at: int, x: Floats) -> int:
    """Add all inputs to all sums, group by group; returns where the arena goes on."""
    to, outputs = 0, len(sums)
    while to + BLOCKS * LANES <= outputs:
        at = weigh(sums, to, arena, at, x, len(x), BLOCKS)
        to += BLOCKS * LANES
    while to + 4 * LANES <= outputs:
        at = weigh(sums, to, arena, at, x, len(x), 4)
        to += 4 * LANES
    if to + 2 * LANES <= outputs:
        at = weigh(sums, to, arena, at, x, len(x), 2)
        to += 2 * LANES
    if to < outputs:
        at = weigh(sums, to, arena, at, x, len(x), 1)
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
