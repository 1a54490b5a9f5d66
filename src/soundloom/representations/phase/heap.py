"""Compiled loops of phase gradient heap integration: from the loudest bin, phase spreads to its neighbours.

A heap entry is one 64-bit integer: the bits of the magnitude above the index of the bin. Positive floats sort as their
bits do, so the heap compares integers and never looks up a magnitude. Phase is in turns, wrapped, so that single
precision is enough.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from soundloom.runtime.compiled import compiled

Floats = NDArray[np.float32]
Entries = NDArray[np.uint64]

INDEX = np.uint64(0xFFFFFFFF)  # the part of an entry that holds the index of the bin
MAGNITUDE = np.uint64(32)  # position of the magnitude's bits in an entry
ONE = np.uint64(1)
HALF = np.float32(0.5)


@compiled()
def integrate(
    bits: NDArray[np.uint32],
    wanted: NDArray[np.uint8],
    starts: Entries,
    in_time: Floats,
    in_frequency: Floats,
    width: int,
    phase: Floats,
    heap: Entries,
) -> None:
    """Integrate phase from the loudest bins outwards; each step adds the mean of the slopes at its two ends.

    Grids are flattened, `width` bins a row, one row a frame, with a border of unwanted bins on every side.

    Args:
        bits: grid, bits of the magnitudes.
        wanted: grid, 1 where a phase is wanted and not yet known; set to 0 when it is.
        starts: heap entries of bins where an island may start, loudest first; an island starts with phase 0.
        in_time: grid of turns from one frame to the next.
        in_frequency: grid of turns from one bin to the next.
        width: bins a row, border included.
        phase: grid, output: the phase in turns, 0 to 1, of bins that are reached.
        heap: scratch space for as many entries as the grid has bins.
    """
    row = np.uint64(width)
    for start in starts:
        seed = start & INDEX
        if not wanted[seed]:
            continue
        wanted[seed] = 0
        phase[seed] = 0.0
        heap[0] = start
        size = 1
        while size > 0:
            here = heap[0] & INDEX
            spent = True  # the top of the heap may be overwritten
            for side in range(4):
                if side == 0:
                    there = here + row
                    step = HALF * (in_time[here] + in_time[there])
                elif side == 1:
                    there = here - row
                    step = -HALF * (in_time[here] + in_time[there])
                elif side == 2:
                    there = here + ONE
                    step = HALF * (in_frequency[here] + in_frequency[there])
                else:
                    there = here - ONE
                    step = -HALF * (in_frequency[here] + in_frequency[there])
                if not wanted[there]:
                    continue
                wanted[there] = 0
                turns = phase[here] + step
                phase[there] = turns - np.floor(turns)
                if not (wanted[there + row] | wanted[there - row] | wanted[there + ONE] | wanted[there - ONE]):
                    continue  # it has no neighbours left to reach
                entry = (np.uint64(bits[there]) << MAGNITUDE) | there
                if spent:  # a neighbour is about as loud as the top was, so it sinks only a little
                    _sink(heap, size, entry)
                    spent = False
                else:
                    _rise(heap, size, entry)
                    size += 1
            if spent:
                size -= 1
                if size > 0:
                    _replace(heap, size, heap[size])


@compiled()
def _sink(heap: Entries, size: int, entry: np.uint64) -> None:
    """Replace the top of a heap of `size` entries with `entry`, which is probably large."""
    hole, child = 0, 1
    while child < size:
        if child + 1 < size and heap[child + 1] > heap[child]:
            child += 1
        if heap[child] <= entry:
            break
        heap[hole] = heap[child]
        hole, child = child, 2 * child + 1
    heap[hole] = entry


@compiled()
def _replace(heap: Entries, size: int, entry: np.uint64) -> None:
    """Replace the top with `entry`, which is probably small: move the hole down to a leaf, then sift up."""
    hole, child = 0, 1
    while child + 1 < size:
        child += int(heap[child + 1] > heap[child])
        heap[hole] = heap[child]
        hole, child = child, 2 * child + 1
    if child < size:
        heap[hole] = heap[child]
        hole = child
    _rise(heap, hole, entry)


@compiled()
def _rise(heap: Entries, hole: int, entry: np.uint64) -> None:
    """Sift `entry` up from a hole at a leaf."""
    while hole > 0:
        parent = (hole - 1) >> 1
        if heap[parent] >= entry:
            break
        heap[hole] = heap[parent]
        hole = parent
    heap[hole] = entry


@compiled(reorder=True)
def slopes(
    level: Floats, time_scale: float, frequency_scale: float, hop_turns: float, in_time: Floats, in_frequency: Floats
) -> None:
    """Write the derivatives of the phase, in turns, to the interior of two bordered grids.

    Args:
        level: natural logarithm of the magnitude, (frame, frequency).
        time_scale: turns from frame to frame per neper of difference between the neighbouring bins.
        frequency_scale: turns from bin to bin per neper of difference between the neighbouring frames.
        hop_turns: turns of bin 1 from frame to frame.
        in_time: output: turns from frame to frame, (frame + 2, frequency + 2).
        in_frequency: output: turns from bin to bin, (frame + 2, frequency + 2).
    """
    frames, bins = level.shape
    for n in range(frames):
        before, after = max(n - 1, 0), min(n + 1, frames - 1)
        scale = np.float32(frequency_scale) if after - before == 2 else np.float32(2 * frequency_scale)
        for m in range(bins):
            in_frequency[n + 1, m + 1] = scale * (level[after, m] - level[before, m])
        for m in range(1, bins - 1):
            slope = np.float32(time_scale) * (level[n, m + 1] - level[n, m - 1])
            in_time[n + 1, m + 1] = slope + np.float32(hop_turns) * m
        in_time[n + 1, 1] = 0.0  # the spectrum is symmetric about 0 Hz and Nyquist: its slope is 0
        in_time[n + 1, bins] = np.float32(hop_turns) * (bins - 1)
