"""The kernel for 16 sequences: each lane of a register holds one sequence.

Every sum adds the same terms in the same order as in `single`, so the bits are the same.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from soundloom.systems.wavenet.sampler.buffers import Buffers
from soundloom.systems.wavenet.sampler.compilation import compiled
from soundloom.systems.wavenet.sampler.draws import accumulate_masses, draw_class, draw_logistic, most_likely, value
from soundloom.systems.wavenet.sampler.elementwise import multiply_add
from soundloom.systems.wavenet.sampler.layers import add_conditioning, apply_gates, load_frame, push, scaled_relu
from soundloom.systems.wavenet.sampler.matvec import BLOCKS, add_matvec_lanes, group_size
from soundloom.systems.wavenet.sampler.packing import PAIR, Arena
from soundloom.systems.wavenet.sampler.plan import Plan
from soundloom.systems.wavenet.sampler.products import ROWS
from soundloom.systems.wavenet.sampler.quantisation import Bytes, inputs_of_lanes
from soundloom.systems.wavenet.sampler.vectors import LANES, add_to_lanes
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
    guidance: float,
    logits: Floats,
) -> None:
    """Take as many steps as there are symbols, starting at `time`; negative symbols are replaced by draws.

    Args:
        symbols: (sequence, step), of at most 16 sequences, updated in place; further lanes are computed and ignored.
        uniforms: (sequence, step, draw).
        conditioning: (sequence, layer, frame, 2 G); step t lies at frame (offset + t) / hop.
        guidance: a value other than 1 takes the sequences in pairs; see `guide`.
        logits: (sequence, step, output), filled with the network's outputs; or without steps.
    """
    shape, first, steady, old_arena, input_bias, skip_bias, end_bias, head_bias, dilations, _, queue_at = plan
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
    sequences, steps = symbols.shape
    wanted = logits.shape[1] > 0
    frame = -1
    for t in range(steps):
        now = time + t
        if (offset + t) // hop != frame:
            frame = (offset + t) // hop
            for lane in range(sequences):
                load_frame(base, slope, conditioning[lane], frame, shape.gates, lane, LANES)
        share = np.float32((offset + t) % hop) / np.float32(hop) if conditioning.shape[2] > 1 else ZERO
        embed(x, history, first, shape.levels)
        fill_with_bias(skips, skip_bias)
        for layer in range(shape.layers):
            queue, slots = queue_at[layer], queue_at[layer + 1] - queue_at[layer]
            sum_old_taps(old, old_arena, layer * shape.old, queues, queue, slots, now, dilations[layer], shape.residual)
            add_input_bias(x, input_bias, layer)
            inputs = inputs_of_lanes(x, x_bytes)
            push(queues, queue + now % slots, inputs)
            add_conditioning(gates, old, 0, base, slope, layer, share)
            at = add_matvecs(gates, steady, layer * shape.layer, inputs, shape.residual)
            apply_gates(gates, gated)
            mixed = inputs_of_lanes(gated, gated_bytes)
            at = add_matvecs(x, steady, at, mixed, shape.gates)
            add_matvecs(skips, steady, at, mixed, shape.gates)
        drawn = False
        for lane in range(sequences):
            drawn |= symbols[lane, t] < 0
        if wanted or drawn:
            scaled_relu(skips, shape.skip_scale)
            fill_with_bias(ended, end_bias)
            at = shape.layers * shape.layer
            at = add_matvecs(ended, steady, at, inputs_of_lanes(skips, skips_bytes), shape.skip)
            scaled_relu(ended, ONE)
            fill_with_bias(outputs, head_bias)
            add_matvecs(outputs, steady, at, inputs_of_lanes(ended, ended_bytes), shape.end)
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
            for j in range(len(history) - 1, 0, -1):
                history[j, lane] = history[j - 1, lane]
            history[0, lane] = symbols[lane, t]


@compiled()
def embed(x: Floats, history: NDArray[np.int64], first: Floats, levels: int) -> None:
    """Set x to what the last symbols contribute: a table lookup if there are `levels`, else weights times numbers."""
    x[:] = ZERO
    for j in range(len(history)):
        for lane in range(LANES):
            symbol = history[j, lane]
            entries = first[j, symbol if levels else 0]
            if levels:
                for r in range(len(entries)):
                    x[r * LANES + lane] += entries[r]
            else:
                for r in range(len(entries)):
                    x[r * LANES + lane] = multiply_add(entries[r], value(symbol), x[r * LANES + lane])


@compiled()
def fill_with_bias(sums: Floats, bias: Floats) -> None:
    sums[:] = ZERO
    for n in range(len(bias)):
        add_to_lanes(sums, n * LANES, bias[n])


@compiled()
def add_input_bias(x: Floats, bias: Floats, layer: int) -> None:
    """Add the bias of a layer's input."""
    for r in range(bias.shape[1]):
        add_to_lanes(x, r * LANES, bias[layer, r])


