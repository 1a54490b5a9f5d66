"""Ctrl-C, SIGTERM and a closed terminal as a request to stop: the work looks at it, and what is done is kept."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

ONE_REQUEST_SECONDS = 1.0  # timeout, uv run and others pass on the Ctrl-C that the terminal has sent already
HANG_UP: int | None = getattr(signal, "SIGHUP", None)  # the terminal was closed; Windows has no such signal


@contextmanager
def stop_signals(event: threading.Event | None = None) -> Iterator[threading.Event]:
    """Set an event at Ctrl-C, SIGTERM or SIGHUP instead of ending the process.

    A second signal, a second later or more, does what it did before. A signal that is ignored stays ignored: `nohup`
    ignores SIGHUP, and a shell ignores Ctrl-C in what it runs in the background.

    Args:
        event: set this one; None makes a new one.

    Yields:
        The event.
    """
    stop, stopped_at = event or threading.Event(), 0.0
    previous: dict[int, Any] = {}
    terminals = [descriptor for descriptor in (1, 2) if os.isatty(descriptor)]

    def handle(number: int, frame: FrameType | None) -> None:
        nonlocal stopped_at
        if number == HANG_UP:
            _detach(terminals)
        if not stop.is_set() or not stopped_at:  # a program may have set the event
            stopped_at = time.monotonic()
            stop.set()
        elif time.monotonic() - stopped_at > ONE_REQUEST_SECONDS:
            restore()
            signal.raise_signal(number)

    def restore() -> None:
        for number, handler in previous.items():
            signal.signal(number, handler)

    for number in (signal.SIGINT, signal.SIGTERM, HANG_UP):
        if number is None or signal.getsignal(number) == signal.SIG_IGN:
            continue
        try:
            previous[number] = signal.signal(number, handle)
        except ValueError:  # not the main thread, which is where signals are handled
            break
    try:
        yield stop
    finally:
        restore()


def _detach(terminals: list[int]) -> None:
    """Let output to a terminal that is gone go nowhere, where it would fail: the work is yet to be saved."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for descriptor in terminals:
        os.dup2(nowhere, descriptor)
    os.close(nowhere)
