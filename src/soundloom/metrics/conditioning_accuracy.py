"""Conditioning accuracy: does a generated sound have the conditions that were requested, as measured in the sound?

Applied to real held-out sounds and their labels, the same functions give the ceiling that the measurements allow.
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
from soundloom.metrics.pitch import detect_pitch, detectable, midi_of

Measure = Callable[[np.ndarray, int], np.ndarray]  # audio (n, time) and rate in Hz to a value for each sound, or NaN
Requested = Sequence[Mapping[str, Value | None]]

PITCHES = ("pitch", "pitch_midi", "pitch_hz", "f0")
IN_TUNE_CENTS = 50.0  # cents


class Measurements(NamedTuple):
    """What was measured in a set of sounds, by the name of the condition."""

    values: dict[str, np.ndarray]  # (n,): the most likely value of a Category, the number of a Scalar or NaN
    missing: dict[str, str]  # why a condition could not be measured


class ConditionAccuracy(NamedTuple):
    """How accurately one condition is followed.

    `figures` holds the shares and errors for which there are enough sounds:
        category: `accuracy`, the share of sounds that are classified as the requested value.
        scalar: `rank correlation` between requested and measured values, and `median error` in the condition's unit.
        pitch: `within 50 cents`, a share of all sounds, where a sound without a detected pitch counts as missed;
            `median cents` of error and `rank correlation`, of sounds with a pitch; and the share `with a pitch`.
    """

    name: str
    kind: Literal["category", "scalar", "pitch"]
    unit: str
    sounds: int  # with a requested value, that are counted
    figures: dict[str, Estimate]
    values: tuple[str, ...]  # of a category, in the order of the confusion matrix
    confusion: tuple[tuple[int, ...], ...]  # [requested][classified], counts
    points: tuple[tuple[float, float], ...]  # (requested, measured) of a scalar or a pitch; NaN where none was detected
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
) -> Measurements:
    """Measure every condition of a schema for which there is a measure.

    Args:
        schema: the conditions.
        audio: sounds of one length, (n, time).
        rate: Hz, that of the classifiers.
        classifiers: by the name of a Category.
        measures: by the name of a Scalar, in the condition's unit. A pitch and a descriptor have their own; a measure
            given here replaces it.
    """
    values: dict[str, np.ndarray] = {}
    missing: dict[str, str] = {}
    for condition in schema.dense:
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
                pitch = detect_pitch(audio, rate)
                values[name] = hz_of(pitch) if in_hz(condition) else pitch
            else:
                missing[name] = f"{name} cannot be measured: no measure of {name}"
        except ModuleNotFoundError as error:
            missing[name] = f"{name} cannot be measured: {error}"
    return Measurements(values, missing)


def conditioning_accuracy(schema: Schema, requested: Requested, measured: Measurements) -> list[ConditionAccuracy]:
    """The accuracy of each condition that was measured, in the order of the schema.

    Args:
        schema: the conditions.
        requested: the request for each sound, or the labels of real sounds; None or absent where there is no value.
        measured: of the same sounds, see `measure`.

    Raises:
        ValueError: not as many requests as sounds.
    """
    for name, values in measured.values.items():
        if len(values) != len(requested):
            raise ValueError(
                f"{len(requested)} requests but {name} was measured in {len(values)} sounds; give one for each"
            )
    found = []
    for condition in schema.dense:
        if condition.name not in measured.values:
            continue
        values = measured.values[condition.name]
        if isinstance(condition, Category):
            found.append(category(condition, requested, values))
        else:
            found.append((pitch if is_pitch(condition) else scalar)(condition, requested, values))
    return found


def category(condition: Category, requested: Requested, measured: np.ndarray) -> ConditionAccuracy:
    """Of a category, see `ConditionAccuracy`."""
    wanted = [None if (value := row.get(condition.name)) is None else condition.check(value) for row in requested]
    counts = np.zeros((condition.width, condition.width), np.int64)
    for want, got in zip(wanted, measured.tolist(), strict=True):
        if want is not None:
            counts[condition.values.index(want), condition.values.index(got)] += 1
    collected = _Collected()
    total = int(counts.sum())
    collected.add("accuracy", lambda: share(int(np.trace(counts)), total))
    confusion = tuple(tuple(int(count) for count in row) for row in counts)
    return collected.result(condition, "category", "", total, confusion=confusion, values=condition.values)


def scalar(condition: Scalar, requested: Requested, measured: np.ndarray) -> ConditionAccuracy:
    """Of a number, see `ConditionAccuracy`."""
    wanted, got = _pairs(condition, requested, measured)
    collected, usable = _Collected(), np.isfinite(got)
    if not usable.all():
        collected.remarks.append(
            f"{condition.name}: {int((~usable).sum())} of {len(got)} sounds had nothing to measure"
        )
    collected.add("rank correlation", lambda: spearman(wanted[usable], got[usable]))
    collected.add("median error", lambda: median(np.abs(got - wanted)[usable]))
    return collected.result(condition, "scalar", condition.unit, len(got), points=_points(wanted, got))


def pitch(condition: Scalar, requested: Requested, measured: np.ndarray) -> ConditionAccuracy:
    """Of a pitch, see `ConditionAccuracy`; pitches outside the detector's range are not counted, with a remark."""
    wanted, got = _pairs(condition, requested, measured)
    if in_hz(condition):
        wanted, got = midi_of(wanted), midi_of(got)
    collected, within = _Collected(), detectable(wanted)
    if not within.all():
        collected.remarks.append(
            f"{condition.name}: {int((~within).sum())} of {len(wanted)} requests are for a pitch outside the "
            f"detector's range, 47 to 2094 Hz; they are not counted"
        )
    wanted, got = wanted[within], got[within]
    sure = np.isfinite(got)
    cents = 100 * np.abs(got - wanted)
    collected.add("within 50 cents", lambda: share(int((cents[sure] <= IN_TUNE_CENTS).sum()), len(got)))
    collected.add("with a pitch", lambda: share(int(sure.sum()), len(got)))
    collected.add("median cents", lambda: median(cents[sure]))
    collected.add("rank correlation", lambda: spearman(wanted[sure], got[sure]))
    return collected.result(condition, "pitch", "MIDI", len(got), points=_points(wanted, got))


