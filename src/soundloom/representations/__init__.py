"""Representations: how a system sees a clip. Each is a frozen value with `encode` and `decode`.

A value is written as a dictionary (`describe`) and made again from it (`build`); its `kind` names its type.
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
from soundloom.representations.protocol import Representation
from soundloom.representations.ready import NAMES, named
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
    """A representation as plain JSON values, `kind` first."""
    return {"kind": type(representation).kind, **to_json(representation)}  # type: ignore[attr-defined]


def build(description: Mapping[str, Any]) -> Representation:
    """The representation that `describe` described.

    Raises:
        ValueError: no kind, an unknown one (the nearest is named), an unknown setting, or a value that does not fit.
    """
    settings = dict(description)
    kind = settings.pop("kind", None)
    if kind is None:
        raise ValueError(f"a representation needs a kind; known: {', '.join(sorted(REPRESENTATIONS))}")
    if kind == "mfcc":
        mfcc.refuse()
    if kind not in REPRESENTATIONS:
        raise ValueError(f"no representation {kind!r}; {nearest(str(kind), REPRESENTATIONS)}")
    made: Representation = from_json(REPRESENTATIONS[kind], settings, where=f"representation {kind}")
    return made
