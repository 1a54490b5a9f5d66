"""Ctrl-C and SIGTERM as a wish to stop: whoever works looks at it, and what is done is kept."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


@contextmanager
def stop_signals() -> Iterator[threading.Event]:
    """Set an event at Ctrl-C or SIGTERM instead of dying of them; a second one is no longer caught."""
    caught = threading.Event()
    previous: dict[int, Any] = {}

    def note(number: int, frame: FrameType | None) -> None:
        caught.set()
        for each, handler in previous.items():
            signal.signal(each, handler)

    for asked in (signal.SIGINT, signal.SIGTERM):
        try:
            previous[asked] = signal.signal(asked, note)
        except ValueError:  # not the main thread: whoever runs it there handles signals
            break
    try:
        yield caught
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
