"""The same sound at another rate."""

from __future__ import annotations

import numpy as np
import soxr

from soundloom.audio.value import Audio


def resample(audio: Audio, sample_rate: int) -> Audio:
    """The same sound at another rate (Hz), band-limited; lasts as long to within a sample."""
    if sample_rate == audio.sample_rate:
        return audio
    changed = soxr.resample(audio.samples.T, audio.sample_rate, sample_rate, quality="HQ")
    return Audio(np.ascontiguousarray(changed.T), sample_rate)
