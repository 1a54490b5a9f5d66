"""Training clips: made from a folder once, kept in a memory-mapped cache, read in batches."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import astuple
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np

from soundloom.conditions.schema import Schema, Value
from soundloom.data.clip_cache import ClipCache, Contents
from soundloom.data.cut import FULL, ClipSettings
from soundloom.data.groups import split_by_group
from soundloom.data.index import Entry, Index
from soundloom.data.labels import known
from soundloom.data.measured import measured
from soundloom.data.provenance import CUT
from soundloom.data.scan import Progress, Survey
from soundloom.data.scan_cache import ScanCache, cache_folder
from soundloom.data.skips import in_words
from soundloom.runtime.files import printable

__all__ = ["ClipSettings", "ClipStore", "evenly", "open_clips", "order"]


def open_clips(
    source: Path | str | Index,
    settings: ClipSettings,
    *,
    where: Mapping[str, str] | None = None,
    group: str | None = None,
    cache: Path | str | None = None,
    progress: Progress | None = None,
) -> ClipStore:
    """The clips of a folder: from the cache if nothing changed since, else decoded once and cached.

    Args:
        source: a folder, or a scan of one, of which only the used files are taken.
        settings: rate, length and channels of a clip, and how it is cut.
        where: keep only files whose labels have these values; with a folder only, a scan has made its choice.
        group: the column whose values a split keeps together; with a folder only.
        cache: where caches live; None takes $SOUNDLOOM_CACHE, else ~/.cache/soundloom.
        progress: called with (files done, files in all) after each file.

    Raises:
        ValueError: no file of the folder can be used (the reasons are counted), or see `scan`.
        OSError: the cache cannot be written; the message says where, how many bytes it takes and what to do.
    """
    root = cache_folder(cache)
    if isinstance(source, Index):
        index, stamp = source, source.stamp + repr([entry.path for entry in source.entries])
        folder, survey = index.folder, None
    else:
        folder = Path(source)
        survey = Survey(folder, where, group)
        index, stamp = None, survey.stamp
    clip_cache = ClipCache(root, _key(stamp, settings))
    contents = clip_cache.load(settings)
    if contents is None:
        with clip_cache.locked():
            contents = clip_cache.load(settings)  # another process may have made it while this one waited
            if contents is None:
                survey = survey or Survey(folder)
                contents = _make(survey, index, settings, clip_cache, ScanCache(root, folder), progress)
    return ClipStore(contents, settings)


def _key(stamp: str, settings: ClipSettings) -> str:
    return hashlib.blake2b(repr((stamp, CUT, astuple(settings))).encode(), digest_size=16).hexdigest()


def _make(
    survey: Survey,
    chosen: Index | None,
    settings: ClipSettings,
    clip_cache: ClipCache,
    scan_cache: ScanCache,
    progress: Progress | None,
) -> Contents:
    if chosen is not None:
        survey.only(chosen.entries)
    numbers = {entry.location: number for number, entry in enumerate(chosen.entries)} if chosen else {}
    with clip_cache.writing(settings, len(survey.listing.files)) as writer:
        for entry, clips in survey.run(scan_cache, progress, settings):
            writer.add(numbers.get(entry.location, len(survey.entries) - 1), clips)
        scan_cache.save()
        index = survey.index()
        if chosen is not None:
            if len(index.entries) < len(chosen.entries):
                lost = {entry.path for entry in chosen.entries} - {entry.path for entry in index.entries}
                raise ValueError(f"{min(lost)} has changed since the scan; scan the folder again")
            index = chosen
        if not writer.files:
            reasons = ", ".join(f"{count} {in_words(code)}" for code, count in index.reasons().most_common(6))
            raise ValueError(
                f"no sound in {printable(index.folder)} can be used ({reasons or 'it is empty'}); "
                f"scan it to see the reason for each file"
            )
        return writer.finish(index)


class ClipStore:
    """Clips of one rate and length, in a fixed order, with the labels and groups of the files they were cut from."""

    def __init__(
        self,
        contents: Contents,
        settings: ClipSettings,
        rows: np.ndarray | None = None,
        measured: Mapping[str, np.ndarray] | None = None,
    ) -> None:
        self.contents = contents
        self.settings = settings
        self.rows = np.arange(len(contents.peaks)) if rows is None else rows
        self._measured = measured or {}  # by name, of all clips of the contents

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def index(self) -> Index:
        """The scan behind the clips, of all files, also for a subset."""
        return self.contents.index

    @property
    def sample_rate(self) -> int:
        return self.settings.sample_rate

    @property
    def samples(self) -> int:
        """Length of a clip."""
        return self.settings.samples

    @property
    def channels(self) -> int:
        return self.settings.channels

    def audio(self, indices: Sequence[int] | np.ndarray | slice) -> np.ndarray:
        """Clips as float32 (batch, channel, time), each at the level that it has in its file."""
        rows = self.rows[indices]
        scale = self.contents.peaks[rows] / np.float32(FULL)
        samples: np.ndarray = np.multiply(self.contents.integers[rows], scale[:, None, None], dtype=np.float32)
        return samples

    @cached_property
    def entries(self) -> list[Entry]:
        """The file that each clip was cut from."""
        return [self.index.entries[file] for file in self.contents.files[self.rows]]

    @property
    def labels(self) -> list[dict[str, str]]:
        """The labels of the file of each clip, and what was measured in the clip itself."""
        if not self._measured:
            return [entry.labels for entry in self.entries]
        columns = {name: values.tolist() for name, values in self.measured.items()}
        return [
            entry.labels | {name: repr(values[row]) for name, values in columns.items()}
            for row, entry in enumerate(self.entries)
        ]

    @property
    def measured(self) -> dict[str, np.ndarray]:
        """Descriptors of each clip, float64 (clip,) by name, as far as `measure` was asked for them."""
        return {name: values[self.rows] for name, values in self._measured.items()}

    def measure(
        self, names: Sequence[str], *, cache: Path | str | None = None, progress: Progress | None = None
    ) -> ClipStore:
        """The same clips, with descriptors among their labels, each measured in the clip itself: see `measured`."""
        everything = ClipStore(self.contents, self.settings)
        found = measured(everything, names, cache=cache, progress=progress) if names else {}
        return ClipStore(self.contents, self.settings, self.rows, {**self._measured, **found})

    @property
    def groups(self) -> list[str]:
        return [entry.group for entry in self.entries]

    @property
    def files(self) -> list[str]:
        """Path of each clip's file, relative to the folder."""
        return [entry.path for entry in self.entries]

    @property
    def begins(self) -> np.ndarray:
        """Where in its file each clip begins, in seconds, (clips,)."""
        return self.contents.begins[self.rows]

    def codes(self, schema: Schema) -> np.ndarray:
        """Condition codes of all clips, float32 (clips, schema.width); a missing label is coded as unknown."""
        codes = np.zeros((len(self), schema.width), np.float32)
        for row, conditions in enumerate(self.known(schema)):
            codes[row] = schema.encode(conditions)
        return codes

    def known(self, schema: Schema) -> list[dict[str, Value | None]]:
        """The conditions of each clip, as a schema understands its labels."""
        if self._measured:
            return [known(schema, labels) for labels in self.labels]
        found = {id(entry): known(schema, entry.labels) for entry in self.index.entries}
        return [found[id(entry)] for entry in self.entries]

    @property
    def durations(self) -> np.ndarray:
        """How long the file of each clip lasts, in seconds, (clips,)."""
        return np.array([entry.seconds for entry in self.entries], np.float64)

    def subset(self, indices: Sequence[int] | np.ndarray | slice) -> ClipStore:
        """The same store with only some of its clips, in the order given."""
        if not isinstance(indices, slice):
            indices = np.asarray(indices)
            indices = indices if indices.dtype == bool else indices.astype(np.int64)
        return ClipStore(self.contents, self.settings, self.rows[indices], self._measured)

    def some(self, most: int) -> ClipStore:
        """At most so many of the clips, evenly spread."""
        return self if len(self) <= most else self.subset(evenly(len(self), most))

    def split(self, held_out: float = 0.1, seed: int = 0, by_file: bool = False) -> tuple[ClipStore, ClipStore]:
        """Training clips and held-out clips, no group on both sides: see `split_by_group`.

        Where all clips are of one group, as windows of one recording are, the last of them are held out.
        """
        _, chosen = split_by_group(self.index, held_out, seed, by_file)
        outside = {id(entry) for entry in chosen}
        aside = np.array([id(entry) in outside for entry in self.entries], bool)
        if held_out > 0 and not aside.any() and len(set(self.groups)) == 1 and len(self) > 1:
            aside[-max(1, round(held_out * len(self))) :] = True
        return self.subset(~aside), self.subset(aside)


def evenly(count: int, most: int) -> np.ndarray:
    """At most `most` places of `count`, evenly spread from the first to the last, int64, ascending."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(np.int64))


def order(clips: int, batch_size: int, step: int, seed: int = 0) -> np.ndarray:
    """Which clips a training step sees, int64 (batch_size,): a function of the step and the seed alone.

    Each epoch is a new permutation of all clips; batches run across the borders between epochs.

    Raises:
        ValueError: there are no clips, or the batch is empty, or the step is below 0.
    """
    if clips < 1 or batch_size < 1 or step < 0:
        raise ValueError(f"clips={clips}, batch_size={batch_size}, step={step}: at least 1, 1 and 0 are needed")
    first, last = step * batch_size, (step + 1) * batch_size
    parts = []
    for epoch in range(first // clips, (last - 1) // clips + 1):
        begin = epoch * clips
        parts.append(_permutation(clips, seed, epoch)[max(first - begin, 0) : last - begin])
    return np.concatenate(parts)


@lru_cache(maxsize=4)
def _permutation(clips: int, seed: int, epoch: int) -> np.ndarray:
    drawn = np.random.default_rng([seed, epoch]).permutation(clips)
    drawn.flags.writeable = False
    return drawn
