"""A network's weights in the order in which a sampler reads them."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from soundloom.systems.wavenet.sampler.vectors import BLOCKS, LANES, UNROLL
from soundloom.systems.wavenet.sampler.weights import MIXTURE, Floats, Weights

Arena = NDArray[np.float32] | NDArray[np.uint32]

TOGETHER = 16  # steps for which old samples' taps are summed at once, at most
PAIR = 2  # blocks of 16 in a group of old taps


class Shape(NamedTuple):
    """Sizes, padded with zeros: outputs to a multiple of 16 and inputs, which are outputs, with them."""

    layers: int
    kernel: int
    residual: int
    gates: int  # of tanh alone
    skip: int
    end: int
    outputs: int
    layer: int  # elements of a layer in the arena of every step
    old: int  # and in that of old taps
    levels: int  # 0 where symbols enter as numbers
    components: int  # logistics
    skip_scale: np.float32
    least_log_scale: np.float32


class Plan(NamedTuple):
    """What the loops read; R, G, S, E and outputs are padded.

    Attributes:
        first: (k0, levels, R), or (k0, 1, R) where symbols enter as numbers.
        steady: arena of what every step reads: of each layer the newest tap and the mix, then the end and the head.
        old: arena of each layer's older taps, the oldest first, in groups of PAIR blocks.
        input_bias: (N, R), of each layer's input.
        skip_bias: (S,), of all layers together.
        end_bias: (E,).
        head_bias: (outputs,).
        dilations: (N,).
        together: (N,), steps for which a layer's old taps are summed at once.
        queue_at: (N + 1,), where each layer's queue begins, in vectors of R.
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
    together: NDArray[np.int64]
    queue_at: NDArray[np.int64]


def plan(weights: Weights, *, packed: bool = False) -> Plan:
    """Lay out the weights; `packed` puts two of them, which must be bfloat16 already, into an element of the arenas."""
    layers, kernel, _, _ = weights.taps.shape
    residual, gates = _up(weights.residual), _up(weights.gates)
    skip, end, outputs = _up(weights.skip), _up(len(weights.end_bias)), _up(weights.outputs)
    taps = _pad(weights.taps.reshape(layers, kernel, weights.residual, 2, weights.gates), 2, residual)
    taps = _pad(taps, 4, gates).reshape(layers, kernel, residual, 2 * gates)
    mix = _split_pad(weights.mix, weights.residual, residual, skip)
    mix = _pad(mix, 1, gates)
    mix_bias = _split_pad(weights.mix_bias, weights.residual, residual, skip)
    steady = []
    for layer in range(layers):
        for matrix in (taps[layer, -1], mix[layer, :, :residual], mix[layer, :, residual:]):
            steady += _groups(matrix)
    steady += _groups(_pad(_pad(weights.end, 0, skip), 1, end)) + _groups(_pad(_pad(weights.head, 0, end), 1, outputs))
    old = [piece for layer in range(layers) for piece in _groups(np.concatenate(taps[layer, :-1]), PAIR)]

    first = weights.first if weights.kind == "softmax" else weights.first[:, None]
    return Plan(
        Shape(
            layers,
            kernel,
            residual,
            gates,
            skip,
            end,
            outputs,
            residual * 2 * gates + gates * (residual + skip) >> packed,
            (kernel - 1) * residual * 2 * gates >> packed,
            weights.levels if weights.kind == "softmax" else 0,
            0 if weights.kind == "softmax" else weights.outputs // MIXTURE,
            np.float32(weights.skip_scale),
            np.float32(weights.least_log_scale),
        ),
        aligned(_pad(first, 2, residual)),
        _arena(steady, packed),
        _arena(old, packed),
        aligned(np.concatenate([_pad(weights.first_bias, 0, residual)[None], mix_bias[:-1, :residual]])),
        aligned(mix_bias[:, residual:].sum(0, dtype=np.float64)),
        aligned(_pad(weights.end_bias, 0, end)),
        aligned(_pad(weights.head_bias, 0, outputs)),
        weights.dilations.astype(np.int64),
        np.gcd(weights.dilations, TOGETHER).astype(np.int64),
        np.concatenate(([0], np.cumsum((kernel - 1) * weights.dilations))).astype(np.int64),
    )


def rounded(weights: Floats) -> Floats:
    """To the nearest bfloat16, to the even one of two as near."""
    bits = np.ascontiguousarray(weights, np.float32).view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) & np.uint32(0xFFFF0000)).view(np.float32)


def aligned(values: NDArray[np.generic], dtype: type[np.generic] = np.float32) -> NDArray[np.float32]:
    """A copy that begins at a multiple of 64 bytes."""
    copy = empty(*values.shape, dtype=dtype)
    copy[...] = values
    return copy


def empty(*shape: int, dtype: type[np.generic] = np.float32) -> NDArray[np.float32]:
    """Zeros, numbers of four bytes, from a multiple of 64 bytes on."""
    size = 4 * math.prod(shape)
    room = np.zeros(size + 63, np.uint8)
    start = -room.ctypes.data % 64
    return room[start : start + size].view(dtype).reshape(shape)


def group_widths(blocks: int, widest: int = BLOCKS) -> list[int]:
    """How many blocks of 16 outputs each group has: as wide as may be, then halving."""
    widths = []
    while blocks:
        while widest > blocks:
            widest //= 2
        widths.append(widest)
        blocks -= widest
    return widths


def _groups(matrix: Floats, widest: int = BLOCKS) -> list[Floats]:
    """A matrix (input, output) cut between outputs."""
    widths = np.array(group_widths(matrix.shape[1] // LANES, widest))
    return np.split(matrix, np.cumsum(widths)[:-1] * LANES, axis=1)


def _arena(groups: list[Floats], packed: bool) -> Arena:
    """Groups (input, output) one after another, followed by as much as a fetch may look ahead."""
    if not packed:
        return aligned(np.concatenate([group.ravel() for group in groups]))
    halves = [np.ascontiguousarray(group, np.float32).view(np.uint32) for group in groups]
    return aligned(np.concatenate([(half[::2] >> 16 | half[1::2]).ravel() for half in halves]), np.uint32)


def _up(channels: int) -> int:
    assert LANES % UNROLL == 0
    return -(-channels // LANES) * LANES


def _pad(values: Floats, axis: int, size: int) -> Floats:
    """Zeros after the end of an axis."""
    widths = [(0, size - have if n == axis else 0) for n, have in enumerate(values.shape)]
    return np.pad(values, widths)


def _split_pad(values: Floats, at: int, first: int, second: int) -> Floats:
    """Zeros after both parts of the last axis, which is split at `at`."""
    last = values.ndim - 1
    return np.concatenate([_pad(values[..., :at], last, first), _pad(values[..., at:], last, second)], axis=-1)
