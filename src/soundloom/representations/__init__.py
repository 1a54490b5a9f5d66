"""Representations: what a system is trained on in place of raw audio. Each is a frozen value.

In: clips (batch, channel, time). Out: spectrograms, classes or samples (batch, ...), and clips again.
`describe` writes a representation as a dictionary of JSON values, `build` reads one; `kind` names its type.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from soundloom.representations import mfcc
from soundloom.representations.complex import ComplexSpectrum
from soundloom.representations.instantaneous_frequency import InstantaneousFrequency
from soundloom.representations.log_frequency import LogFrequency
from soundloom.representations.magnitude import LogMagnitude, Magnitude
from soundloom.representations.mel import MelSpectrogram
from soundloom.representations.mulaw import MuLaw
from soundloom.representations.pcm import PCM
from soundloom.representations.presets import NAMES, named
from soundloom.representations.protocol import Representation
from soundloom.representations.stft import STFT
from soundloom.representations.waveform import Waveform
from soundloom.runtime.settings import from_json, nearest, to_json

REPRESENTATIONS: dict[str, type[Any]] = {
    kind.kind: kind
    for kind in (
        Waveform,
        PCM,
        MuLaw,
        Magnitude,
        LogMagnitude,
        LogFrequency,
        MelSpectrogram,
        ComplexSpectrum,
        InstantaneousFrequency,
    )
}

__all__ = [
    "NAMES",
    "PCM",
    "REPRESENTATIONS",
    "STFT",
    "ComplexSpectrum",
    "InstantaneousFrequency",
    "LogFrequency",
    "LogMagnitude",
    "Magnitude",
    "MelSpectrogram",
    "MuLaw",
    "Waveform",
    "build",
    "describe",
    "named",
]


def describe(representation: Representation) -> dict[str, Any]:
    """A representation as a dictionary of JSON values, `kind` first."""
    return {"kind": type(representation).kind, **to_json(representation)}  # type: ignore[attr-defined]


def build(description: Mapping[str, Any]) -> Representation:
    """Build a representation from what `describe` returned.

    Raises:
        ValueError: the kind is missing or unknown (the nearest one is named), a setting is unknown, or a value does not
            fit.
    """
    settings = dict(description)
    kind = settings.pop("kind", None)
    if kind is None:
        raise ValueError(f"a representation needs a kind; known: {', '.join(sorted(REPRESENTATIONS))}")
    if kind == "mfcc":
        mfcc.refuse()
    if kind not in REPRESENTATIONS:
        raise ValueError(f"no representation {kind!r}; {nearest(str(kind), REPRESENTATIONS)}")
    built: Representation = from_json(REPRESENTATIONS[kind], settings, where=f"representation {kind}")
    return built
