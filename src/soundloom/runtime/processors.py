"""How many processors this process may use, and work shared among threads."""

from __future__ import annotations

import atexit
import os
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, wait
from queue import SimpleQueue
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
TURN_SECONDS = 0.2


def available_processors() -> int:
    """How many processors this process may run on, which may be fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_order(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    workers: int,
    ahead: int = 2,
    halt: threading.Event | None = None,
) -> Generator[Result, None, None]:
    """Apply a function in `workers` threads; results come in order, at most `ahead` a worker are held at a time.

    When no more results are wanted, since the generator was closed, something was raised or the program ends, `halt`
    is set, and the threads are waited for: a function that takes long looks at it.
    """
    tasks: SimpleQueue[tuple[Future[Result], Item] | None] = SimpleQueue()
    pending: deque[Future[Result]] = deque()
    threads: list[threading.Thread] = []

    def end() -> None:
        if halt is not None:
            halt.set()
        for future in pending:
            future.cancel()
        for _ in threads:
            tasks.put(None)
        for thread in threads:
            thread.join()

    # not a ThreadPoolExecutor: when the program ends, that does all work that waits, however long it takes
    atexit.register(end)
    try:
        for item in items:
            future: Future[Result] = Future()
            pending.append(future)
            tasks.put((future, item))
            if len(threads) < workers:
                threads.append(threading.Thread(target=_work, args=(function, tasks), daemon=True))
                threads[-1].start()
            if len(pending) > ahead * workers:
                yield _result(pending.popleft())
        while pending:
            yield _result(pending.popleft())
    finally:
        atexit.unregister(end)
        end()


def _work(function: Callable[[Item], Result], tasks: SimpleQueue[tuple[Future[Result], Item] | None]) -> None:
    """What a thread does until it is given None."""
    while (task := tasks.get()) is not None:
        _fulfil(function, *task)
        del task  # and with it the result, which is for others to hold


def _fulfil(function: Callable[[Item], Result], future: Future[Result], item: Item) -> None:
    if future.set_running_or_notify_cancel():
        try:
            future.set_result(function(item))
        except BaseException as error:
            future.set_exception(error)


def _result(future: Future[Result]) -> Result:
    """Wait in short turns, so that Ctrl-C is noticed on every platform and in every thread."""
    while not wait((future,), TURN_SECONDS).done:
        pass
    return future.result()
