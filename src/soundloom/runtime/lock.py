"""A lock file: one process at a time works in a folder."""

from __future__ import annotations

import errno
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

TAKEN = (errno.EWOULDBLOCK, errno.EACCES)


class Locked(ValueError):
    """Another process holds the lock; the message names it."""


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold a lock file while a block runs. Folders above it are made, and removed at the end if they are still empty.

    The operating system releases the lock of a process that was killed, so a file that is left behind is no obstacle.
    Where a file system has no locks, the process that the file names decides: on this machine it must still run, on
    another machine it is taken to.

    Raises:
        Locked: another process, or another thread, holds the lock.
        OSError: the folder cannot be written to.
    """
    made = [folder for folder in path.absolute().parents if not folder.exists()]
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = _acquire(path)
        try:
            yield
        finally:
            with suppress(OSError):
                path.unlink()  # before it is released: who waits for this file finds that it has gone
            os.close(descriptor)
    finally:
        for folder in made:
            with suppress(OSError):
                folder.rmdir()


def _acquire(path: Path) -> int:
    """A descriptor of the lock file, locked, with this process as its owner."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            if not _lock(descriptor) and _runs(_owner(path)):
                raise BlockingIOError(errno.EWOULDBLOCK, "held")
            if _is_same(path, descriptor):
                os.ftruncate(descriptor, 0)
                os.write(descriptor, json.dumps({"process": os.getpid(), "machine": socket.gethostname()}).encode())
                return descriptor
        except OSError as error:
            owner = _owner(path)
            os.close(descriptor)
            if error.errno not in TAKEN:
                raise
            who = f"process {owner.get('process', 'unknown')} on {owner.get('machine', 'an unknown machine')}"
            raise Locked(
                f"{path.parent} is in use by {who}; wait until it ends or stop it, or choose another --out "
                f"(if that process is gone, remove {path})"
            ) from None
        os.close(descriptor)  # its owner ended and removed the file in between


def _lock(descriptor: int) -> bool:
    """Lock a file if the file system can; False if it cannot.

    Raises:
        OSError: another process holds it.
    """
    if fcntl is None:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in TAKEN:
            raise
        return False
    return True


def _is_same(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _owner(path: Path) -> dict[str, Any]:
    try:
        owner = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return owner if isinstance(owner, dict) else {}


def _runs(owner: dict[str, Any]) -> bool:
    """Whether the owner of a lock file may still be at work."""
    process = owner.get("process")
    if not isinstance(process, int):
        return False
    if owner.get("machine") != socket.gethostname() or os.name == "nt":  # there, asking would end it
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
