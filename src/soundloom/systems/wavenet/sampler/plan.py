"""A network's weights in the order in which the kernels read them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from soundloom.systems.wavenet.sampler.packing import PAIR, Arena, Pack, aligned, arena, groups
from soundloom.systems.wavenet.sampler.vectors import LANES
from soundloom.systems.wavenet.sampler.weights import MIXTURE, Floats, Weights

STEP_BLOCK = 16  # the most steps for which the products of older taps are computed at once


class Shape(NamedTuple):
    """Sizes, padded with zeros: every number of channels to a multiple of 16."""

    layers: int
    residual: int
    gates: int  # of the tanh half
    skip: int
    end: int
    outputs: int
    layer: int  # elements of a layer in `Plan.steady`
    old: int  # elements of a layer in `Plan.old`
    levels: int  # 0 where symbols embed as numbers
    components: int  # of the mixture of logistics
    skip_scale: np.float32
    least_log_scale: np.float32


class Plan(NamedTuple):
    """The arrays that the kernels read; R, G, S, E and outputs are padded.

    Attributes:
        first: (k0, levels, R), or (k0, 1, R) if symbols are numbers.
        steady: arena of what every step reads: the newest tap and the mix of each layer, then the end and the head.
        old: arena of each layer's older taps, oldest first, in groups of PAIR blocks.
        input_bias: (N, R), of each layer's input.
        skip_bias: (S,), summed over layers.
        end_bias: (E,).
        head_bias: (outputs,).
        dilations: (N,).
        step_blocks: (N,), steps for which a layer's older taps are summed at once.
        queue_at: (N + 1,), the position of each layer's queue, in vectors of R.
    """

    shape: Shape
    first: Floats
    steady: Arena
    old: Arena
    input_bias: Floats
    skip_bias: Floats
    end_bias: Floats
    head_bias: Floats
    dilations: NDArray[np.int64]
    step_blocks: NDArray[np.int64]
    queue_at: NDArray[np.int64]


def plan(weights: Weights, pack: Pack) -> Plan:
    """Lay out the weights, with elements as `pack` makes them."""
    layers, kernel, _, _ = weights.taps.shape
    residual, gates = round_up(weights.residual), round_up(weights.gates)
    skip, end, outputs = round_up(weights.skip), round_up(len(weights.end_bias)), round_up(weights.outputs)
    taps = weights.taps.reshape(layers, kernel, weights.residual, 2, weights.gates)
    taps = _pad(taps, {2: residual, 4: gates}).reshape(layers, kernel, residual, 2 * gates)
    to_residual, to_skip = np.split(weights.mix, [weights.residual], axis=2)
    to_residual, to_skip = _pad(to_residual, {1: gates, 2: residual}), _pad(to_skip, {1: gates, 2: skip})
    bias, skip_bias = np.split(weights.mix_bias, [weights.residual], axis=1)
    first = weights.first if weights.kind == "softmax" else weights.first[:, None]

    steady = [arena((*groups(taps[n, -1]), *groups(to_residual[n]), *groups(to_skip[n])), pack) for n in range(layers)]
    ending = (*groups(_pad(weights.end, {0: skip, 1: end})), *groups(_pad(weights.head, {0: end, 1: outputs})))
    pairs = [zip(*(groups(tap, PAIR) for tap in taps[n, :-1]), strict=True) for n in range(layers)]
    old = [arena([piece for pair in of_layer for piece in pair], pack) for of_layer in pairs]
    return Plan(
        Shape(
            layers,
            residual,
            gates,
            skip,
            end,
            outputs,
            steady[0].size,
            old[0].size,
            weights.levels if weights.kind == "softmax" else 0,
            0 if weights.kind == "softmax" else weights.outputs // MIXTURE,
            np.float32(weights.skip_scale),
            np.float32(weights.least_log_scale),
        ),
        aligned(_pad(first, {2: residual})),
        aligned(np.concatenate((*steady, arena(ending, pack)))),
        aligned(np.concatenate(old)),
        aligned(_pad(np.concatenate((weights.first_bias[None], bias[:-1])), {1: residual})),
        aligned(_pad(skip_bias.sum(0), {0: skip})),
        aligned(_pad(weights.end_bias, {0: end})),
        aligned(_pad(weights.head_bias, {0: outputs})),
        weights.dilations.astype(np.int64),
        np.gcd(weights.dilations, STEP_BLOCK).astype(np.int64),
        np.concatenate(([0], np.cumsum((kernel - 1) * weights.dilations))).astype(np.int64),
    )


def round_up(channels: int) -> int:
    """Round up to a multiple of LANES."""
    return -(-channels // LANES) * LANES


def _pad(values: Floats, sizes: Mapping[int, int]) -> Floats:
    """Pad axes with zeros at their ends, to the given sizes."""
    return np.pad(values, [(0, sizes.get(axis, have) - have) for axis, have in enumerate(values.shape)])
