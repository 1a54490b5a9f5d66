"""Ctrl-C and SIGTERM as a wish to stop: whoever works looks at it, and what is done is kept."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

ONE_WISH_SECONDS = 1.0  # timeout, uv run and others pass Ctrl-C on that the terminal has sent already


@contextmanager
def stop_signals(event: threading.Event | None = None) -> Iterator[threading.Event]:
    """Set an event at Ctrl-C or SIGTERM instead of dying of them; a second one, a second later, is no longer caught."""
    caught, caught_at = event or threading.Event(), 0.0
    previous: dict[int, Any] = {}

    def note(number: int, frame: FrameType | None) -> None:
        nonlocal caught_at
        if not caught.is_set():
            caught_at = time.monotonic()
            caught.set()
        elif time.monotonic() - caught_at > ONE_WISH_SECONDS:
            restore()
            signal.raise_signal(number)

    def restore() -> None:
        for number, handler in previous.items():
            signal.signal(number, handler)

    for asked in (signal.SIGINT, signal.SIGTERM):
        try:
            previous[asked] = signal.signal(asked, note)
        except ValueError:  # not the main thread: whoever runs it there handles signals
            break
    try:
        yield caught
    finally:
        restore()
