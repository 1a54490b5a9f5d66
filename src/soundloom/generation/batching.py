"""Batching: clips are made in threads, several in one call where that is quicker, few in memory at a time.

Neither the batches nor the number of threads change a byte: each clip draws from its own generator.
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

HELD = 2**28  # samples that are made ahead of the reader, 1 GB; more only where a single clip is longer
AHEAD = 4  # clips of each thread

Batch = TypeVar("Batch")
Clip = TypeVar("Clip")


class TotalProgress:
    """How far the work is, over all threads, and whether it goes on.

    Args:
        total: samples to make.
        rate: of the samples, in Hz.
        on_progress: takes (seconds of sound done, seconds in all), from one thread at a time.
        stop: ends the work early once it is set.
    """

    def __init__(
        self, total: int, rate: int, on_progress: Callable[[float, float], None] | None, stop: threading.Event | None
    ) -> None:
        self.total, self.rate, self.on_progress, self.stop = total, rate, on_progress, stop
        self.done = 0.0  # samples
        self.abandoned = threading.Event()  # the reader is gone or something was raised
        self.lock = threading.Lock()

    @property
    def goes_on(self) -> bool:
        return not (self.abandoned.is_set() or (self.stop is not None and self.stop.is_set()))

    def of_call(self, clips: int, samples: int) -> Progress:
        """The callback for one call of a system, which makes so many clips with so many new samples each."""
        counted = 0.0

        def progress(fraction: float, _: int, /) -> bool:
            nonlocal counted
            made = max(counted, min(1.0, fraction) * clips * samples)
            with self.lock:
                self.done += made - counted
                counted = made
                if self.on_progress is not None:
                    self.on_progress(self.done / self.rate, self.total / self.rate)
            return self.goes_on

        return progress


def batch_sizes(clips: int, workers: int, most: int) -> Iterator[int]:
    """Sizes of batches of at most `most` clips: even, and as many batches for each worker, so that none waits."""
    batches = min(clips, workers * math.ceil(clips / (workers * most)))
    for number in range(batches):
        yield (number + 1) * clips // batches - number * clips // batches


def largest_batch(wanted: int, samples: int, workers: int) -> int:
    """Clips of so many samples that one call may make: `wanted`, or fewer where all workers would hold too much."""
    return max(1, min(wanted, HELD // (samples * (workers + 1))))


def batches_ahead(most: int, samples: int, workers: int) -> int:
    """Batches of at most `most` clips that each worker may be ahead of the reader."""
    return max(1, min(AHEAD // most, HELD // (most * samples * (workers + 1))))


def make_in_order(
    make: Callable[[Batch], Sequence[Clip]], batches: Iterable[Batch], workers: int, ahead: int, progress: TotalProgress
) -> Generator[Clip, None, None]:
    """Make batches of clips in threads; clips come in order, and at most `ahead` batches a worker are held.

    After a stop no batch is begun, and the clips end with the first batch of which nothing was made. Batches that are
    under way also stop when the generator is closed or something is raised.
    """
    before = _ONE_THREAD.otherwise()

    def make_alone(batch: Batch) -> Sequence[Clip]:
        if not progress.goes_on:
            return ()
        try:
            with _ONE_THREAD.held(before):
                return make(batch)
        except BaseException:
            progress.abandoned.set()  # now: the reader may still be waiting for an earlier batch
            raise

    # in threads also for one worker: the caller's own thread keeps its settings
    with closing(in_order(make_alone, batches, workers, ahead, halt=progress.abandoned)) as made:
        for clips in made:
            if progress.abandoned.is_set():
                continue  # something was raised in another thread, and comes with its batch
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
        """One thread within; `before` is the value of `otherwise` in the calling thread."""
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
