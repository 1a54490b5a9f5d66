"""The heap of phase gradient heap integration: the loudest bin first, its phase spread to its neighbours.

An entry is one 64-bit number, the magnitude's bits above the bin's place: positive floats sort as their bits do, so
the heap compares integers and never looks a magnitude up.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from soundloom.representations.compiled import compiled

Floats = NDArray[np.float32]


@compiled()
def integrate(
    keys: NDArray[np.uint64],
    open_bins: NDArray[np.uint8],
    starts: NDArray[np.uint64],
    in_time: Floats,
    in_frequency: Floats,
    width: int,
    phase: NDArray[np.float64],
) -> None:
    """Spread phase from the loudest bins outwards, each step by the mean of the derivatives at its two ends.

    All arrays but `starts` are flat views of one grid of frames, `width` bins a row, with a border of closed bins.

    Args:
        keys: magnitude bits << 32 | place in the grid.
        open_bins: 1 where a phase is wanted and not yet known; 0 everywhere on return.
        starts: keys of bins where an island may start, loudest first; an island starts with phase 0.
        in_time: radians from one frame to the next.
        in_frequency: radians from one bin to the next.
        width: bins a row, border included.
        phase: takes the phase in radians of every bin that was open.
    """
    heap = np.empty(len(keys), np.uint64)
    low_half = np.uint64(0xFFFFFFFF)
    for start in starts:
        seed = np.int64(start & low_half)
        if not open_bins[seed]:
            continue
        open_bins[seed] = 0
        phase[seed] = 0.0
        heap[0] = start
        size = 1
        while size > 0:
            here = np.int64(heap[0] & low_half)
            top_is_spent = True
            for side in range(4):
                if side == 0:
                    there = here + width
                    step = 0.5 * (in_time[here] + in_time[there])
                elif side == 1:
                    there = here - width
                    step = -0.5 * (in_time[here] + in_time[there])
                elif side == 2:
                    there = here + 1
                    step = 0.5 * (in_frequency[here] + in_frequency[there])
                else:
                    there = here - 1
                    step = -0.5 * (in_frequency[here] + in_frequency[there])
                if not open_bins[there]:
                    continue
                open_bins[there] = 0
                phase[there] = phase[here] + step
                if not (
                    open_bins[there + width] or open_bins[there - width] or open_bins[there + 1] or open_bins[there - 1]
                ):
                    continue  # it could reach nobody when its turn comes
                if top_is_spent:  # the spent top makes room: a neighbour is about as loud and hardly sinks
                    _sink(heap, size, keys[there])
                    top_is_spent = False
                else:
                    _rise(heap, size, keys[there])
                    size += 1
            if top_is_spent:
                size -= 1
                if size > 0:
                    _sink(heap, size, heap[size])


@compiled()
def _sink(heap: NDArray[np.uint64], size: int, key: np.uint64) -> None:
    """Put `key` in place of the top of a heap of `size` entries."""
    hole = 0
    while True:
        child = 2 * hole + 1
        if child >= size:
            break
        if child + 1 < size and heap[child + 1] > heap[child]:
            child += 1
        if heap[child] <= key:
            break
        heap[hole] = heap[child]
        hole = child
    heap[hole] = key


@compiled()
def _rise(heap: NDArray[np.uint64], size: int, key: np.uint64) -> None:
    """Add `key` to a heap of `size` entries."""
    hole = size
    while hole > 0:
        parent = (hole - 1) >> 1
        if heap[parent] >= key:
            break
        heap[hole] = heap[parent]
        hole = parent
    heap[hole] = key
