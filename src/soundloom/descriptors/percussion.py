"""How much of a sound is percussive: its spectrogram parted by medians along time and along frequency."""

from __future__ import annotations

import numpy as np
from scipy import fft, signal

from soundloom.compiled import compiled

SIZE, HOP = 2048, 512
WIDTH = 31  # frames and bins of the medians
STEP_SIZE, STEP_HOP = 1024, 512  # samples of the level's windows


def centred_spectra(x: np.ndarray) -> np.ndarray:
    """Complex Hann spectra of a sound (time,), frame k around sample 512 k, complex64 (frame, bin)."""
    padded = np.pad(x.astype(np.float32), SIZE // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, SIZE)[::HOP]
    return np.asarray(fft.rfft(frames * _window(), axis=1))


def percussive_share(x: np.ndarray, spectra: np.ndarray) -> float:
    """Level of the percussive part of a sound (time,) over that of both parts, 0 to 1.

    Args:
        x: not silent.
        spectra: of x, see `centred_spectra`.

    Fitzgerald 2010, "Harmonic/percussive separation using median filtering", DAFx
    """
    magnitude = np.abs(spectra)
    harmonic = np.square(_medians(np.ascontiguousarray(magnitude.T)).T)
    percussive = np.square(_medians(magnitude))
    both = harmonic + percussive
    mask = np.where(both > 0, percussive / np.where(both > 0, both, 1.0), 0.5)
    part = _overlapped(spectra * mask, len(x))
    strong, rest = _levels(part).sum(), _levels(x - part).sum()
    return float(strong / (strong + rest))


def _window() -> np.ndarray:
    return np.asarray(signal.get_window("hann", SIZE), np.float32)


def _overlapped(spectra: np.ndarray, samples: int) -> np.ndarray:
    """The sound that has these `centred_spectra`, (sample,)."""
    window = _window()
    frames = fft.irfft(spectra, SIZE, axis=1) * window
    out = np.zeros((len(spectra) - 1) * HOP + SIZE)
    weight = np.full(len(out), 1e-8)
    for number, frame in enumerate(frames):
        out[number * HOP : number * HOP + SIZE] += frame
        weight[number * HOP : number * HOP + SIZE] += window**2
    whole = (out / weight)[SIZE // 2 :]
    return np.pad(whole, (0, max(0, samples - len(whole))))[:samples]


def _levels(x: np.ndarray) -> np.ndarray:
    """Root mean square in windows of 1024 samples, half over each other, (window,)."""
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(x, (0, STEP_SIZE)), STEP_SIZE)[::STEP_HOP]
    return np.asarray(np.sqrt(np.square(windows).mean(axis=1)))


@compiled(reorder=True)
def _medians(x: np.ndarray) -> np.ndarray:
    """Running medians of 31 along the rows of (row, place), mirrored at both ends.

    The numbers in the window keep their places, and their ranks are kept beside them: a number that goes or comes
    changes those of the others by one or none, which fills vector registers where sorting would branch.
    """
    rows, count = x.shape
    half = WIDTH // 2
    out = np.empty_like(x)
    line = np.empty(count + WIDTH, np.float32)
    held, rank = np.empty(WIDTH, np.float32), np.empty(WIDTH, np.int32)
    for row in range(rows):
        for place in range(count + WIDTH):
            mirrored = (place - half) % (2 * count)
            line[place] = x[row, min(mirrored, 2 * count - 1 - mirrored)]
        held[:] = line[:WIDTH]
        rank[np.argsort(held)] = np.arange(WIDTH, dtype=np.int32)
        for place in range(count):
            median = np.float32(0.0)
            slot, new = place % WIDTH, line[place + WIDTH]
            old, below = rank[slot], np.int32(0)
            for number in range(WIDTH):
                median += held[number] if rank[number] == half else np.float32(0.0)
                rank[number] -= np.int32(rank[number] > old)
                below += np.int32(held[number] < new)
            below -= np.int32(held[slot] < new)
            held[slot] = new
            for number in range(WIDTH):
                rank[number] += np.int32(rank[number] >= below)
            rank[slot] = below
            out[row, place] = median
    return out