def in_hz(condition: Scalar) -> bool:
    """Whether the values of a pitch are in Hz rather than MIDI numbers."""
    return condition.unit == "Hz" or condition.name.lower() == "f0"


def hz_of(midi: np.ndarray) -> np.ndarray:
    """Frequencies in Hz of MIDI pitches."""
    return np.asarray(440.0 * 2 ** ((midi - 69.0) / 12))


class _Collected:
    """Figures for which there are enough sounds, and a remark for each of the others."""

    def __init__(self) -> None:
        self.figures: dict[str, Estimate] = {}
        self.remarks: list[str] = []

    def add(self, name: str, figure: Callable[[], Estimate]) -> None:
        try:
            self.figures[name] = figure()
        except (TooFew, ValueError) as error:
            self.remarks.append(f"{name}: {error}")

    def result(
        self,
        condition: Category | Scalar,
        kind: Literal["category", "scalar", "pitch"],
        unit: str,
        sounds: int,
        values: tuple[str, ...] = (),
        confusion: tuple[tuple[int, ...], ...] = (),
        points: tuple[tuple[float, float], ...] = (),
    ) -> ConditionAccuracy:
        return ConditionAccuracy(
            condition.name, kind, unit, sounds, self.figures, values, confusion, points, tuple(self.remarks)
        )


def _pairs(condition: Scalar, requested: Requested, measured: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Requested and measured values, of the sounds with a requested value."""
    wanted = np.array([np.nan if (value := row.get(condition.name)) is None else float(value) for row in requested])
    known = np.isfinite(wanted)
    return wanted[known], np.asarray(measured, np.float64)[known]


def _points(wanted: np.ndarray, got: np.ndarray) -> tuple[tuple[float, float], ...]:
    return tuple((float(want), float(value)) for want, value in zip(wanted, got, strict=True))
