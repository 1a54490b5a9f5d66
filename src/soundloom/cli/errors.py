"""How an exception becomes one sentence on standard error and an exit code."""

from __future__ import annotations

import errno
import sys

NEXT_MOVES = {
    errno.ENOSPC: "make room on the disk, then repeat the command; what was written before is whole",
    errno.EACCES: "choose a folder that you may write to, or change its permissions",
    errno.EROFS: "the disk is read-only: choose another folder",
    errno.ENOENT: "check the path",
    errno.ENOTDIR: "a part of that path is a file; choose another",
    errno.EISDIR: "that is a folder; name a file",
}

LESS_MEMORY = "shorter clips, a smaller batch_size or a smaller preset need less; close what else runs"


def explain(error: Exception) -> int:
    """Print one sentence for what a user can cause, and return the exit code.

    Raises:
        Exception: the error itself, where it is a bug of soundloom: its traceback is needed.
    """
    usage = getattr(error, "format_message", None)  # the parser's own errors, whichever parser typer brings
    if usage is not None:
        return _explain_usage(str(usage()))
    if isinstance(error, ValueError):
        return complain(str(error), 2)
    if _is_out_of_memory(error):
        return complain(f"out of memory ({_first_line(error)}); {LESS_MEMORY}", 1)
    if isinstance(error, FloatingPointError):
        return complain(str(error), 1)
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        next_move = NEXT_MOVES.get(error.errno or 0, "check the path and the disk, then repeat the command")
        wrong_usage = isinstance(error, FileNotFoundError | IsADirectoryError | NotADirectoryError)
        return complain(f"{where}{error.strerror or error}; {next_move}", 2 if wrong_usage else 1)
    raise error


def _is_out_of_memory(error: Exception) -> bool:
    """Whether Python, torch or CUDA could not get the memory that it asked for."""
    if isinstance(error, MemoryError):
        return True
    text = str(error)
    return isinstance(error, RuntimeError) and ("allocate memory" in text or "out of memory" in text)


def _first_line(error: Exception) -> str:
    return (str(error).strip() or "the system has none left").splitlines()[0]


def _explain_usage(message: str) -> int:
    if message.startswith("Usage:"):
        sys.stdout.write(f"{message}\n")
        return 2
    return complain(message if message[-1:] in "?)" else f"{message.rstrip('.')}; --help lists what there is", 2)


def complain(message: str, code: int) -> int:
    """Print an error message on standard error; returns the exit code."""
    sys.stderr.write(f"soundloom: {message}\n")
    return code
