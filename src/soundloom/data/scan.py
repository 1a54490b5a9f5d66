"""Look at every file below a folder once: decode it, judge it, label it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

from soundloom.data.cut import ClipSettings, Cutter, Packed
from soundloom.data.file_check import Facts, fault, judged
from soundloom.data.index import Column, Entry, Index, Skipped
from soundloom.data.labels import Labels, group_column, read_labels
from soundloom.data.scan_cache import Memory, cache_folder
from soundloom.data.walk import Found, Listing, walk
from soundloom.runtime.files import printable
from soundloom.runtime.processors import available_processors, in_order
from soundloom.runtime.settings import nearest

__all__ = ["Column", "Entry", "Index", "Skipped", "scan"]

Progress = Callable[[int, int], None]  # files done, files in all
Item = TypeVar("Item")
Result = TypeVar("Result")


def scan(
    folder: Path | str,
    *,
    where: Mapping[str, str] | None = None,
    group: str | None = None,
    min_seconds: float = 0.02,
    cache: Path | str | None = None,
    progress: Progress | None = None,
) -> Index:
    """Account for every file below a folder: used or skipped with one reason; found = used + skipped.

    Args:
        folder: sounds in any nesting, with metadata.csv or metadata.jsonl for labels where there is one.
        where: keep only files whose labels have these values, as {"permissive": "yes"}.
        group: the column whose values a split keeps together; None takes kit, speaker, instrument, ...
        min_seconds: shorter files are skipped; in any case those under 32 samples.
        cache: folder that remembers what was decoded, so that the next scan is quick; None for the usual one.
        progress: told (files done, files in all) now and then.

    Raises:
        ValueError: the folder cannot be read, or `where` or `group` names a column that is not there.
    """
    survey = Survey(Path(folder), where, group, min_seconds)
    memory = Memory(cache_folder(cache), survey.folder)
    for _ in survey.run(memory, progress):
        pass
    memory.save()
    return survey.index()


class Survey:
    """One pass over a folder: `run` yields each usable file as it is judged, then `index` tells it all."""

    def __init__(
        self, folder: Path, where: Mapping[str, str] | None = None, group: str | None = None, min_seconds: float = 0.02
    ) -> None:
        self.folder = folder
        self.listing: Listing = walk(folder)
        self.labels: Labels = read_labels(folder, [found.location for found in self.listing.files])
        self.where = _checked(where or {}, self.labels.columns)
        self.group = group_column(self._varied() if group is None else self.labels.columns, group)
        self.min_seconds = min_seconds
        self.entries: list[Entry] = []
        self.skipped: list[Skipped] = list(self.listing.skipped)
        self.notes: list[str] = list(self.labels.notes)

    @property
    def stamp(self) -> str:
        """Changes when a file or label changes, or what is asked of them."""
        text = repr(
            (
                os.path.realpath(os.fsencode(self.folder)),
                [(os.fsencode(found.location), found.size, found.modified_ns) for found in self.listing.files],
                sorted(self.where.items()),
                self.group,
                self.min_seconds,
            )
        )
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()

    def run(
        self,
        memory: Memory,
        progress: Progress | None = None,
        cut: ClipSettings | None = None,
    ) -> Iterator[tuple[Entry, list[Packed]]]:
        """Judge the files in order of their paths, in a thread for each processor; with `cut`, make their clips too."""
        wanted = [found for found in self.listing.files if self._wanted(found)]
        originals: dict[str, Entry] = {}

        def examine(found: Found) -> tuple[Facts | str, list[Packed]]:
            remembered = memory.recall(found)
            if remembered is not None and (cut is None or isinstance(remembered, str)):
                return remembered, []
            cutter = Cutter(cut) if cut else None
            facts = judged(Path(os.path.join(self.folder, found.location)), cutter)  # noqa: PTH118
            return facts, cutter.clips() if cutter and isinstance(facts, Facts) else []

        workers = available_processors()
        results = map(examine, wanted) if workers == 1 else in_order(examine, wanted, workers)
        for done, (found, (facts, clips)) in enumerate(zip(wanted, results, strict=True), start=1):
            memory.keep(found, facts)
            entry = self._accept(found, facts, originals)
            if entry and cut and not clips:
                self.skipped.append(Skipped(self.entries.pop().path, "nothing is left after mixing down and trimming"))
            elif entry:
                yield entry, clips
            if progress:
                progress(done, len(wanted))

    def index(self) -> Index:
        """What was found, once `run` has ended."""
        unlabelled = sum(not entry.labels.keys() - {"split"} for entry in self.entries) if self.labels.values else 0
        notes = list(self.notes)
        if unlabelled:
            notes.append(f"{unlabelled} used files have no labels")
        return Index(
            self.folder,
            tuple(self.entries),
            tuple(sorted(self.skipped)),
            tuple(notes),
            self.labels.columns,
            self.stamp,
        )

    def only(self, entries: Iterable[Entry]) -> None:
        """Look at these files alone, as an earlier scan chose them."""
        locations = {entry.location for entry in entries}
        self.listing = Listing([found for found in self.listing.files if found.location in locations], [])
        self.skipped, self.where, self.min_seconds = [], {}, 0.0

    def _varied(self) -> list[Column]:
        """Columns with two values or more: a folder of one artist is not one group."""
        rows = self.labels.values.values()
        return [c for c in self.labels.columns if len({row[c.name] for row in rows if c.name in row}) >= 2]

    def _wanted(self, found: Found) -> bool:
        if found.location in self.labels.tables:
            self.skipped.append(Skipped(printable(found.location), "label table, not a sound"))
            return False
        labels = self.labels.values.get(found.location, {})
        for name, value in self.where.items():
            if labels.get(name) != value:
                reason = f"filtered out: {name} is {labels.get(name, 'unknown')}, not {value}"
                self.skipped.append(Skipped(printable(found.location), reason))
                return False
        return True

    def _accept(self, found: Found, facts: Facts | str, originals: dict[str, Entry]) -> Entry | None:
        path = printable(found.location)
        reason = facts if isinstance(facts, str) else fault(facts, self.min_seconds)
        if reason is not None or isinstance(facts, str):
            self.skipped.append(Skipped(path, reason or ""))
            return None
        labels = self.labels.values.get(found.location, {})
        group = labels.get(self.group, path) if self.group else path
        entry = Entry(
            path,
            found.location,
            facts.frames,
            facts.sample_rate,
            facts.channels,
            facts.format,
            facts.digest,
            labels,
            group,
        )
        first = originals.setdefault(facts.digest, entry)
        if first is not entry:
            self.skipped.append(Skipped(path, f"duplicate of {first.path}"))
            return None
        if facts.offset:
            self.notes.append(f"{path} has a constant offset of {facts.offset:.2f}; clips are made without it")
        self.entries.append(entry)
        return entry


def _checked(where: Mapping[str, str], columns: Iterable[Column]) -> dict[str, str]:
    names = {name: column.name for column in columns for name in (column.name, column.header)}
    for asked in where:
        if asked not in names:
            raise ValueError(f"no label {asked!r} to filter by; {nearest(asked, names)}")
    return {names[asked]: str(value) for asked, value in where.items()}
