"""Every file below a folder, once, whatever links, loops and oddities lie there."""

from __future__ import annotations

import errno
import os
import stat
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

from soundloom.audio import SUFFIXES, SoundFault
from soundloom.data.own_output import INSIDE_RUN, is_run_folder, made_in
from soundloom.data.skips import SkipCode, Skipped
from soundloom.runtime.files import printable


@dataclass(frozen=True)
class Found:
    """A regular file: where (relative, as the file system spells it, with slashes), its bytes and its date."""

    location: str
    size: int
    modified_ns: int
    linked: bool = False  # reached by a link to it


@dataclass
class Listing:
    """What a walk met: regular files, links to files last, and all else with the reason why it is left out."""

    files: list[Found]
    skipped: list[Skipped]


def walk(folder: Path) -> Listing:
    """List a folder, sorted. What links lead to comes last, so that a sound keeps its own path where it has one.

    What soundloom has written below the folder is skipped: run folders, and sounds beside a record of how they were
    made. A folder that holds nothing else is listed: it was named to be looked at.

    Raises:
        ValueError: the folder does not exist, is a file, or cannot be read.
    """
    try:
        root = folder.stat()
        if not stat.S_ISDIR(root.st_mode):
            raise ValueError(f"{printable(folder)} is a file; give the folder that it is in")
        os.scandir(folder).close()
    except FileNotFoundError:
        raise ValueError(f"{printable(folder)} does not exist; give a folder of sounds") from None
    except OSError as error:
        raise ValueError(f"{printable(folder)} cannot be read ({error.strerror}); check its permissions") from None
    walker = _Walker(os.fspath(folder), {(root.st_dev, root.st_ino)})
    walker.visit("")
    files = sorted(walker.files, key=lambda found: (found.linked, os.fsencode(found.location)))
    return Listing(files, sorted(walker.skipped))


@dataclass
class _Walker:
    folder: str
    seen: set[tuple[int, int]]  # device and inode of every folder entered
    files: list[Found] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)

    def visit(self, start: str) -> None:
        waiting, linked = [start], deque[tuple[str, tuple[int, int]]]()
        while waiting or linked:
            if waiting:
                location = waiting.pop()
            else:
                location, identity = linked.popleft()
                if identity in self.seen:
                    self.skip(location, SkipCode.LINKED_FOLDER, "link to a folder that is scanned already")
                    continue
                self.seen.add(identity)
            items = self.items(location)
            own = self.own_output(location, {item.name for item in items})
            if own is None:
                continue
            for item in items:
                if item.name in own:
                    continue
                inside = f"{location}/{item.name}" if location else item.name
                identity_of_folder = self.look(item, inside)
                if identity_of_folder is None:
                    continue
                if item.is_symlink():
                    linked.append((inside, identity_of_folder))
                elif identity_of_folder not in self.seen:
                    self.seen.add(identity_of_folder)
                    waiting.append(inside)

    def items(self, location: str) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(os.path.join(self.folder, location)) as items:  # noqa: PTH118 - names of any bytes
                return list(items)
        except OSError as error:
            self.skip(location, SoundFault.UNREADABLE, f"folder cannot be read ({error.strerror})")
            return []

    def own_output(self, location: str, names: set[str]) -> set[str] | None:
        """Names in a folder that soundloom has written, noted as skipped; None if the whole folder is a run."""
        folder = Path(os.path.join(self.folder, location))  # noqa: PTH118
        own, reason = made_in(folder, names), "made by soundloom, as the record beside it says"
        if is_run_folder(folder, names):
            if location:
                self.skip(
                    location, SkipCode.SOUNDLOOM_OUTPUT, "run folder of soundloom: its previews are not training data"
                )
                return None
            own |= names & set(INSIDE_RUN)
        elif not location and not any(_is_sound(name) for name in names - own):
            return set()  # only made sounds here: they are what the caller wants
        for name in sorted(own):
            self.skip(f"{location}/{name}" if location else name, SkipCode.SOUNDLOOM_OUTPUT, reason)
        return own

    def skip(self, location: str, code: str, reason: str) -> None:
        self.skipped.append(Skipped(printable(location), code, reason))

    def look(self, item: os.DirEntry[str], location: str) -> tuple[int, int] | None:
        """Note a file or the reason against it; a folder that may be entered comes back as its device and inode."""
        hidden = item.name.startswith(".")
        try:
            status = os.stat(item.path)  # noqa: PTH116 - names of any bytes
        except OSError as error:
            if not item.is_symlink():
                self.skip(location, SoundFault.UNREADABLE, f"cannot be looked at ({error.strerror})")
            elif error.errno == errno.ELOOP:
                self.skip(location, SkipCode.LINK_LOOP, "symlink loop")
            else:
                self.skip(location, SkipCode.BROKEN_LINK, "broken link")
            return None
        if stat.S_ISDIR(status.st_mode):
            if hidden or item.name == "__MACOSX":
                self.skip(location, SkipCode.HIDDEN, "hidden folder")
                return None
            if _is_sound(item.name):
                reason = "a folder, not a file (the sounds inside it count on their own)"
                self.skip(location, SkipCode.FOLDER_NAMED_AS_SOUND, reason)
            return status.st_dev, status.st_ino
        if item.name.startswith("._"):
            reason = "AppleDouble file (attributes that macOS keeps beside a file)"
            self.skip(location, SkipCode.APPLE_DOUBLE, reason)
        elif hidden:
            self.skip(location, SkipCode.HIDDEN, "hidden file")
        elif not stat.S_ISREG(status.st_mode):
            self.skip(location, SkipCode.NOT_REGULAR, "not a regular file (a pipe, socket or device)")
        else:
            self.files.append(Found(location, status.st_size, status.st_mtime_ns, item.is_symlink()))
        return None


def _is_sound(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in SUFFIXES  # noqa: PTH122 - names of any bytes
