"""Decode one file and decide whether it can be used."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from soundloom.audio import Audio, SoundFault, UnusableSound, loud_part, onset_after_noise, opened, pieces
from soundloom.data.skips import Fault, SkipCode

PIECE_SAMPLES = 1 << 24  # of all channels; longer files are decoded in pieces of 64 MB
LEAST_SAMPLES = 32
QUIETEST_PEAK = 1e-4  # -80 dB: three steps of 16-bit sound
SILENCE = 1e-3  # of the peak: -60 dB, as clips are trimmed unless they are set otherwise
LOUDEST_PEAK = 64.0  # float files with integers in them


@dataclass(frozen=True)
class FileCheck:
    """What decoding a file shows about it."""

    frames: int
    sample_rate: int
    channels: int
    format: str
    digest: str
    peak: float
    offset: float  # the mean, where a channel never crosses zero; else 0
    constant: bool  # no channel ever moves
    note: str = ""  # a fault that does no harm, as a sentence; "" for none
    lead_in: float = 0.0  # seconds of steady noise before the onset, in the first piece that is not silent


class PieceConsumer(Protocol):
    """Takes a file piece by piece while it is decoded, so that nothing is decoded twice."""

    def add(self, piece: Audio) -> None: ...


def check_file(path: Path, consumer: PieceConsumer | None = None) -> FileCheck | Fault:
    """Decode a file; what it holds, or why it cannot be decoded.

    Args:
        path: of the file.
        consumer: takes each piece as it is decoded.
    """
    try:
        return _decode(path, consumer)
    except UnusableSound as error:
        advice = f"; {error.advice}" if error.fault == SoundFault.UNKNOWN_FORMAT else ""
        return Fault(error.fault, f"{error.reason}{advice}")
    except (OSError, MemoryError, RuntimeError) as error:
        return Fault(SkipCode.DECODING_FAILED, f"cannot be decoded ({error})")


def fault_of(check: FileCheck, min_seconds: float) -> Fault | None:
    """Why a file that decodes well is still of no use, or None."""
    seconds = check.frames / check.sample_rate
    if check.frames < LEAST_SAMPLES:
        return Fault(SkipCode.TOO_SHORT, f"too short: {check.frames} samples, at least {LEAST_SAMPLES} are needed")
    if seconds < min_seconds:
        return Fault(SkipCode.TOO_SHORT, f"too short: {seconds:.3f} s, at least {min_seconds:g} s are needed")
    if check.peak == 0.0:
        return Fault(SkipCode.SILENT, "silent: every sample is 0")
    if check.constant:
        return Fault(SkipCode.CONSTANT, f"constant: every sample is {check.offset:.4g}")
    if check.peak < QUIETEST_PEAK:
        return Fault(SkipCode.NEARLY_SILENT, f"nearly silent: its peak is {20 * np.log10(check.peak):.0f} dB")
    if check.peak > LOUDEST_PEAK:
        return Fault(SkipCode.OUT_OF_RANGE, f"out of range: its peak is {check.peak:.3g} times full scale")
    return None


def _decode(path: Path, consumer: PieceConsumer | None) -> FileCheck:
    digest = hashlib.sha1(usedforsecurity=False)  # half the time of the others here, and nobody attacks
    frames, total, low, high = 0, 0.0, np.array(np.inf), np.array(-np.inf)
    piece: Audio | None = None
    lead_in: float | None = None
    with opened(path) as (sound, note):
        format_name = f"{sound.format} {sound.subtype}".lower()
        for piece in pieces(sound, path.name, PIECE_SAMPLES // sound.channels):
            samples = piece.samples
            frames += samples.shape[1]
            total += float(samples.sum(dtype=np.float64))
            low, high = np.minimum(low, samples.min(axis=1)), np.maximum(high, samples.max(axis=1))
            digest.update(np.ascontiguousarray(samples).data)
            lead_in = _lead_in(piece) if lead_in is None else lead_in
            if consumer:
                consumer.add(piece)
    assert piece is not None  # pieces raises where there is no sample
    digest.update(f"{piece.sample_rate} {piece.channels}".encode())
    return FileCheck(
        frames,
        piece.sample_rate,
        piece.channels,
        format_name,
        digest.hexdigest(),
        float(max(-low.min(), high.max(), 0.0)),
        total / (frames * piece.channels) if ((low > 0) | (high < 0)).any() else 0.0,
        bool((low == high).all()),
        note,
        lead_in or 0.0,
    )


def _lead_in(piece: Audio) -> float | None:
    """Seconds of steady noise before the onset; None where all is silent."""
    first, last = loud_part(piece.samples, piece.peak * SILENCE)
    if first == last:
        return None
    onset = onset_after_noise(piece.samples[:, :last], piece.sample_rate, first)
    return (onset - first) / piece.sample_rate
