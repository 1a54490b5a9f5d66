"""The pitch of a sound, by the detector SwiftF0.

Nieradzik 2025, https://arxiv.org/abs/2508.18440
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from soundloom.audio import Audio, resample
from soundloom.runtime.processors import available_processors, in_order

RATE = 16000  # Hz, of the detector
LOWEST_HZ, HIGHEST_HZ = 46.875, 2093.75  # its range
VOICED = 0.5  # confidence from which the detector itself calls a frame voiced; 0.8 loses a tenth of recorded notes
FEWEST = 3  # such frames, of 16 ms
CONCERT_HZ, CONCERT_MIDI = 440.0, 69.0


def midi_of(hz: np.ndarray | float) -> np.ndarray:
    """MIDI pitch of frequencies in Hz: 69 at 440 Hz, 12 an octave."""
    return np.asarray(CONCERT_MIDI + 12 * np.log2(np.asarray(hz, np.float64) / CONCERT_HZ))


LOWEST, HIGHEST = float(midi_of(LOWEST_HZ)), float(midi_of(HIGHEST_HZ))  # MIDI: 30.2 and 96.0


def detect_pitch(audio: np.ndarray, rate: int) -> np.ndarray:
    """The pitch of each sound: the median over the frames that the detector calls voiced.

    Args:
        audio: sounds of any level, (n, time).
        rate: Hz; other rates than 16 kHz are resampled.

    Returns:
        MIDI (n,), from 30.2 to 96.0; NaN where fewer than three frames of 16 ms have a pitch.

    Raises:
        ModuleNotFoundError: swift-f0 is not installed.
        ValueError: not two axes, or samples that are NaN or infinite.
    """
    sounds = np.asarray(audio, np.float32)
    if sounds.ndim != 2:
        raise ValueError(f"audio has shape {sounds.shape}; give (sound, time), one channel")
    if not np.isfinite(sounds).all():
        raise ValueError(f"{int((~np.isfinite(sounds)).any(axis=1).sum())} sounds hold NaN or infinity; leave them out")
    detector = _detector()
    found = in_order(lambda samples: _pitch(detector, samples, rate), sounds, available_processors())
    return np.array(list(found), np.float64)


def detectable(midi: np.ndarray) -> np.ndarray:
    """Whether a pitch lies in the detector's range, with half a semitone to either side."""
    pitches = np.asarray(midi, np.float64)
    within: np.ndarray = (pitches >= LOWEST + 0.5) & (pitches <= HIGHEST - 0.5)
    return within


def _pitch(detector: Any, samples: np.ndarray, rate: int) -> float:
    peak = float(np.abs(samples).max(initial=0.0))
    if peak == 0.0:
        return float("nan")
    level = resample(Audio(samples / peak / 2, rate), RATE).samples[0]  # it depends on level
    if not len(level):
        return float("nan")
    found = detector.detect(level, RATE)
    hz = np.asarray(found.pitch_hz)[np.asarray(found.confidence) >= VOICED]
    return float(midi_of(np.median(hz))) if len(hz) >= FEWEST else float("nan")


@lru_cache(maxsize=1)
def _detector() -> Any:
    try:
        from swift_f0 import SwiftF0
    except ModuleNotFoundError:
        raise ModuleNotFoundError("detecting a pitch needs swift-f0; pip install 'soundloom[evaluate]'") from None
    return SwiftF0(threads=1, spin=False)  # sounds are spread over threads here
