"""The process: runs one command and ends with its exit code. Imports nothing that takes time."""

from __future__ import annotations

import os
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
        return explain(error)


def _invoke(arguments: list[str] | None) -> int:
    import typer

    from soundloom.cli.verbs import app

    try:
        ended = app(arguments, prog_name="soundloom", standalone_mode=False)  # a code, where typer ends a command
    except typer.Exit as done:
        return int(done.exit_code)
    except typer.Abort:
        return complain("stopped", 1)
    return complain("stopped", 1) if ended == STOPPED else int(ended or 0)


def run() -> None:
    """The console script: a closed pipe ends it quietly, a full disk behind it with a sentence."""
    try:
        code = main()
        sys.stdout.flush()
    except OSError as error:
        if not isinstance(error, BrokenPipeError):
            explain(error)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left to print has nowhere to go
        code = 1
    sys.exit(code)
