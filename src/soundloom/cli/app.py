"""The process: runs one command and ends with its exit code. Imports nothing that takes time."""

from __future__ import annotations

import io
import os
import signal
import sys

from soundloom.cli.errors import complain, explain

STOPPED = 130  # what some versions of typer return after Ctrl-C, instead of raising


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns 0, 1 (it failed or was stopped) or 2 (wrong usage)."""
    try:
        return _invoke(arguments)
    except KeyboardInterrupt:
        return complain("stopped", 1)
    except BrokenPipeError:  # the reader of our output has enough of it
        raise
    except Exception as error:
        return complain("stopped", 1) if _interrupted(error) else explain(error)


def _invoke(arguments: list[str] | None) -> int:
    import typer

    from soundloom.cli.verbs import app

    try:
        ended = app(arguments, prog_name="soundloom", standalone_mode=False)  # a code, where typer ends a command
    except typer.Exit as done:
        return int(done.exit_code)
    except typer.Abort as abort:
        if isinstance(abort.__cause__, EOFError):  # typer takes it for Ctrl-D at a prompt, and we ask nothing
            raise abort.__cause__ from None
        return complain("stopped", 1)
    return complain("stopped", 1) if ended == STOPPED else int(ended or 0)


def _interrupted(error: BaseException | None) -> bool:
    """Whether an error began as Ctrl-C: some packages turn one that comes during their import into an ImportError."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, KeyboardInterrupt):
            return True
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return False


def run() -> None:
    """The console script: a closed pipe ends it quietly, a full disk behind it with a sentence."""
    _prepare_streams()
    try:
        code = main()
        sys.stdout.flush()
    except OSError as error:
        if not isinstance(error, BrokenPipeError):
            explain(error)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left to print has nowhere to go
        code = 1
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # from here on Ctrl-C needs no traceback
    sys.exit(code)


def _prepare_streams() -> None:
    """Give a process that was started without standard streams some; escape what a terminal cannot show."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed, as services and programs without a console do
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123 - stays open
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
