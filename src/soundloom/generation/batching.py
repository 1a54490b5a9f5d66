"""Clips made in threads: several in one call where that is quicker, few of them held at a time, stopped when asked.

Neither which clips share a call nor how many threads there are changes a byte: each clip draws from its own stream.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, TypeVar

from soundloom.runtime.processors import in_order

if TYPE_CHECKING:
    from soundloom.runtime.progress import Progress

HELD = 2**28  # samples that are made ahead of whoever takes them, 1 GB; more only where single clips are longer
AHEAD = 4  # clips of each thread

Group = TypeVar("Group")
Clip = TypeVar("Clip")


class Pace:
    """How far the work is, over all threads, and whether it goes on.

    Args:
        total: samples to make.
        tell: told (samples made, samples to make), by one thread at a time.
        stop: whoever asked for the work sets it to end it early.
    """

    def __init__(self, total: int, tell: Callable[[int, int], None] | None, stop: threading.Event | None) -> None:
        self.total, self.tell, self.stop = total, tell, stop
        self.done = 0
        self.unwanted = threading.Event()  # nobody takes the clips any more
        self.lock = threading.Lock()

    @property
    def goes_on(self) -> bool:
        return not (self.unwanted.is_set() or (self.stop is not None and self.stop.is_set()))

    def progress(self, clips: int, given: int) -> Progress:
        """The callback for one call of a system: it makes so many clips, each beginning with so many given samples."""
        counted = 0

        def progress(samples: int) -> bool:
            nonlocal counted
            made = clips * max(0, samples - given)
            with self.lock:
                self.done += made - counted
                counted = made
                if self.tell is not None:
                    self.tell(self.done, self.total)
            return self.goes_on

        return progress


def group_sizes(clips: int, workers: int, most: int) -> Iterator[int]:
    """Sizes of groups of at most `most` clips, as even as can be: as many for each worker, so that none waits."""
    groups = min(clips, workers * math.ceil(clips / (workers * most)))
    for number in range(groups):
        yield (number + 1) * clips // groups - number * clips // groups


def most_together(together: int, samples: int, workers: int) -> int:
    """How many clips of so many samples one call may make: `together`, or fewer if those of all workers are too big."""
    return max(1, min(together, HELD // (samples * (workers + 1))))


def groups_ahead(most: int, samples: int, workers: int) -> int:
    """How many groups of at most `most` clips of so many samples each worker may be ahead of whoever takes them."""
    return max(1, min(AHEAD // most, HELD // (most * samples * (workers + 1))))


def make_in_order(
    make: Callable[[Group], Sequence[Clip]], groups: Iterable[Group], workers: int, ahead: int, pace: Pace
) -> Generator[Clip, None, None]:
    """Make groups of clips in threads; clips come in order, and at most `ahead` groups a worker are held.

    After a stop no group is begun, and the clips end with the first group of which nothing was made. Work that nobody
    takes, since the generator was closed or something was raised, is told to stop as well.
    """
    before = _ONE_THREAD.otherwise()

    def make_alone(group: Group) -> Sequence[Clip]:
        if not pace.goes_on:
            return ()
        try:
            with _ONE_THREAD.held(before):
                return make(group)
        except BaseException:
            pace.unwanted.set()  # now, since whoever waits for an earlier group hears of it only when that is done
            raise

    # in threads also for one worker: the caller's own thread keeps its settings
    with closing(in_order(make_alone, groups, workers, ahead, halt=pace.unwanted)) as made:
        for clips in made:
            if pace.unwanted.is_set():
                continue  # something was raised in another thread, and comes with its group
            if not clips:
                return
            yield from clips


class _OneThread:
    """Keeps torch at one thread while clips are made: small networks gain nothing from more, and sums keep their order.

    torch's number holds for the thread that sets it and for those that begin later, that of its matrix library for the
    whole process. So it comes back with the last clip under way, whichever thread and request that belongs to.
    """

    def __init__(self) -> None:
        self.lock, self.busy, self.before = threading.Lock(), 0, 1

    def otherwise(self) -> int:
        """The number that holds while nothing is made."""
        import torch

        with self.lock:
            return self.before if self.busy else torch.get_num_threads()

    @contextmanager
    def held(self, before: int) -> Iterator[None]:
        """One thread within; `before` is what `otherwise` said in the thread that asked."""
        import torch

        with self.lock:
            if not self.busy:
                self.before = before
            self.busy += 1
            torch.set_num_threads(1)
        try:
            yield
        finally:
            with self.lock:
                self.busy -= 1
                if not self.busy:
                    torch.set_num_threads(self.before)


_ONE_THREAD = _OneThread()
