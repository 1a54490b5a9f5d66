"""What a scan found: every file, either used, with what is known about it, or skipped, with the reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from soundloom.data.skips import SkipCode, Skipped


@dataclass(frozen=True)
class Column:
    """A label that the files have. `name` is `header` without its unit: pitch for pitch_midi."""

    name: str
    header: str
    unit: str = ""


@dataclass(frozen=True)
class Entry:
    """A usable file.

    `path` is relative to the folder, with slashes, and printable; `location` is the same as the file system spells it.
    """

    path: str
    location: str
    frames: int
    sample_rate: int
    channels: int
    format: str
    digest: str  # of the decoded samples and their rate: equal digests are the same sound
    labels: dict[str, str]
    group: str

    @property
    def seconds(self) -> float:
        return self.frames / self.sample_rate

    def to_json(self) -> dict[str, Any]:
        """All but `location`, as JSON."""
        fields = asdict(self) | {"seconds": round(self.seconds, 6)}
        del fields["location"]
        return fields


@dataclass(frozen=True)
class Index:
    """Every file below a folder: used (`entries`) or skipped; `found` counts both."""

    folder: Path
    entries: tuple[Entry, ...]
    skipped: tuple[Skipped, ...]
    notes: tuple[str, ...] = ()
    columns: tuple[Column, ...] = ()
    stamp: str = ""  # changes when a file is added, removed or altered, or its labels are

    @property
    def found(self) -> int:
        return len(self.entries) + len(self.skipped)

    def values(self, name: str) -> Counter[str]:
        """How many used files carry each value of a label."""
        return Counter(entry.labels[name] for entry in self.entries if name in entry.labels)

    def column(self, name: str) -> Column | None:
        """The column of that name, with or without its unit."""
        return next((column for column in self.columns if name in (column.name, column.header)), None)

    def summary(self, most_values: int = 64) -> dict[str, Any]:
        """Lengths in seconds, and how many files have each rate, channel count, format and label value.

        Args:
            most_values: of a label with more distinct values only their number is given.
        """
        lengths = [entry.seconds for entry in self.entries]
        counts = {column.name: self.values(column.name) for column in self.columns}
        return {
            "seconds": {
                "shortest": min(lengths, default=0.0),
                "median": median(lengths) if lengths else 0.0,
                "longest": max(lengths, default=0.0),
                "total": sum(lengths),
            },
            "sample_rates": _counted(entry.sample_rate for entry in self.entries),
            "channels": _counted(entry.channels for entry in self.entries),
            "formats": _counted(entry.format for entry in self.entries),
            "groups": len({entry.group for entry in self.entries}),
            "duplicates": self.reasons()[SkipCode.DUPLICATE],
            "labels": {
                name: {
                    "distinct": len(values),
                    "values": dict(values.most_common()) if len(values) <= most_values else {},
                }
                for name, values in counts.items()
            },
        }

    def reasons(self) -> Counter[str]:
        """How many files were skipped for each reason, by its code."""
        return Counter(skipped.code for skipped in self.skipped)

    def to_json(self) -> dict[str, Any]:
        """JSON for a program: found = used + the length of skipped."""
        return {
            "folder": _printable(self.folder),
            "found": self.found,
            "used": len(self.entries),
            "skipped": [{"path": each.path, "code": each.code, "reason": each.reason} for each in self.skipped],
            "notes": list(self.notes),
            "columns": [asdict(column) for column in self.columns],
            "summary": self.summary(),
            "files": [entry.to_json() for entry in self.entries],
        }

    def to_cache(self) -> dict[str, Any]:
        """JSON that `from_cache` turns into an equal index; write it as ASCII, names hold any bytes."""
        return {
            "folder": str(self.folder),
            "entries": [list(vars(entry).values()) for entry in self.entries],
            "skipped": [list(skipped) for skipped in self.skipped],
            "notes": list(self.notes),
            "columns": [list(vars(column).values()) for column in self.columns],
            "stamp": self.stamp,
        }

    @classmethod
    def from_cache(cls, values: Mapping[str, Any]) -> Index:
        """The index that `to_cache` wrote."""
        return cls(
            Path(values["folder"]),
            tuple(Entry(*fields) for fields in values["entries"]),
            tuple(Skipped(*fields) for fields in values["skipped"]),
            tuple(values["notes"]),
            tuple(Column(*fields) for fields in values["columns"]),
            values["stamp"],
        )


def _counted(values: Any) -> dict[Any, int]:
    return dict(sorted(Counter(values).items()))


def _printable(path: Path) -> str:
    return bytes(path).decode("utf-8", "backslashreplace")
