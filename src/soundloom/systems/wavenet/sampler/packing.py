"""Matrices of weights in the order and the element type in which kernels read them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from soundloom.systems.wavenet.sampler.byte_products import EACH
from soundloom.systems.wavenet.sampler.matvec import BLOCKS
from soundloom.systems.wavenet.sampler.vectors import LANES
from soundloom.systems.wavenet.sampler.weights import Floats

Arena = NDArray[np.float32] | NDArray[np.uint32] | NDArray[np.int32]
Pack = Callable[[Floats], NDArray[Any]]

PAIR = 2  # blocks of 16 outputs in a group of old taps
LARGEST = 127  # magnitude of an 8-bit weight


def pack_float32(group: Floats) -> NDArray[Any]:
    """A group (input, output), unchanged."""
    return group.ravel()


def pack_bfloat16(group: Floats) -> NDArray[Any]:
    """Two inputs in each element; the group must hold bfloat16 values only."""
    bits = np.ascontiguousarray(group).view(np.uint32)
    return (bits[::2] >> 16 | bits[1::2]).ravel()


def pack_int8(group: Floats) -> NDArray[Any]:
    """Four inputs in each element, 8 bits each, after a header with their scales; see `byte_products`."""
    scale = np.abs(group).max(0) / np.float32(LARGEST)
    whole = np.rint(group / np.where(scale > 0, scale, 1)).astype(np.int8)
    header = np.stack((scale * whole.sum(0, dtype=np.int64), scale)).astype(np.float32)
    words = np.ascontiguousarray(whole.reshape(-1, EACH, group.shape[1]).transpose(0, 2, 1)).view(np.int32)
    return np.concatenate((header.view(np.int32).ravel(), words.ravel()))


def to_bfloat16(weights: Floats) -> Floats:
    """Round to the nearest bfloat16, ties to even."""
    bits = np.ascontiguousarray(weights, np.float32).view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) & np.uint32(0xFFFF0000)).view(np.float32)


def groups(matrix: Floats, widest: int = BLOCKS) -> list[Floats]:
    """Cut a matrix (input, output) between outputs into groups of `widest` blocks, half as many, and so on, as fit."""
    cuts, outputs, group = [0], matrix.shape[1], widest * LANES
    while cuts[-1] < outputs:
        while cuts[-1] + group > outputs:
            group //= 2
        cuts.append(cuts[-1] + group)
    return np.split(matrix, cuts[1:-1], axis=1)


def arena(pieces: Sequence[Floats], pack: Pack) -> NDArray[Any]:
    """Concatenate packed groups."""
    return aligned(np.concatenate([pack(piece) for piece in pieces]))


def aligned(values: NDArray[Any]) -> NDArray[Any]:
    """A copy of an array of 4-byte elements that begins at a multiple of 64 bytes."""
    copy = empty(*values.shape, dtype=values.dtype)
    copy[...] = values
    return copy


def empty(*shape: int, dtype: DTypeLike = np.float32) -> NDArray[Any]:
    """Zeros of 4-byte elements that begin at a multiple of 64 bytes."""
    size = 4 * math.prod(shape)
    memory = np.zeros(size + 63, np.uint8)
    start = -memory.ctypes.data % 64
    return memory[start : start + size].view(dtype).reshape(shape)
