"""The clip cache: the clips of a folder on disk, 16-bit samples to map into memory and a table of what they are."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from soundloom.data.cut import ClipSettings, Packed
from soundloom.data.index import Index
from soundloom.runtime.files import flush_to_disk, printable

VERSION = 3  # changes where the table has other fields, or the same files have other labels or notes
AUDIO, TABLE = "audio.int16", "clips.json"


@dataclass(frozen=True, eq=False)
class Contents:
    """All clips of a folder."""

    index: Index
    integers: np.ndarray  # int16 (clip, channel, time), mapped from disk
    peaks: np.ndarray  # float32 (clip,)
    files: np.ndarray  # int64 (clip,): which entry of the index a clip was cut from
    begins: np.ndarray  # float64 (clip,): where in that file, in seconds


class ClipCache:
    """One set of clips on disk, named by a key that changes with the files and the settings."""

    def __init__(self, cache: Path, key: str) -> None:
        self.place = cache / "clips"
        self.folder = self.place / key

    def load(self, settings: ClipSettings) -> Contents | None:
        """The clips, or None where there are none, or they are of another version or damaged."""
        try:
            table = json.loads((self.folder / TABLE).read_bytes())
            if table["version"] != VERSION:
                return None
            clips = len(table["peaks"])
            shape = (clips, settings.channels, settings.samples)
            if (self.folder / AUDIO).stat().st_size != 2 * int(np.prod(shape)):
                return None
            contents = Contents(
                Index.from_cache(table["index"]),
                np.memmap(self.folder / AUDIO, np.int16, "r", shape=shape),
                np.asarray(table["peaks"], np.float32),
                np.asarray(table["files"], np.int64),
                np.asarray(table["begins"], np.float64),
            )
        except (OSError, ValueError, TypeError, KeyError):
            return None
        whole = len(contents.files) == len(contents.begins) == clips and contents.files.max() < len(
            contents.index.entries
        )
        return contents if whole else None

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes from making the same clips at the same time, where the system can lock files."""
        try:
            self.place.mkdir(parents=True, exist_ok=True)
            lock = (self.place / f"{self.folder.name}.lock").open("wb")
        except OSError as error:
            raise self.refusal(error, 0) from None
        with lock:
            _lock(lock)
            yield

    @contextmanager
    def writing(self, settings: ClipSettings, files: int) -> Iterator[Writer]:
        """A writer into a folder of its own, which takes the place of the old one when `finish` is called."""
        for left_over in self.place.glob(f".{self.folder.name}.*"):
            shutil.rmtree(left_over, ignore_errors=True)  # of a process that was killed
        part = self.place / f".{self.folder.name}.{os.getpid()}"
        writer = Writer(self, part, settings, files)
        try:
            part.mkdir(parents=True)
            with (part / AUDIO).open("wb") as writer.audio:
                yield writer
        except OSError as error:
            shutil.rmtree(part, ignore_errors=True)  # before the free space is looked up
            raise self.refusal(error, writer.expected_bytes) from None
        finally:
            shutil.rmtree(part, ignore_errors=True)

    def refusal(self, error: OSError, size: int) -> OSError:
        """One sentence about a cache that cannot be written."""
        try:
            free = f", {shutil.disk_usage(self.place.parent).free / 1e6:.0f} MB are free"
        except OSError:
            free = ""
        needs = f"it takes about {max(size, 1e6) / 1e6:.0f} MB{free}"
        return OSError(
            f"the clip cache {printable(self.place)} cannot be written ({error.strerror or error}); {needs}; "
            f"make room there or name another folder with SOUNDLOOM_CACHE=/path"
        )


@dataclass
class Writer:
    """Writes clips into a cache, in the order of the files."""

    cache: ClipCache
    part: Path
    settings: ClipSettings
    files_in_all: int
    audio: BinaryIO | Any = None
    files: list[int] = field(default_factory=list)
    peaks: list[float] = field(default_factory=list)
    begins: list[float] = field(default_factory=list)

    @property
    def expected_bytes(self) -> int:
        """An estimate for all files, from those so far."""
        per_file = len(self.files) / (1 + max(self.files, default=0))
        clip = 2 * self.settings.channels * self.settings.samples
        return int(clip * max(1.0, per_file) * self.files_in_all)

    def add(self, file: int, clips: Sequence[Packed]) -> None:
        """Append the clips of entry number `file`."""
        for clip in clips:
            self.audio.write(np.ascontiguousarray(clip.integers).data)
            self.files.append(file)
            self.peaks.append(clip.peak)
            self.begins.append(round(clip.begins, 6))

    def finish(self, index: Index) -> Contents:
        """Move the finished folder into its place in one step.

        Raises:
            OSError: the disk is full or the place cannot be written.
        """
        self.audio.flush()
        flush_to_disk(self.audio.fileno())
        table = {"version": VERSION, "index": index.to_cache()}
        table |= {"files": self.files, "peaks": self.peaks, "begins": self.begins}
        (self.part / TABLE).write_text(json.dumps(table), encoding="ascii")
        shutil.rmtree(self.cache.folder, ignore_errors=True)  # damaged: else it would have been loaded
        try:
            self.part.rename(self.cache.folder)
        except OSError:
            if self.cache.load(self.settings) is None:  # else another process was first
                raise
        contents = self.cache.load(self.settings)
        if contents is None:
            raise OSError("what was written cannot be read back")
        return contents


def _lock(file: BinaryIO) -> None:
    try:
        import fcntl
    except ImportError:  # Windows: the first process to rename wins
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
    except OSError:  # some network disks cannot lock: the same holds
        return
