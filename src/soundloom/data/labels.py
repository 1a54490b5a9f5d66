"""Labels of files and what they are worth: conditions for a model, and groups that a split must not tear apart."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Literal

import numpy as np

from soundloom.audio import SUFFIXES
from soundloom.conditions.schema import Category, Scalar, Schema, Value, knots_for, slider
from soundloom.conditions.text import Text
from soundloom.data import tables
from soundloom.data.file_names import FileNames
from soundloom.data.index import Column, Index
from soundloom.descriptors import DESCRIPTORS, SEVEN, TIMBRE
from soundloom.descriptors import named as descriptors_named
from soundloom.runtime.files import printable
from soundloom.runtime.settings import nearest


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


UNITS = {"_midi": "MIDI", "_hz": "Hz", "_db": "dB", "_bpm": "BPM", "_lufs": "LUFS", "_percent": "%"}
KNOWN_UNITS = {"pitch": "MIDI", "tempo": "BPM", "bpm": "BPM"}
SCALARS = _words(
    "pitch velocity tempo bpm brightness boominess warmth roughness hardness depth sharpness loudness energy "
    "reverb centroid frequency f0 cutoff dynamics intensity valence arousal"
)
CATEGORIES = _words("label kind class category type family digit genre style emotion language")
GROUPS = ("kit", "speaker", "instrument", "group", "pack", "artist", "session", "performer")
NEVER_AUTOMATIC = _words(
    "source licence license permissive original path url link title text transcription transcript sentence split index "
    "seconds duration length frames samples sample_rate channels size id uid number take date author credit credits "
    "description comment notes"
)
SPLITS = {"train": "train", "training": "train", "test": "held out", "testing": "held out", "validation": "held out"}
SPLITS |= dict.fromkeys(("valid", "val", "dev", "eval", "heldout", "held_out"), "held out")
TYPES = ("category", "scalar", "text")
TEXTS = _words("text transcript transcription sentence lyrics words caption")
MOST_VALUES = 64  # of a category that is proposed without being asked for
MOST_ASKED_VALUES = 1024
FEW_NUMBERS = 12  # whole numbers with at most so many distinct values are names rather than amounts


@dataclass
class Labels:
    """What tables or folder names say about the files: label values by location, then by column name."""

    values: dict[str, dict[str, str]] = field(default_factory=dict)
    columns: tuple[Column, ...] = ()
    notes: list[str] = field(default_factory=list)
    tables: frozenset[str] = frozenset()  # locations of the label files themselves


def read_labels(folder: Path, locations: Sequence[str]) -> Labels:
    """Labels from every metadata.csv or metadata.jsonl below a folder, else from the names of the files' folders.

    Top folders called train and test (or validation) are a split in either case, unless a table has a column `split`.

    Args:
        folder: the one that was walked.
        locations: its files, relative, as the file system spells them.
    """
    labels = Labels(tables=frozenset(location for location in locations if tables.is_table(location)))
    sounds = [location for location in locations if location not in labels.tables]
    names = FileNames(sounds)
    headers: dict[str, None] = {}
    for location in locations:
        if location not in labels.tables:
            continue
        try:
            table = tables.read_table(folder / location)
        except ValueError as error:
            labels.notes.append(str(error))
            continue
        labels.notes += table.notes
        headers |= dict.fromkeys(header for header in table.headers if header != table.file_header)
        _take_rows(table, location, names, labels)
    labels.columns = _columns(list(headers))
    renamed = {column.header: column.name for column in labels.columns}
    labels.values = {
        location: {renamed[header]: cell for header, cell in row.items() if header in renamed}
        for location, row in labels.values.items()
    }
    labels.notes += _mixed(labels)
    if headers or labels.values:
        _split_by_folder(labels, sounds)
    else:
        _label_by_folder(labels, sounds)
    return labels


def _mixed(labels: Labels) -> list[str]:
    notes = []
    for column in labels.columns:
        if column.name.lower() in NEVER_AUTOMATIC or column.name in GROUPS:
            continue
        kinds = {number(row[column.name]) is None for row in labels.values.values() if column.name in row}
        if len(kinds) == 2:
            notes.append(f"{column.name} is a number in some rows and text in others; it is taken as a name in all")
    return notes


def _take_rows(table: tables.Table, location: str, names: FileNames, labels: Labels) -> None:
    base, name = PurePosixPath(location).parent, printable(location)
    absent, guessed, nameless, repeated, conflicts = list[str](), list[str](), 0, list[str](), list[str]()
    mine: dict[str, dict[str, str]] = {}
    for row in table.rows:
        row = dict(row)
        file_name = row.pop(table.file_header, "")
        if not file_name:
            nameless += 1
            continue
        target, by_guess = names.find(base, file_name)
        if by_guess:
            guessed.append(file_name)
        if target is None:
            absent.append(file_name)
        elif target not in mine:
            mine[target] = row
        else:
            (repeated if mine[target] == row else conflicts).append(file_name)
    for target, row in mine.items():
        labels.values[target] = labels.values.get(target, {}) | row
    for files, what in (
        (absent, "name files that are not there"),
        (guessed, "name files as on another computer and were matched by the ends of their paths, in any case"),
        (repeated, "repeat a file with the same labels"),
        (conflicts, "repeat a file with other labels; the first row counts"),
    ):
        if files:
            labels.notes.append(f"{name}: {len(files)} rows {what}, such as {files[0]}")
    if nameless:
        labels.notes.append(f"{name}: {nameless} rows name no file")


def _columns(headers: Sequence[str]) -> tuple[Column, ...]:
    columns = []
    for header in headers:
        plain = "_".join(header.split())
        suffix = next((end for end in UNITS if plain.lower().endswith(end) and len(plain) > len(end)), "")
        name = plain[: len(plain) - len(suffix)]
        if suffix and name in headers:  # both pitch and pitch_midi: keep them apart
            name, suffix = plain, ""
        columns.append(Column(name, header, UNITS.get(suffix, KNOWN_UNITS.get(name.lower(), ""))))
    return tuple(columns)


def _split_by_folder(labels: Labels, locations: Sequence[str]) -> bool:
    """Take top folders called train and test (or validation) as the split; whether they were."""
    sounds = [location for location in locations if PurePosixPath(location).suffix.lower() in SUFFIXES] or locations
    tops = {parts[0].lower() for location in sounds if len(parts := PurePosixPath(location).parts) > 1}
    if len(tops) < 2 or not tops <= SPLITS.keys() or any(column.name.lower() == "split" for column in labels.columns):
        return False
    for location in locations:
        parts = PurePosixPath(location).parts
        if len(parts) > 1 and parts[0].lower() in tops:
            labels.values.setdefault(location, {})["split"] = parts[0].lower()
    labels.columns += (Column("split", "split"),)
    return True


def _label_by_folder(labels: Labels, locations: Sequence[str]) -> None:
    below_split = 1 if _split_by_folder(labels, locations) else 0
    parents = {location: PurePosixPath(*PurePosixPath(location).parent.parts[below_split:]) for location in locations}
    if len({parent for parent in parents.values() if parent.name}) >= 2:
        for location, parent in parents.items():
            if parent.name:
                labels.values.setdefault(location, {})["label"] = printable(parent.name)
        labels.columns += (Column("label", "label"),)


def group_column(columns: Sequence[Column], asked: str | None = None) -> str | None:
    """The name of the column whose values must stay together in a split, or None.

    Raises:
        ValueError: the asked column is not there; the nearest one is named.
    """
    names = [column.name for column in columns]
    if asked is not None:
        match = next((column.name for column in columns if asked in (column.name, column.header)), None)
        if match is None:
            raise ValueError(f"no column {asked!r} to group by; {nearest(asked, names)}")
        return match
    return next((name for name in GROUPS if name in names), None)


def propose_conditions(
    index: Index,
    names: Sequence[str] | None = None,
    measured: Mapping[str, np.ndarray] | None = None,
    *,
    texts: bool = False,
) -> Schema:
    """The conditions that the labels of a scan allow, and those that were measured in its sounds.

    Args:
        index: a scan.
        names: label columns, each perhaps with its type (`velocity:category`); None proposes categories of 2 to 64
            values that at least half of the files carry, and columns known to be amounts (pitch, velocity, ...).
        measured: descriptors of the training clips, by name; each becomes a slider, in the place of a column of its
            name.
        texts: the system reads texts: columns such as `text` and `transcript` are proposed as Text conditions.

    Raises:
        ValueError: an unknown name or type (the nearest is named), a scalar without numbers, fewer than two values, or
            a text for a system that reads none.
    """
    sliders = tuple(slider(name, values, DESCRIPTORS[name].unit) for name, values in (measured or {}).items())
    if names is not None:
        named = [_asked(index, name, texts) for name in names if not is_measured(name, measured or {})]
        return Schema((*named, *sliders))
    group = group_column(index.columns)
    proposed: list[Category | Scalar | Text] = []
    for column in index.columns:
        counts = index.values(column.name)
        name = column.name.lower()
        if texts and name in TEXTS and len(counts) > 1:
            proposed.append(Text.learned(column.name, counts))
            continue
        if name in NEVER_AUTOMATIC or column.name == group or column.name in (measured or {}) or len(counts) < 2:
            continue
        if counts.total() < len(index.entries) / 2:
            continue
        if name in SCALARS and kind_of(column.name, list(counts)) == "scalar":
            proposed.append(_scalar(column, list(counts)))
        elif kind_of(column.name, list(counts)) == "category":
            few = len(counts) <= min(MOST_VALUES, max(2, counts.total() // 2))
            proposed += [_category(column, list(counts))] if few else []
    return Schema((*proposed, *sliders))


def to_measure(index: Index, names: Sequence[str] | None, labels: Sequence[str]) -> tuple[str, ...]:
    """The descriptors that conditions need: those asked for as labels, and names that no column has.

    Args:
        index: a scan.
        names: conditions, as `propose_conditions` takes them.
        labels: descriptors, or "timbre" for seven of them.

    Raises:
        ValueError: a label that cannot be measured; the nearest is named.
    """
    plain = [name for name in names or () if index.column(name) is None and name in (*DESCRIPTORS, TIMBRE)]
    return descriptors_named((*plain, *labels))


def is_measured(name: str, measured: Collection[str]) -> bool:
    """Whether a condition's name stands for descriptors that were measured."""
    return name in measured or (name == TIMBRE and set(SEVEN) <= set(measured))


