"""Files: JSON in and out, written so that a kill or a full disk leaves the old file or the new one."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import tempfile
from pathlib import Path
from typing import Any

UNSUPPORTED = (
    errno.EPERM,
    errno.EINVAL,
    errno.ENOSYS,
    errno.ENOTSUP,
)  # what a file system without an operation answers


def printable(path: Path | str) -> str:
    """A path as text that any terminal and JSON can hold: bytes that are not UTF-8 are shown as \\xNN."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def read_json(path: Path) -> Any:
    """The JSON in a file.

    Raises:
        ValueError: the file is not JSON; the message names it.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not readable JSON ({error}); restore it or make it again") from None


def write_atomically(path: Path, content: bytes, durable: bool = True) -> None:
    """Write a file so that a kill or a full disk leaves either the old file or the new one, never half of one.

    `durable` also survives a power cut, at some milliseconds a file: for what cannot be made again.

    Some file systems know no permissions (exFAT, network shares, cloud buckets) and some cannot flush a file; both are
    best effort. A full disk and a failing one still raise `OSError`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:80]}.", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            if durable:
                file.flush()
                flush_to_disk(file.fileno())
        _give_usual_permissions(name)
        os.replace(name, path)  # noqa: PTH105 - tests stand in for a full disk here
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def flush_to_disk(descriptor: int) -> None:
    """Ask the disk to keep what was written to a file through a power cut, where the file system can do that.

    Raises:
        OSError: the disk is full or failing.
    """
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in UNSUPPORTED:
            raise


def _give_usual_permissions(name: str) -> None:
    """Give a temporary file the permissions of any new file; it begins as its owner's alone."""
    with contextlib.suppress(OSError):
        Path(name).chmod(0o666 & ~_umask())


def write_json(path: Path, data: Any) -> None:
    """Write JSON atomically, keys in the order given, text readable by people."""
    write_atomically(path, (json_text(data, indent=2) + "\n").encode())


def json_text(data: Any, indent: int | None = None, encoding: str = "utf-8") -> str:
    """JSON readable by people; with escapes where the encoding lacks a letter, as for a path that is not UTF-8."""
    text = json.dumps(data, indent=indent, ensure_ascii=False)
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return json.dumps(data, indent=indent)
    return text


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
