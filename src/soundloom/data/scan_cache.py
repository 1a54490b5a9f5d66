"""The scan cache: what earlier scans decoded, by (path, size, date), so that a second scan of a folder is quick."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from soundloom.data.file_check import FileCheck
from soundloom.data.skips import TEMPORARY, Fault
from soundloom.data.walk import Found
from soundloom.runtime.files import write_atomically

VERSION = 4  # changes where a file is checked otherwise than before


def cache_folder(folder: Path | str | None = None) -> Path:
    """Where caches lie: the given folder, else $SOUNDLOOM_CACHE, else ~/.cache/soundloom.

    A user without a home directory, as in some containers, gets a folder of temporary files.
    """
    if folder is not None:
        return Path(folder)
    from_environment = os.environ.get("SOUNDLOOM_CACHE")
    try:
        return Path(from_environment or "~/.cache/soundloom").expanduser()
    except RuntimeError:  # no home directory
        return Path(tempfile.gettempdir()) / f"soundloom-{os.getuid()}"


class ScanCache:
    """The checks of the files of one folder."""

    def __init__(self, cache: Path, folder: Path) -> None:
        name = hashlib.blake2b(os.path.realpath(os.fsencode(folder)), digest_size=16).hexdigest()
        self.path = cache / "scans" / f"{name}.json"
        self.old = self._load()
        self.new: dict[str, dict[str, Any]] = {}

    def get(self, found: Found) -> FileCheck | Fault | None:
        """The check of a file that has not changed since, or None."""
        record = self.old.get(found.location, {})
        if (record.get("size"), record.get("modified_ns")) != (found.size, found.modified_ns):
            return None
        try:
            return Fault(*record["fault"]) if "fault" in record else FileCheck(*record["check"])
        except (KeyError, TypeError):  # damaged
            return None

    def put(self, found: Found, check: FileCheck | Fault) -> None:
        """Keep the check of a file, unless it may be read better next time."""
        record: dict[str, Any] = {"size": found.size, "modified_ns": found.modified_ns}
        if isinstance(check, FileCheck):
            self.new[found.location] = {**record, "check": list(vars(check).values())}
        elif check.code not in TEMPORARY:
            self.new[found.location] = {**record, "fault": list(check)}

    def save(self) -> None:
        """Write what is new; a cache that cannot be written costs time at the next scan and nothing else."""
        if all(self.old.get(location) == record for location, record in self.new.items()):
            return
        content = json.dumps({"version": VERSION, "files": self.old | self.new})  # ASCII: names hold any bytes
        try:
            write_atomically(self.path, content.encode())
        except OSError:
            return

    def _load(self) -> dict[str, dict[str, Any]]:
        try:
            content = json.loads(self.path.read_bytes())
            if content["version"] == VERSION:
                return {location: dict(record) for location, record in content["files"].items()}
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            pass
        return {}
