"""Obedience: is a sound what was asked for? Each condition of a request against what is measured in the sound.

The same functions on real held-out sounds and their labels give the ceiling: what the measures themselves allow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np

from soundloom.conditions.schema import Category, Scalar, Schema, Value
from soundloom.descriptors import measure as descriptor
from soundloom.metrics.classifier import TaskClassifier
from soundloom.metrics.estimate import Estimate, TooFew
from soundloom.metrics.intervals import median, share, spearman
from soundloom.metrics.pitch import can_be_heard, heard_pitch, midi_of

Measure = Callable[[np.ndarray, int], np.ndarray]  # audio (n, time) and rate in Hz to a value for each sound, or NaN
Asked = Sequence[Mapping[str, Value | None]]

PITCHES = ("pitch", "pitch_midi", "pitch_hz", "f0")
IN_TUNE = 50.0  # cents


class Measured(NamedTuple):
    """What was measured in a set of sounds, by the name of the condition."""

    values: dict[str, np.ndarray]  # (n,): the likeliest value of a Category, the number of a Scalar or NaN
    missing: dict[str, str]  # why a condition could not be measured


class Obeyed(NamedTuple):
    """How one condition is obeyed.

    `figures` holds the shares and errors that there are enough sounds for:
        category: `accuracy`, the share of sounds that are heard as what was asked for.
        scalar: `rank correlation` between asked and measured, and `median error`, both in the condition's unit.
        pitch: `within 50 cents`, of all sounds, one without a pitch having missed it; `median cents` off and
            `rank correlation`, of those with a pitch; and the share `with a pitch`.
    """

    name: str
    kind: Literal["category", "scalar", "pitch"]
    unit: str
    sounds: int  # that were asked for a value and count
    figures: dict[str, Estimate]
    values: tuple[str, ...]  # of a category, in the order of the confusion matrix
    confusion: tuple[tuple[int, ...], ...]  # [asked][heard], counts
    points: tuple[tuple[float, float], ...]  # (asked, measured) of a scalar or a pitch; NaN where none was heard
    remarks: tuple[str, ...]  # what was not counted, and which figures are missing, and why


def is_pitch(condition: Category | Scalar) -> bool:
    """Whether a condition is the pitch of a sound: by its unit, MIDI, or by its name."""
    return isinstance(condition, Scalar) and (condition.unit == "MIDI" or condition.name.lower() in PITCHES)


def measure(
    schema: Schema,
    audio: np.ndarray,
    rate: int,
    classifiers: Mapping[str, TaskClassifier],
    measures: Mapping[str, Measure] | None = None,
) -> Measured:
    """Measure every condition of a schema that can be.

    Args:
        schema: the conditions.
        audio: sounds of one length, (n, time).
        rate: Hz, that of the classifiers.
        classifiers: by the name of a Category.
        measures: by the name of a Scalar; a pitch and a descriptor need none, one given for them is taken instead (it
            answers in the condition's unit).
    """
    values: dict[str, np.ndarray] = {}
    missing: dict[str, str] = {}
    for condition in schema.conditions:
        name = condition.name
        try:
            if isinstance(condition, Category):
                if name in classifiers:
                    values[name] = np.array(classifiers[name].classify(audio))
                else:
                    missing[name] = f"{name} cannot be measured: no classifier of {name}"
            elif measures is not None and name in measures:
                values[name] = np.asarray(measures[name](audio, rate), np.float64)
            elif condition.measured is not None:
                values[name] = np.asarray(condition.measured.slider(descriptor(audio, rate, (name,))[name]))
            elif is_pitch(condition):
                pitch = heard_pitch(audio, rate)
                values[name] = hz_of(pitch) if in_hz(condition) else pitch
            else:
                missing[name] = f"{name} cannot be measured: no measure of {name}"
        except ModuleNotFoundError as error:
            missing[name] = f"{name} cannot be measured: {error}"
    return Measured(values, missing)


def obedience(schema: Schema, asked: Asked, measured: Measured) -> list[Obeyed]:
    """How each condition was obeyed that was measured, in the order of the schema.

    Args:
        schema: the conditions.
        asked: what was asked of each sound, or the labels of real ones; None or absent where nothing was.
        measured: of the same sounds, see `measure`.

    Raises:
        ValueError: as many requests as sounds are needed.
    """
    for name, values in measured.values.items():
        if len(values) != len(asked):
            raise ValueError(
                f"{len(asked)} requests but {name} was measured in {len(values)} sounds; give one for each"
            )
    found = []
    for condition in schema.conditions:
        heard = measured.values.get(condition.name)
        if heard is None:
            continue
        if isinstance(condition, Category):
            found.append(category(condition, asked, heard))
        else:
            found.append(pitch(condition, asked, heard) if is_pitch(condition) else scalar(condition, asked, heard))
    return found


def category(condition: Category, asked: Asked, heard: np.ndarray) -> Obeyed:
    """How a category is obeyed, see `Obeyed`."""
    wanted = [None if (value := row.get(condition.name)) is None else condition.check(value) for row in asked]
    counts = np.zeros((condition.width, condition.width), np.int64)
    for want, got in zip(wanted, heard.tolist(), strict=True):
        if want is not None:
            counts[condition.values.index(want), condition.values.index(got)] += 1
    collected = _Collected()
    total = int(counts.sum())
    collected.add("accuracy", lambda: share(int(np.trace(counts)), total))
    confusion = tuple(tuple(int(count) for count in row) for row in counts)
    return collected.obeyed(condition, "category", "", total, confusion=confusion, values=condition.values)


def scalar(condition: Scalar, asked: Asked, heard: np.ndarray) -> Obeyed:
    """How a number is obeyed, see `Obeyed`."""
    wanted, got = _pairs(condition, asked, heard)
    collected, usable = _Collected(), np.isfinite(got)
    if not usable.all():
        collected.remarks.append(
            f"{condition.name}: {int((~usable).sum())} of {len(got)} sounds had nothing to measure"
        )
    collected.add("rank correlation", lambda: spearman(wanted[usable], got[usable]))
    collected.add("median error", lambda: median(np.abs(got - wanted)[usable]))
    return collected.obeyed(condition, "scalar", condition.unit, len(got), points=_points(wanted, got))


def pitch(condition: Scalar, asked: Asked, heard: np.ndarray) -> Obeyed:
    """How a pitch is obeyed, see `Obeyed`; what the detector cannot hear is not counted, and this is said."""
    wanted, got = _pairs(condition, asked, heard)
    if in_hz(condition):
        wanted, got = midi_of(wanted), midi_of(got)
    collected, within = _Collected(), can_be_heard(wanted)
    if not within.all():
        collected.remarks.append(
            f"{condition.name}: {int((~within).sum())} of {len(wanted)} sounds were asked for a pitch beyond what the "
            f"detector hears, 47 to 2094 Hz; they are not counted"
        )
    wanted, got = wanted[within], got[within]
    sure = np.isfinite(got)
    cents = 100 * np.abs(got - wanted)
    collected.add("within 50 cents", lambda: share(int((cents[sure] <= IN_TUNE).sum()), len(got)))
    collected.add("with a pitch", lambda: share(int(sure.sum()), len(got)))
    collected.add("median cents", lambda: median(cents[sure]))
    collected.add("rank correlation", lambda: spearman(wanted[sure], got[sure]))
    return collected.obeyed(condition, "pitch", "MIDI", len(got), points=_points(wanted, got))


def in_hz(condition: Scalar) -> bool:
    """Whether a pitch is asked for in Hz, rather than as a MIDI number."""
    return condition.unit == "Hz" or condition.name.lower() == "f0"


def hz_of(midi: np.ndarray) -> np.ndarray:
    """Frequencies in Hz of MIDI pitches."""
    return np.asarray(440.0 * 2 ** ((midi - 69.0) / 12))


class _Collected:
    """Figures as far as there are enough sounds for them, and remarks on those that there are not."""

    def __init__(self) -> None:
        self.figures: dict[str, Estimate] = {}
        self.remarks: list[str] = []

    def add(self, name: str, figure: Callable[[], Estimate]) -> None:
        try:
            self.figures[name] = figure()
        except (TooFew, ValueError) as error:
            self.remarks.append(f"{name}: {error}")

    def obeyed(
        self,
        condition: Category | Scalar,
        kind: Literal["category", "scalar", "pitch"],
        unit: str,
        sounds: int,
        values: tuple[str, ...] = (),
        confusion: tuple[tuple[int, ...], ...] = (),
        points: tuple[tuple[float, float], ...] = (),
    ) -> Obeyed:
        return Obeyed(condition.name, kind, unit, sounds, self.figures, values, confusion, points, tuple(self.remarks))


def _pairs(condition: Scalar, asked: Asked, heard: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What was asked for and what was measured, of the sounds that were asked for something."""
    wanted = np.array([np.nan if (value := row.get(condition.name)) is None else float(value) for row in asked])
    known = np.isfinite(wanted)
    return wanted[known], np.asarray(heard, np.float64)[known]


def _points(wanted: np.ndarray, got: np.ndarray) -> tuple[tuple[float, float], ...]:
    return tuple((float(want), float(value)) for want, value in zip(wanted, got, strict=True))