def kind_of(name: str, values: Sequence[str]) -> Literal["category", "scalar"]:
    """Whether a column holds names or amounts: by its own name where that says it, else by its distinct values."""
    numbers = [number(value) for value in values]
    if any(value is None for value in numbers) or name.lower() in CATEGORIES:
        return "category"
    if name.lower() in SCALARS:
        return "scalar"
    whole = all(value is not None and value.is_integer() for value in numbers)
    return "category" if whole and len(set(numbers)) <= FEW_NUMBERS else "scalar"


def is_free_text(values: Collection[str]) -> bool:
    """Whether distinct values are sentences rather than names: more than a category holds, most of 3 words or more."""
    return len(values) > MOST_VALUES and sum(len(value.split()) >= 3 for value in values) > len(values) / 2


def number(text: str) -> float | None:
    """The finite number that a text spells, or None."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if np.isfinite(value) else None


def known(schema: Schema, labels: Mapping[str, str]) -> dict[str, Value | None]:
    """A file's labels as a schema understands them; what is absent, unknown or no number is None."""
    typed: dict[str, Value | None] = {}
    for condition in schema.conditions:
        text = labels.get(condition.name)
        if text is None:
            typed[condition.name] = None
        elif isinstance(condition, Text):
            typed[condition.name] = condition.check(text) if condition.knows(text) else None
        elif isinstance(condition, Scalar):
            value = number(text)
            typed[condition.name] = None if value is None else condition.label(value)
        else:
            typed[condition.name] = text if text in condition.values else None
    return typed


