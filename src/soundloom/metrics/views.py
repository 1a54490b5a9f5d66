"""Views of a clip for classification: features that do not depend on level, phase or leading silence.

All come from mel spectrograms in decibels relative to the clip's loudest band, cut off at a depth: below is silence.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy.fft import dct

from soundloom.representations import MelSpectrogram

BATCH = 32  # clips at a time: more would not fit in the processor's cache
QUIETEST = 1e-9  # amplitude; a clip whose bands all stay below it is silence
LEAD_SECONDS = 0.04  # of silence before each clip, so that an immediate onset looks like a later one
FRAMES = 120  # at most, of the whole clip: steps of 10 ms up to 1.2 s, longer ones beyond
BEGINNING_SECONDS = 0.2
COEFFICIENTS = 24  # of a cepstrum
Views = dict[str, np.ndarray]


def views(audio: np.ndarray, rate: int) -> Views:
    """The features of each clip, by the name of the view.

    Args:
        audio: clips of one length, (clips, time), at least one.
        rate: Hz.

    Returns:
        `beginning`, the first fifth of a second in fine steps; `overview`, the whole clip in coarse ones; `detail`, the
        same in coarser steps and finer bands; `character`, statistics over time. Each float32 (clips, numbers).
    """
    parts = [_views(audio[first : first + BATCH], rate) for first in range(0, len(audio), BATCH)]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _views(audio: np.ndarray, rate: int) -> Views:
    step = max(0.010, audio.shape[1] / rate / FRAMES)
    audio = np.pad(audio, ((0, 0), (round(LEAD_SECONDS * rate), 0)))
    middle = decibels(audio, rate, bands=40, window=max(0.032, 2 * step), step=step)
    coarse = decibels(audio, rate, bands=80, window=max(0.064, 4 * step), step=2 * step)
    first = ((onsets(depth(middle, 50)) - 2) * max(1, round(step * rate))).clip(0)
    length = round((BEGINNING_SECONDS + 0.1) * rate)
    fine = decibels(from_each(audio[:, None], first, length)[:, 0], rate, bands=40, window=0.016, step=0.005)
    beginning = _from_onset(depth(fine, 60), lead=4)[:, :, : round(BEGINNING_SECONDS / 0.005)]
    return {
        "beginning": _flat(beginning),
        "overview": _flat(averaged(_from_onset(depth(middle, 50), lead=2), 2)),
        "detail": _flat(averaged(_from_onset(depth(coarse, 60), lead=2), 3)),
        "character": character(depth(middle, 80)),
    }


def decibels(audio: np.ndarray, rate: int, bands: int, window: float, step: float) -> np.ndarray:
    """Mel bands in dB relative to the loudest of each clip, (clips, band, frame); `window` and `step` in seconds."""
    n_fft = 2 ** max(7, int(np.ceil(np.log2(window * rate))))  # 7: fewer frequencies would leave bands empty
    mel = MelSpectrogram(sample_rate=rate, n_fft=n_fft, hop=max(1, round(step * rate)), bands=bands)
    amplitude = mel.amplitude(torch.from_numpy(np.ascontiguousarray(audio, np.float32))[:, None])[:, 0].numpy()
    loudest = np.maximum(amplitude.max(axis=(1, 2), keepdims=True), QUIETEST)
    relative: np.ndarray = 20 * np.log10(np.maximum(amplitude / loudest, 1e-6))
    return relative


def depth(relative: np.ndarray, below_db: float) -> np.ndarray:
    """1 at the loudest band, 0 where a band is `below_db` under it or more."""
    height: np.ndarray = np.maximum(relative / below_db + 1, 0).astype(np.float32)
    return height


def onsets(height: np.ndarray) -> np.ndarray:
    """The first frame in which a band is above half of the depth; 0 in silence."""
    found: np.ndarray = (height.max(axis=1) > 0.5).argmax(axis=1)
    return found


def from_each(rows: np.ndarray, first: np.ndarray, length: int) -> np.ndarray:
    """The last axis of (clips, row, time) from `first` (clips,) on; zeros where a clip has ended."""
    padded = np.pad(rows, ((0, 0), (0, 0), (0, length)))
    cut: np.ndarray = np.take_along_axis(padded, (np.arange(length) + first[:, None])[:, None], axis=2)
    return cut


def averaged(height: np.ndarray, frames: int) -> np.ndarray:
    """The mean of every so many frames; the last ones may be fewer."""
    means = [height[:, :, first : first + frames].mean(axis=2) for first in range(0, height.shape[2], frames)]
    return np.stack(means, axis=2)


def character(height: np.ndarray) -> np.ndarray:
    """Cepstra over the frames that sound: mean, spread, and speed of change; then the envelope."""
    cepstra = dct(height, axis=1, norm="ortho")[:, :COEFFICIENTS]
    loud = (height.max(axis=1) > 0.4) + 1e-3
    weights = (loud / loud.sum(axis=1, keepdims=True))[:, None]
    mean = (cepstra * weights).sum(axis=2)
    spread = np.sqrt((np.square(cepstra - mean[:, :, None]) * weights).sum(axis=2))
    speed = np.sqrt((np.square(np.diff(cepstra, axis=2)) * weights[:, :, 1:]).sum(axis=2))
    envelope = averaged(height.max(axis=1, keepdims=True), 4)[:, 0]
    numbers: np.ndarray = np.concatenate([mean, 2 * spread, 3 * speed, 0.5 * envelope], axis=1).astype(np.float32)
    return numbers


def _from_onset(height: np.ndarray, lead: int) -> np.ndarray:
    return from_each(height, (onsets(height) - lead).clip(0), height.shape[2])


def _flat(height: np.ndarray) -> np.ndarray:
    return height.reshape(len(height), -1)
