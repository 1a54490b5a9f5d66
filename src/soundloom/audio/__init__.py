"""Sounds as values and as files: read, write, resample, mix down, trim, fit to a length, set the loudness.

In: paths and arrays. Out: `Audio`, float32 samples (channel, time) with their rate; files that are whole or not there.
"""

from soundloom.audio.formats import FORMATS, SUFFIXES
from soundloom.audio.lead_in import onset_after_noise
from soundloom.audio.loudness import normalise_loudness
from soundloom.audio.reading import SoundFault, UnusableSound, opened, pieces, read
from soundloom.audio.resampling import resample
from soundloom.audio.value import (
    Audio,
    fit,
    loud_part,
    loudest_if_cancelling,
    mix_down,
    never_crosses_zero,
    spread,
    trim_silence,
)
from soundloom.audio.writing import write

__all__ = [
    "FORMATS",
    "SUFFIXES",
    "Audio",
    "SoundFault",
    "UnusableSound",
    "fit",
    "loud_part",
    "loudest_if_cancelling",
    "mix_down",
    "never_crosses_zero",
    "normalise_loudness",
    "onset_after_noise",
    "opened",
    "pieces",
    "read",
    "resample",
    "spread",
    "trim_silence",
    "write",
]
