"""Sampling: a checked request becomes sounds, a few clips in each call of the system.

Clip i of a request draws from its own generator (seed, i), on one thread: the same request gives the same bytes,
whatever the number of clips, the size of sampling batches or the number of threads.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Sequence
from functools import partial
from itertools import groupby, islice
from typing import TYPE_CHECKING, NamedTuple

from soundloom.audio import Audio
from soundloom.conditions.schema import Value
from soundloom.generation.batching import TotalProgress, batch_sizes, batches_ahead, largest_batch, make_in_order
from soundloom.generation.checks import check, check_jobs
from soundloom.generation.request import Request
from soundloom.generation.work import Clip, Work
from soundloom.runtime.generators import generator
from soundloom.runtime.processors import available_processors

if TYPE_CHECKING:
    from soundloom.contract import System

OnProgress = Callable[[float, float], None]  # takes (seconds of sound done, seconds in all)


class Generated(NamedTuple):
    """A generated sound, the conditions it was made with, and what the caller should know about it."""

    audio: Audio
    conditions: dict[str, Value]
    remarks: tuple[str, ...]


def generate_from(
    system: System,
    request: Request | Sequence[Request],
    jobs: int | None = None,
    *,
    on_progress: OnProgress | None = None,
    stop: threading.Event | None = None,
) -> Generator[Generated, None, None]:
    """Check requests against a system, then make their sounds, in order; see `Model.stream`."""
    requests = (request,) if isinstance(request, Request) else tuple(request)
    if not requests:
        raise ValueError("no requests were given; give one or more")
    for each in requests:
        check(system, each)
    check_jobs(jobs)
    works = [Work.prepare(system, each) for each in requests]
    progress = TotalProgress(sum(work.samples for work in works), system.representation.sample_rate, on_progress, stop)
    return _generated(works, jobs, progress)


def _generated(works: Sequence[Work], jobs: int | None, progress: TotalProgress) -> Generator[Generated, None, None]:
    """The clips of all works in order, made in batches and threads."""
    count = sum(work.request.sounds for work in works)
    workers = min(count, jobs or available_processors())
    longest = max(work.length for work in works)
    wanted = max(work.system.sampling_batch_size_for(work.request.options) for work in works)
    most = largest_batch(wanted, longest, workers)
    clips = (Clip(work, number) for work in works for number in range(work.request.sounds))
    batches = (
        list(alike)
        for size in batch_sizes(count, workers, most)
        for _, alike in groupby(islice(clips, size), key=lambda clip: clip.kind)
    )
    return make_in_order(partial(_sample, progress), batches, workers, batches_ahead(most, longest, workers), progress)


def _sample(progress: TotalProgress, clips: Sequence[Clip]) -> list[Generated]:
    """Make clips of one kind in one call; returns none if the system was stopped before it made anything."""
    from soundloom.contract import Sampling

    work = clips[0].work
    system, rate = work.system, work.system.representation.sample_rate
    generators = [generator(clip.work.request.seed, clip.sound) for clip in clips]
    conditions = [clip.work.complete(rng, clip.step) for clip, rng in zip(clips, generators, strict=True)]
    remarks = list(work.remarks)
    call = Sampling(
        work.length,
        conditions,
        generators,
        prompt=work.prompt,
        like=work.like,
        distance=clips[0].distance,
        temperature=work.request.temperature,
        options=work.request.options,
        report=remarks.append,
    )
    note = progress.of_call(len(clips), work.length - call.given)
    made = system.sample(call, note)
    samples = made.shape[-1]
    note(1.0 if samples == work.length else 0.0, samples)
    assert samples == work.length or not progress.goes_on, "a system may deliver less only after a stop"
    if samples <= call.given:
        return []
    if samples < work.length:
        remarks.append(cut_short(samples, work.length, rate))
    return [
        Generated(Audio(clip.numpy(), rate), asked, tuple(remarks))
        for clip, asked in zip(made, conditions, strict=True)
    ]


def cut_short(samples: int, length: int, rate: int) -> str:
    """The remark about a sound that was stopped before it was whole."""
    return f"stopped at {samples / rate:.2f} of {length / rate:g} s"
