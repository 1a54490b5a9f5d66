"""How much of a sound is percussive: its spectrogram parted by medians along time and along frequency."""

from __future__ import annotations

import numpy as np
from scipy import fft, signal

from soundloom.runtime.compiled import compiled

SIZE, HOP = 2048, 512
WIDTH = 31  # frames and bins of the medians
LANES = 64  # columns that medians run down side by side
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
    harmonic = np.square(_medians(magnitude))
    percussive = np.square(_medians(np.ascontiguousarray(magnitude.T)).T)
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
    """Running medians of 31 down the columns of (place, column), mirrored at both ends.

    The numbers in the window keep their slots, and their ranks are kept beside them: a number that goes or comes
    changes those of the others by one or none. Nothing is sorted, and 64 columns at once fill vector registers.
    """
    count, columns = x.shape
    half, one, nothing = WIDTH // 2, np.float32(1.0), np.float32(0.0)
    out = np.empty_like(x)
    line = np.zeros((count + WIDTH, LANES), np.float32)
    held, rank = np.empty((WIDTH, LANES), np.float32), np.empty((WIDTH, LANES), np.float32)
    median, below = np.empty(LANES, np.float32), np.empty(LANES, np.float32)
    for first in range(0, columns, LANES):
        width = min(LANES, columns - first)
        for place in range(count + WIDTH):
            mirrored = (place - half) % (2 * count)
            line[place, :width] = x[min(mirrored, 2 * count - 1 - mirrored), first : first + width]
        held[:] = line[:WIDTH]
        rank[:] = nothing
        for slot in range(WIDTH):
            for other in range(WIDTH):
                for lane in range(LANES):
                    ours, theirs = held[slot, lane], held[other, lane]
                    rank[slot, lane] += one if theirs < ours or (theirs == ours and other < slot) else nothing
        for place in range(count):
            slot, new = place % WIDTH, line[place + WIDTH]
            old = rank[slot].copy()
            median[:] = nothing
            below[:] = nothing
            for number in range(WIDTH):
                for lane in range(LANES):
                    value, among = held[number, lane], rank[number, lane]
                    median[lane] += value if among == half else nothing
                    below[lane] += one if value < new[lane] else nothing
                    rank[number, lane] = among - one if among > old[lane] else among
            for lane in range(LANES):
                below[lane] -= one if held[slot, lane] < new[lane] else nothing
                held[slot, lane] = new[lane]
            for number in range(WIDTH):
                for lane in range(LANES):
                    among = rank[number, lane]
                    rank[number, lane] = among + one if among >= below[lane] else among
            rank[slot] = below
            out[place, first : first + width] = median[:width]
    return out
