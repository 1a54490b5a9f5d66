"""How many processors this process may use, and work shared among threads."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def available_processors() -> int:
    """Those that the system lets this process run on, which may be fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_order(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    workers: int,
    ahead: int = 2,
    halt: threading.Event | None = None,
) -> Generator[Result, None, None]:
    """Apply a function in `workers` threads; results come in order, at most `ahead` a worker are held at a time.

    When no more results are wanted, since the generator was closed or something was raised, `halt` is set; a function
    that takes long looks at it, as its threads are waited for.
    """
    pending: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        try:
            for item in items:
                pending.append(pool.submit(function, item))
                if len(pending) > ahead * workers:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            if halt is not None:
                halt.set()
            for future in pending:
                future.cancel()
