"""Sound files out: each written whole or not at all, the same bytes for the same audio."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from soundloom.audio.encoders import RATES, encode
from soundloom.audio.formats import FORMATS
from soundloom.audio.resampling import resample
from soundloom.audio.value import Audio
from soundloom.runtime.files import printable, write_atomically
from soundloom.runtime.settings import nearest


def write(path: Path | str, audio: Audio, format: str | None = None, bits: int = 16) -> str | None:
    """Write a sound file: whole, or not at all. The same audio gives the same bytes.

    Samples beyond +-1 would be clipped, so the whole sound is then scaled down by its peak, except in float wav.

    Args:
        path: where; folders above it are made.
        audio: what.
        format: wav, flac, ogg, opus, mp3 or aiff; None takes it from the suffix.
        bits: 16 or 24, or 32 for float samples in wav; ogg, opus and mp3 do without.

    Returns:
        A sentence about what had to be changed (level, rate), or None.

    Raises:
        ValueError: an unknown format, bits that it cannot hold, no samples, or samples that are NaN or infinite.
    """
    path = Path(path)
    asked = (format or path.suffix.lstrip(".")).lower()
    if asked not in FORMATS:
        raise ValueError(f"{printable(path.name)}: no sound format {asked!r}; {nearest(asked, FORMATS)}")
    kind = FORMATS[asked]
    if bits not in ((16, 24, 32) if kind == "wav" else (16, 24)):
        raise ValueError(f"{kind} cannot hold {bits} bits; take 16 or 24, or 32 (float) in wav")
    if not audio.samples.shape[1]:
        raise ValueError(f"{printable(path.name)}: there are 0 samples to write")
    if not np.isfinite(audio.samples).all():
        raise ValueError(f"{printable(path.name)}: samples are NaN or infinite, so nothing was written")
    notes = []
    rate = next((r for r in RATES.get(kind, ()) if r >= audio.sample_rate), RATES.get(kind, (audio.sample_rate,))[-1])
    if rate != audio.sample_rate:
        notes.append(f"resampled from {audio.sample_rate} to {rate} Hz, a rate that {kind} can hold")
        audio = resample(audio, rate)
    if audio.peak > 1.0 and bits != 32:
        notes.append(f"scaled down by its peak of {audio.peak:.3g} so that nothing clips")
        audio = Audio(audio.samples / audio.peak, rate)
    write_atomically(path, encode(audio.samples, rate, kind, bits))
    return f"{printable(path.name)}: {'; '.join(notes)}" if notes else None
