"""What decoding tells about one file, and whether that makes it usable."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from soundloom.audio import Audio, UnusableSound, opened, pieces

PIECE_SAMPLES = 1 << 24  # of all channels; longer files are decoded in pieces of 64 MB
LEAST_SAMPLES = 32
QUIETEST_PEAK = 1e-4  # -80 dB: three steps of 16-bit sound
LOUDEST_PEAK = 64.0  # float files with integers in them


@dataclass(frozen=True)
class Facts:
    """What decoding a file tells about it."""

    frames: int
    sample_rate: int
    channels: int
    format: str
    digest: str
    peak: float
    offset: float  # the mean, where a channel never crosses zero; else 0
    constant: bool  # no channel ever moves


class Listener(Protocol):
    """Hears a file piece by piece while it is decoded, so that nothing is decoded twice."""

    def hear(self, piece: Audio) -> None: ...


def judged(path: Path, listener: Listener | None = None) -> Facts | str:
    """Decode a file; its facts, or in a few words why it cannot be used."""
    try:
        return _decode(path, listener)
    except UnusableSound as error:
        return error.reason
    except (OSError, MemoryError, RuntimeError) as error:
        return f"cannot be decoded ({error})"


def fault(facts: Facts, min_seconds: float) -> str | None:
    """Why a file that decodes well is still of no use, or None."""
    seconds = facts.frames / facts.sample_rate
    if facts.frames < LEAST_SAMPLES:
        return f"too short: {facts.frames} samples, at least {LEAST_SAMPLES} are needed"
    if seconds < min_seconds:
        return f"too short: {seconds:.3f} s, at least {min_seconds:g} s are needed"
    if facts.peak == 0.0:
        return "silent: every sample is 0"
    if facts.constant:
        return f"constant: every sample is {facts.offset:.4g}"
    if facts.peak < QUIETEST_PEAK:
        return f"nearly silent: its peak is {20 * np.log10(facts.peak):.0f} dB"
    if facts.peak > LOUDEST_PEAK:
        return f"out of range: its peak is {facts.peak:.3g} times full scale"
    return None


def _decode(path: Path, listener: Listener | None) -> Facts:
    digest = hashlib.sha1(usedforsecurity=False)  # half the time of the others here, and nobody attacks
    frames, total, low, high = 0, 0.0, np.array(np.inf), np.array(-np.inf)
    piece: Audio | None = None
    with opened(path) as sound:
        format_name = f"{sound.format} {sound.subtype}".lower()
        for piece in pieces(sound, path.name, PIECE_SAMPLES // sound.channels):
            samples = piece.samples
            frames += samples.shape[1]
            total += float(samples.sum(dtype=np.float64))
            low, high = np.minimum(low, samples.min(axis=1)), np.maximum(high, samples.max(axis=1))
            digest.update(np.ascontiguousarray(samples).data)
            if listener:
                listener.hear(piece)
    assert piece is not None  # pieces raises where there is no sample
    digest.update(f"{piece.sample_rate} {piece.channels}".encode())
    return Facts(
        frames,
        piece.sample_rate,
        piece.channels,
        format_name,
        digest.hexdigest(),
        float(max(-low.min(), high.max(), 0.0)),
        total / (frames * piece.channels) if ((low > 0) | (high < 0)).any() else 0.0,
        bool((low == high).all()),
    )
