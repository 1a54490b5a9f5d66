"""Scan a folder: decode, check and label every file below it once."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

from soundloom.data.cut import ClipSettings, Cutter, Packed
from soundloom.data.file_check import FileCheck, check_file, fault_of
from soundloom.data.file_notes import FileNotes
from soundloom.data.index import Column, Entry, Index
from soundloom.data.labels import Labels, group_column, read_labels
from soundloom.data.scan_cache import ScanCache, cache_folder
from soundloom.data.skips import Fault, SkipCode, Skipped
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
        cache: folder that keeps what was decoded, so that the next scan is quick; None for the usual one.
        progress: called with (files done, files in all) after each file.

    Raises:
        ValueError: the folder cannot be read, or `where` or `group` names a column that is not there.
    """
    survey = Survey(Path(folder), where, group, min_seconds)
    scan_cache = ScanCache(cache_folder(cache), survey.folder)
    for _ in survey.run(scan_cache, progress):
        pass
    scan_cache.save()
    return survey.index()


class Survey:
    """One pass over a folder: `run` yields each usable file once it is checked; then `index` has the result."""

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
        self.notes = FileNotes()

    @property
    def stamp(self) -> str:
        """Changes when a file, a label or an argument changes."""
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

    def wanted(self) -> list[Found]:
        """The files to decode: no label tables, and what the filter asks for."""
        return [found for found in self.listing.files if self._unwanted(found) is None]

    def run(
        self,
        scan_cache: ScanCache,
        progress: Progress | None = None,
        cut: ClipSettings | None = None,
    ) -> Iterator[tuple[Entry, list[Packed]]]:
        """Check the files in order of their paths, in a thread for each processor; with `cut`, make their clips too."""
        wanted = self.wanted()
        for found in self.listing.files:
            if fault := self._unwanted(found):
                self._skip(printable(found.location), *fault)
        originals: dict[str, Entry] = {}

        def examine(found: Found) -> tuple[FileCheck | Fault, list[Packed]]:
            cached = scan_cache.get(found)
            if cached is not None and (cut is None or isinstance(cached, Fault)):
                return cached, []
            cutter = Cutter(cut) if cut else None
            check = check_file(Path(os.path.join(self.folder, found.location)), cutter)  # noqa: PTH118
            return check, cutter.clips() if cutter and isinstance(check, FileCheck) else []

        workers = available_processors()
        results = map(examine, wanted) if workers == 1 else in_order(examine, wanted, workers)
        for done, (found, (check, clips)) in enumerate(zip(wanted, results, strict=True), start=1):
            scan_cache.put(found, check)
            entry = self._accept(found, check, originals)
            if entry and cut and not clips:
                self._skip(self.entries.pop().path, SkipCode.NOTHING_LEFT, "nothing is left after mixing and trimming")
            elif entry:
                yield entry, clips
            if progress:
                progress(done, len(wanted))

    def index(self) -> Index:
        """The result, once `run` has ended."""
        unlabelled = sum(not entry.labels.keys() - {"split"} for entry in self.entries) if self.labels.values else 0
        notes = [*self.labels.notes, *self.notes.sentences()]
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
        """Restrict the pass to these files, which an earlier scan chose."""
        locations = {entry.location for entry in entries}
        self.listing = Listing([found for found in self.listing.files if found.location in locations], [])
        self.skipped, self.where, self.min_seconds = [], {}, 0.0

    def _varied(self) -> list[Column]:
        """Columns with two values or more: a folder of one artist is not one group."""
        rows = self.labels.values.values()
        return [c for c in self.labels.columns if len({row[c.name] for row in rows if c.name in row}) >= 2]

    def _unwanted(self, found: Found) -> Fault | None:
        """Why a file is not even decoded."""
        if found.location in self.labels.tables:
            return Fault(SkipCode.LABEL_TABLE, "label table, not a sound")
        labels = self.labels.values.get(found.location, {})
        for name, value in self.where.items():
            if labels.get(name) != value:
                reason = f"filtered out: {name} is {labels.get(name, 'unknown')}, not {value}"
                return Fault(SkipCode.FILTERED_OUT, reason)
        return None

    def _skip(self, path: str, code: str, reason: str, original: str = "") -> None:
        self.skipped.append(Skipped(path, code, reason, original))

    def _accept(self, found: Found, check: FileCheck | Fault, originals: dict[str, Entry]) -> Entry | None:
        path = printable(found.location)
        if isinstance(check, Fault):
            self._skip(path, check.code, check.reason)
            return None
        if fault := fault_of(check, self.min_seconds):
            self._skip(path, fault.code, fault.reason)
            return None
        labels = self.labels.values.get(found.location, {})
        group = labels.get(self.group, path) if self.group else path
        entry = Entry(
            path,
            found.location,
            check.frames,
            check.sample_rate,
            check.channels,
            check.format,
            check.digest,
            labels,
            group,
        )
        first = originals.setdefault(check.digest, entry)
        if first is not entry:
            self._skip(path, SkipCode.DUPLICATE, f"duplicate of {first.path}", first.path)
            return None
        if check.note:
            self.notes.add("whose headers are wrong", f"{path}: {check.note}")
        if check.lead_in:
            begins = f"{path} begins with {check.lead_in:.2f} s of steady noise"
            self.notes.add("that begin with noise", f"{begins}; clips from its start begin at the onset after it")
        if check.offset:
            offset = f"{path} has a constant offset of {check.offset:.2f}; clips are made without it"
            self.notes.add("with a constant offset", offset)
        self.entries.append(entry)
        return entry


def _checked(where: Mapping[str, str], columns: Iterable[Column]) -> dict[str, str]:
    names = {name: column.name for column in columns for name in (column.name, column.header)}
    for asked in where:
        if asked not in names:
            raise ValueError(f"no label {asked!r} to filter by; {nearest(asked, names)}")
    return {names[asked]: str(value) for asked, value in where.items()}