def _asked(index: Index, asked: str, texts: bool) -> Category | Scalar | Text:
    name, _, kind = asked.partition(":")
    column = index.column(name)
    if column is None:
        there = [*(column.name for column in index.columns), *DESCRIPTORS, TIMBRE]
        raise ValueError(f"no label {name!r} in this folder; {nearest(name, there)}")
    values = list(index.values(column.name))
    if kind not in ("", *TYPES):
        raise ValueError(f"{asked}: no type {kind!r} of condition; {nearest(kind, TYPES)}")
    if kind == "text" or (not kind and (column.name.lower() in TEXTS or is_free_text(values))):
        if not texts:
            raise ValueError(
                f"{column.name} is a text, which this system does not read; leave it out, or write "
                f"{column.name}:category to ask for whole texts by name"
            )
        return Text.learned(column.name, values)
    if (kind or kind_of(column.name, values)) == "category":
        return _category(column, values)
    return _scalar(column, values)


def _category(column: Column, values: Sequence[str]) -> Category:
    if len(values) < 2:
        raise ValueError(
            f"{column.name} has {len(values)} value in this folder; a condition needs at least 2, leave it out"
        )
    if len(values) > MOST_ASKED_VALUES:
        raise ValueError(
            f"{column.name} has {len(values)} values; a category has at most {MOST_ASKED_VALUES}, leave it out"
        )
    return Category(column.name, tuple(sorted(values, key=_natural)))


def _scalar(column: Column, values: Sequence[str]) -> Scalar:
    numbers = [value for value in map(number, values) if value is not None]
    if len(set(numbers)) < 2:
        raise ValueError(
            f"{column.name} has {len(set(numbers))} distinct numbers in this folder; a scalar needs at least 2, "
            f"leave it out or write {column.name}:category"
        )
    return Scalar(column.name, knots_for(np.array(numbers)), column.unit)


def _natural(text: str) -> tuple[int, float, str]:
    value = number(text)
    return (0, value, text) if value is not None else (1, 0.0, text)
