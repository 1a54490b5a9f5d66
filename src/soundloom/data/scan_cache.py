"""What earlier scans decoded, kept by (path, size, date), so that a second scan of a folder is quick."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from soundloom.data.file_check import Facts
from soundloom.data.walk import Found
from soundloom.runtime.files import write_atomically

VERSION = 2


def cache_folder(asked: Path | str | None = None) -> Path:
    """Where caches live: as asked, else $SOUNDLOOM_CACHE, else ~/.cache/soundloom."""
    if asked is not None:
        return Path(asked)
    said = os.environ.get("SOUNDLOOM_CACHE")
    return Path(said).expanduser() if said else Path("~/.cache/soundloom").expanduser()


class Memory:
    """Facts, or the reason against a file, of the files of one folder."""

    def __init__(self, cache: Path, folder: Path) -> None:
        name = hashlib.blake2b(os.path.realpath(os.fsencode(folder)), digest_size=16).hexdigest()
        self.path = cache / "scans" / f"{name}.json"
        self.old = self._load()
        self.new: dict[str, list[Any]] = {}

    def recall(self, found: Found) -> Facts | str | None:
        """What is known about a file that has not changed since, or None."""
        size, modified, judgement = self.old.get(found.location, [None, None, None])
        if (size, modified) != (found.size, found.modified_ns):
            return None
        if isinstance(judgement, str):
            return judgement
        try:
            return Facts(*judgement)
        except TypeError:  # written by another version
            return None

    def keep(self, found: Found, judgement: Facts | str) -> None:
        """Remember a file, unless it may be read better next time."""
        plain = judgement if isinstance(judgement, str) else list(vars(judgement).values())
        if not (isinstance(plain, str) and plain.startswith("cannot be")):
            self.new[found.location] = [found.size, found.modified_ns, plain]

    def save(self) -> None:
        """Write what is new; a cache that cannot be written costs time at the next scan and nothing else."""
        if all(self.old.get(location) == record for location, record in self.new.items()):
            return
        content = json.dumps({"version": VERSION, "files": self.old | self.new})  # ASCII: names hold any bytes
        try:
            write_atomically(self.path, content.encode())
        except OSError:
            return

    def _load(self) -> dict[str, list[Any]]:
        try:
            content = json.loads(self.path.read_bytes())
            if content["version"] == VERSION:
                files = content["files"]
                return {location: list(record) for location, record in files.items() if len(record) == 3}
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            pass
        return {}