@compiled()
def sum_old_taps(
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
    """Sum the products of a layer's older taps.

    Args:
        sums: (1, 2 G lanes).
        arena: weights; the layer's begin at `at`.
        queues: (slot, R lanes); the layer's `slots` begin at `queue`.
    """
    for g in range(sums.shape[1]):
        sums[0, g] = ZERO
    for output in range(0, sums.shape[1] // LANES, PAIR * LANES):
        for tap in range(slots // dilation):
            x = (queue + (now + tap * dilation) % slots) * queues.shape[1]
            add_matvec_group(sums, output, arena, at, PAIR * LANES, queues, x, residual)
            at += group_size(arena, residual, PAIR * LANES)


@compiled()
def add_matvecs(sums: Floats, arena: Arena, at: int, x: Floats | Bytes, inputs: int) -> int:
    """Add a matrix-vector product to all sums, group by group; returns the position after it in the arena."""
    outputs = len(sums) // LANES
    to, group = 0, BLOCKS * LANES
    while to < outputs:
        while to + group > outputs:
            group //= 2
        add_matvec_group(sums, to, arena, at, group, x, 0, inputs)
        at += group_size(arena, inputs, group)
        to += group
    return at


@compiled()
def add_matvec_group(
    sums: Floats, to: int, arena: Arena, at: int, group: int, x: Floats | Bytes, start: int, inputs: int
) -> None:
    """Add the product of one group of weights, at `at`, to the sums from `to` on; inputs are read from `start` on."""
    for row in range(0, group, ROWS):
        add_matvec_lanes(sums, (to + row) * LANES, arena, at + row, group, x, start, inputs)


@compiled()
def guide(outputs: Floats, guidance: float) -> None:
    """Set both lanes of a pair, which hold c and u, to u + guidance (c - u).

    The first lane is conditional, the second unconditional. Both use the same uniform number, so they draw the same
    symbol. Classifier-free guidance: Ho & Salimans 2021, https://arxiv.org/abs/2207.12598, equation 6.
    """
    for n in range(0, len(outputs), 2):
        conditional, unconditional = outputs[n], outputs[n + 1]
        outputs[n] = outputs[n + 1] = multiply_add(np.float32(guidance), conditional - unconditional, unconditional)


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
    """Replace negative symbols, (sequence,), by draws with uniform numbers (sequence, draw)."""
    sampled = levels > 0 and temperature > 0
    if sampled:
        spread_peaks(outputs, masses, levels)
        accumulate_masses(outputs, masses, LANES, levels, temperature, top_p)
    for lane in range(len(symbols)):
        if symbols[lane] < 0:
            if sampled:
                symbols[lane] = draw_class(masses, lane, LANES, levels, uniforms[lane, 0])
            elif levels:
                symbols[lane] = most_likely(outputs, lane, LANES, levels)
            else:
                symbols[lane] = draw_logistic(
                    outputs, lane, LANES, components, least_log_scale, temperature, uniforms[lane]
                )


@compiled()
def spread_peaks(outputs: Floats, masses: Floats, classes: int) -> None:
    """Set all masses of a lane to the largest output of that lane."""
    last = (classes - 1) * LANES
    masses[:] = outputs
    for n in range(last):
        masses[n + LANES] = max(masses[n + LANES], masses[n])
    for lane in range(LANES):
        masses[lane] = masses[last + lane]
    for n in range(last):
        masses[n + LANES] = masses[n]
