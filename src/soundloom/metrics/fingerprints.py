"""Fingerprints of short sounds, and how many decibels apart two of them are at the best shift and gain.

A fingerprint is the level in 48 mel bands every 10 ms, down to 45 dB below the sound's own peak, in bytes. It holds no
phase, since a generator that memorised a sound renders it with another one. The distance is the mean absolute
difference over all cells in which either sound is audible.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray

from soundloom.representations.mel import MelSpectrogram
from soundloom.runtime.compiled import compiled

Prints = NDArray[np.uint8]  # (sound, frame, band)

BANDS = 48
LOW_HZ, HIGH_HZ = 40.0, 9000.0  # above, a codec at a low bit rate drops content
LEAST_BAND_HZ = 40.0
WINDOW_SECONDS, HOP_SECONDS = 0.046, 0.01
SMOOTHED = 3  # frames: the finest ripple of a noise depends on its phase
RANGE_DB, STEPS_PER_DB = 45, 5
LAGS = 2  # frames to either side: 20 ms
EDGE = 2  # frames in which a sound that begins in its middle has a click that is not its own
BEYOND_EDGE = 0.5  # of a sound must lie behind it, to be compared without it
MOST_GAIN_DB = 25  # between the peaks of two versions of a sound, one of which may have lost its attack
SILENT = 1e-4  # a peak below it, -80 dB of full scale, is no sound

COARSE_BANDS, COARSE_FRAMES, COARSE_CELLS = 2, 3, 40  # bands and frames in one cell; most cells in time
BLOCK, QUERIES = 1024, 512  # fingerprints compared at once


def fingerprints(audio: np.ndarray, sample_rate: int) -> Prints:
    """Fingerprints of (sound, sample); all 0 for silence.

    Raises:
        ValueError: not two axes, samples that are not finite, or sounds under 0.1 s.
    """
    if audio.ndim != 2:
        raise ValueError(f"sounds have shape {audio.shape} but must be (sound, sample); mix each down to mono")
    if audio.shape[1] < 0.1 * sample_rate:
        raise ValueError(f"sounds last {audio.shape[1] / sample_rate:.3f} s; give at least 0.1 s, shorter ones padded")
    if not np.isfinite(audio).all():
        raise ValueError("sounds hold NaN or infinite samples; repair them or leave them out")
    blocks = [_levels(audio[at : at + 64], sample_rate) for at in range(0, len(audio), 64)]
    return np.concatenate(blocks) if blocks else _nothing(audio.shape[1], sample_rate)


def silent(audio: np.ndarray) -> NDArray[np.bool_]:
    """Which of (sound, sample) are silent."""
    return np.asarray(np.abs(audio).max(axis=1, initial=0.0) < SILENT)


def decibels_apart(queries: Prints, stored: Prints, candidates: NDArray[np.int64]) -> NDArray[np.float32]:
    """How far each query is from each of its candidates, at the best shift within 20 ms and the best gain.

    Args:
        queries: fingerprints of the sounds to look up.
        stored: fingerprints with as many frames.
        candidates: places in `stored`, (query, candidate); -1 for none.

    Returns:
        Decibels (query, candidate); infinite where there is nothing to compare.
    """
    apart = np.full(candidates.shape, np.inf, np.float32)
    most = MOST_GAIN_DB * STEPS_PER_DB
    _compare(
        _rows(queries),
        _rows(stored),
        np.ascontiguousarray(candidates),
        queries.shape[2],
        LAGS,
        EDGE,
        BEYOND_EDGE,
        most,
        apart,
    )
    return np.asarray(apart / STEPS_PER_DB, np.float32)


def candidates(
    queries: Prints,
    stored: Prints,
    count: int,
    kin: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None,
) -> NDArray[np.int64]:
    """The stored fingerprints whose coarse shape is nearest to each query's.

    Args:
        queries: fingerprints of the sounds to look up.
        stored: fingerprints with as many frames, in any number: they are searched in blocks.
        count: candidates for each query.
        kin: a group number for each query and for each stored sound; sounds of one group are not compared.

    Returns:
        Places in `stored`, (query, count), not sorted; -1 where there are fewer.
    """
    found = np.full((len(queries), count), -1, np.int64)
    for top in range(0, len(queries), QUERIES):
        some = slice(top, top + QUERIES)
        shapes = _shapes(queries[some], leading=True)
        score = np.full((len(shapes[0]), count), -np.inf, np.float32)
        for left in range(0, len(stored), BLOCK):
            block = slice(left, left + BLOCK)
            pairs = zip(shapes, _shapes(stored[block], leading=False), strict=True)
            near = np.max([query @ other.T for query, other in pairs], axis=0)
            if kin is not None:
                near[kin[0][some, None] == kin[1][None, block]] = -np.inf
            places = np.broadcast_to(np.arange(left, left + near.shape[1]), near.shape)
            scores, places = np.hstack([score, near]), np.hstack([found[some], places])
            best = np.argpartition(-scores, count - 1, axis=1)[:, :count]
            score, found[some] = np.take_along_axis(scores, best, 1), np.take_along_axis(places, best, 1)
        found[some][np.isneginf(score)] = -1
    return found


@lru_cache(maxsize=8)
def _bands(sample_rate: int) -> MelSpectrogram:
    high = min(sample_rate / 2, HIGH_HZ)
    count = max(1, min(BANDS, int(high / LEAST_BAND_HZ)))
    size = max(16, 2 ** round(np.log2(sample_rate * WINDOW_SECONDS)))
    hop = max(1, round(sample_rate * HOP_SECONDS))
    return MelSpectrogram(sample_rate, size, hop, bands=count, norm="none", low_hz=min(LOW_HZ, high / 4), high_hz=high)


def _nothing(samples: int, sample_rate: int) -> Prints:
    bands = _bands(sample_rate)
    return np.zeros((0, bands.length(samples), bands.bands), np.uint8)


def _levels(audio: np.ndarray, sample_rate: int) -> Prints:
    sounds = torch.from_numpy(np.ascontiguousarray(audio, np.float32))[:, None]
    amplitude = _bands(sample_rate).amplitude(sounds)[:, 0]
    smooth = torch.nn.functional.avg_pool1d(amplitude, SMOOTHED, 1, SMOOTHED // 2, count_include_pad=True)
    peak = smooth.amax(dim=(1, 2), keepdim=True)
    under_peak = 20 * torch.log10(smooth.clamp(min=1e-12) / peak.clamp(min=1e-12))
    steps = ((under_peak + RANGE_DB).clamp(min=0) * STEPS_PER_DB).round().to(torch.uint8).transpose(1, 2)
    steps[torch.from_numpy(silent(audio))] = 0
    return steps.contiguous().numpy()


def _rows(prints: Prints) -> Prints:
    return np.ascontiguousarray(prints).reshape(len(prints), prints.shape[1] * prints.shape[2])


def _shapes(prints: Prints, leading: bool) -> list[NDArray[np.float32]]:
    """Coarse unit vectors (sound, cell), one for each lag; `leading` crops the sound that is late by the lag."""
    pairs = prints.shape[2] // COARSE_BANDS * COARSE_BANDS or prints.shape[2]
    width = min(COARSE_BANDS, pairs)
    narrow = prints[:, :, :pairs].reshape(*prints.shape[:2], pairs // width, width).mean(axis=3, dtype=np.float32)
    shapes = []
    for lag in range(-LAGS, LAGS + 1):
        begin = max(lag if leading else -lag, 0)
        length = prints.shape[1] - abs(lag)
        cell = min(length, max(COARSE_FRAMES, -(-length // COARSE_CELLS)))
        kept = narrow[:, begin : begin + length // cell * cell]
        cells = kept.reshape(len(prints), kept.shape[1] // cell, cell, narrow.shape[2]).mean(axis=2)
        cells = cells.reshape(len(prints), cells.shape[1] * cells.shape[2])
        cells -= cells.mean(axis=1, keepdims=True)
        shapes.append(cells / np.maximum(np.linalg.norm(cells, axis=1, keepdims=True), 1e-6))
    return shapes


@compiled(reorder=True)
def _compare(
    queries: Prints,
    stored: Prints,
    candidates: NDArray[np.int64],
    bands: int,
    lags: int,
    edge: int,
    share: float,
    most_gain: int,
    apart: NDArray[np.float32],
) -> None:
    size = queries.shape[1]
    for i in range(candidates.shape[0]):
        for j in range(candidates.shape[1]):
            if candidates[i, j] < 0:
                continue
            whole = max(np.sum(queries[i] > 0), np.sum(stored[candidates[i, j]] > 0))
            for turn in range(3 * lags + 2):  # all lags, then those that cut the query, without its edge
                lag, skipped = (turn - lags, 0) if turn <= 2 * lags else (turn - 3 * lags - 1, edge)
                length = size - (abs(lag) + skipped) * bands
                if length <= 0:
                    continue
                begins = (max(lag, 0) + skipped) * bands
                other_begins = (max(-lag, 0) + skipped) * bands
                first = queries[i, begins : begins + length]
                second = stored[candidates[i, j], other_begins : other_begins + length]
                gain = 0
                for _ in range(2):  # where both are audible, seen once more with that gain
                    total = 0
                    common = 0
                    for k in range(length):
                        x = int(first[k])
                        y = int(second[k])
                        both = int(x > max(gain, 0) and y > max(-gain, 0))
                        total += both * (x - y)
                        common += both
                    gain = min(max(round(total / max(common, 1)), -most_gain), most_gain)
                floor = max(gain, 0)  # below it, one of the two is cut off by its own floor
                total = 0
                audible = 0
                for k in range(length):
                    x = max(int(first[k]), floor)
                    y = max(int(second[k]) + gain, floor)
                    total += abs(x - y)
                    audible += int(x > floor or y > floor)
                if audible > 0 and (skipped == 0 or audible >= share * whole):
                    apart[i, j] = min(apart[i, j], total / audible)
