"""Clips made in batches, of other lengths, and stopped: they are always those of the request."""

from __future__ import annotations

import itertools
import signal
import threading
import time
from collections.abc import Sequence

import numpy as np
import pytest

from slow import LONGEST, RATE, SAMPLES, slow_model
from soundloom.audio import Audio
from soundloom.generation import Generated, Model, Request
from soundloom.generation.batching import HELD, batch_sizes, batches_ahead, largest_batch


def contents(made: Sequence[Generated]) -> list[bytes]:
    return [sound.audio.samples.tobytes() for sound in made]


def prompt(samples: int) -> Audio:
    return Audio(np.linspace(-0.5, 0.5, samples), RATE)


class Slowly:
    """Takes its time for each block of 100 samples: ten seconds of sound would take 40 seconds. Counts them."""

    def __init__(self) -> None:
        self.blocks, self.begun = 0, threading.Event()

    def __call__(self) -> None:
        self.blocks += 1
        self.begun.set()
        time.sleep(0.05)


BLOCKS_IN_TEN_SECONDS = 10 * RATE // 100


@pytest.mark.parametrize("given", [{}, {"prompt": prompt(250)}, {"like": (prompt(50),)}])
def test_the_same_request_gives_the_same_bytes_in_any_batches_and_threads(given):
    request = Request(count=21, seed=5, **given)
    alone = contents(slow_model().stream(request, 1))
    assert len(set(alone)) == 21
    for batch_size, jobs in itertools.product((1, 4, 16, 64), (1, 2, 5)):
        model = slow_model(batch_size)
        assert contents(model.stream(request, jobs)) == alone
        assert max(model.system.calls) <= batch_size


@pytest.mark.parametrize(
    ("batch_size", "count", "jobs", "calls"),
    [
        (1, 5, 2, [1, 1, 1, 1, 1]),
        (16, 16, 1, [16]),
        (16, 17, 1, [8, 9]),
        (16, 64, 2, [16, 16, 16, 16]),
        (16, 8, 2, [4, 4]),  # both threads work
        (16, 3, 8, [1, 1, 1]),
        (16, 40, 2, [10, 10, 10, 10]),
    ],
)
def test_clips_are_batched_so_that_all_threads_have_as_much_to_do(batch_size, count, jobs, calls):
    model = slow_model(batch_size)
    assert len(list(model.stream(Request(count=count), jobs))) == count
    assert sorted(model.system.calls) == calls


def test_steps_of_a_path_are_made_one_by_one_since_each_has_its_own_place():
    model = slow_model(batch_size=16)
    path = list(model.stream(Request(count=5, like=(prompt(50), prompt(60))), 1))
    assert model.system.calls == [1] * 5
    assert np.allclose(np.diff([sound.audio.samples.mean() for sound in path]), 0.3 / 4, atol=0.02)


def test_several_requests_share_batches_and_are_what_they_are_alone():
    model = slow_model(batch_size=16)
    requests = [Request(1, conditions={"kind": kind}, seed=seed) for seed, kind in enumerate(["hiss", "thump"] * 5)]
    asked = [*requests, Request(2, seconds=0.05, seed=3), Request(2, prompt=prompt(100)), Request(2, temperature=0.5)]
    alone = [made for request in asked for made in slow_model().stream(request, 1)]
    made = list(model.stream(asked, 1))
    assert contents(made) == contents(alone)
    assert [sound.conditions for sound in made] == [sound.conditions for sound in alone]
    assert model.system.calls == [10, 2, 2, 2]  # none beside one of another length, prompt or temperature


def test_no_requests_are_refused():
    with pytest.raises(ValueError, match="no requests were given; give one or more"):
        slow_model().stream([])


def test_batches_are_as_even_as_possible():
    for clips, workers, most in itertools.product((1, 2, 7, 100, 1000), (1, 2, 3, 16), (1, 2, 16)):
        sizes = list(batch_sizes(clips, min(clips, workers), most))
        assert sum(sizes) == clips
        assert min(sizes) >= 1
        assert max(sizes) <= min(most, min(sizes) + 1)


def test_long_clips_are_made_alone_and_few_of_them_are_held():
    hour, minute = 3600 * 16000, 60 * 16000
    assert (largest_batch(16, 16000, 2), batches_ahead(16, 16000, 2)) == (16, 1)
    assert (largest_batch(16, minute, 2), largest_batch(16, hour, 2), largest_batch(1, minute, 2)) == (16, 1, 1)
    assert batches_ahead(1, 16000, 2) == 4
    assert batches_ahead(1, hour, 2) == 1
    for batch_size, samples, workers in itertools.product((1, 16), (16000, minute, hour // 4), (1, 2, 4)):
        most = largest_batch(batch_size, samples, workers)
        assert most * samples * (workers * batches_ahead(most, samples, workers) + 1) <= HELD


def test_a_model_says_how_long_its_clips_are_and_how_long_a_sound_can_be():
    model = slow_model()
    assert (model.seconds, model.longest_seconds) == (SAMPLES / RATE, LONGEST / RATE)
    assert [sound.seconds for sound in model.generate(count=2)] == [model.seconds] * 2
    (longest,) = model.generate(count=1, seconds=model.longest_seconds)
    assert longest.samples.shape == (1, LONGEST)
    with pytest.raises(ValueError, match=r"10.1 s was asked for but this model makes 0.01 to 10 s; ask within it"):
        model.generate(count=1, seconds=10.1)


def test_a_prompt_may_be_longer_than_a_clip_when_more_is_asked_for():
    model, given = slow_model(), prompt(3 * SAMPLES)
    (made,) = model.generate(count=1, prompt=given, seconds=0.4)
    assert made.samples.shape == (1, 4 * SAMPLES)
    assert np.array_equal(made.samples[:, : 3 * SAMPLES], given.samples)
    for sound in (given, prompt(SAMPLES)):
        with pytest.raises(ValueError, match=r"so nothing is left to add; cut the prompt, or ask for more --seconds"):
            model.generate(count=1, prompt=sound)
    with pytest.raises(ValueError, match=r"the prompt lasts 10.00 s and the sound 10.00 s, so .*; cut the prompt$"):
        model.generate(count=1, prompt=prompt(LONGEST), seconds=10)


@pytest.mark.parametrize(("batch_size", "jobs"), [(1, 1), (1, 3), (16, 2)])
def test_progress_grows_to_all_of_the_sound_whatever_shares_a_call(batch_size, jobs):
    reports: list[tuple[float, float]] = []
    request = Request(count=6, seconds=0.5, prompt=prompt(400))
    made = list(slow_model(batch_size).stream(request, jobs, on_progress=lambda *pair: reports.append(pair)))
    to_make = sum(sound.audio.seconds - 400 / RATE for sound in made)
    assert [everything for _, everything in reports] == [pytest.approx(to_make)] * len(reports)
    done = [seconds for seconds, _ in reports]
    assert done == sorted(done)
    assert done[-1] == pytest.approx(to_make)
    assert done[0] < 0.2 * to_make


def test_the_vae_tells_its_progress_too(trained):
    from soundloom.generation import load

    reports: list[tuple[float, float]] = []
    list(load(trained("vae")).stream(Request(count=3), 1, on_progress=lambda *pair: reports.append(pair)))
    assert reports == [(0.5, 1.5), (1.0, 1.5), (1.5, 1.5)]


@pytest.mark.parametrize(("batch_size", "jobs"), [(1, 1), (1, 2), (4, 2)])
def test_a_stop_hands_out_what_is_done_and_begins_nothing_more(batch_size, jobs):
    model, stop = slow_model(batch_size, block_seconds=0.002), threading.Event()
    request = Request(count=12, seconds=1.0, seed=3)
    whole = contents(slow_model().stream(request, 1))
    made = []
    for sound in model.stream(request, jobs, stop=stop):
        made.append(sound)
        stop.set()
    assert len(made) == sum(model.system.calls) < 12
    assert made[0].remarks == ()
    cut = [sound for sound in made if sound.audio.seconds < 1]
    for sound, bytes_of_whole in zip(made, whole, strict=False):
        assert bytes_of_whole.startswith(sound.audio.samples.tobytes())
    for sound in cut:
        assert sound.remarks == (f"stopped at {sound.audio.seconds:.2f} of 1 s",)
    assert model.system.running == 0


def test_a_stop_before_anything_is_made_hands_out_nothing():
    model, stop = slow_model(), threading.Event()
    stop.set()
    assert list(model.stream(Request(count=3), stop=stop)) == []
    assert model.system.calls == []


def test_a_stop_while_a_prompt_is_heard_hands_out_no_copy_of_it(monkeypatch):
    model, stop = slow_model(), threading.Event()

    def only_reads_the_prompt(call, progress):
        stop.set()
        return call.prompt[None]

    monkeypatch.setattr(model.system, "sample", only_reads_the_prompt)
    assert list(model.stream(Request(count=2, prompt=prompt(300)), 1, stop=stop)) == []


def test_closing_the_stream_stops_sounds_under_way():
    slowly = Slowly()
    model = slow_model(before_block=slowly)
    sounds = model.stream([Request(count=1, seconds=0.01), Request(count=4, seconds=10.0)], 2)
    next(sounds)
    sounds.close()
    assert model.system.running == 0
    assert slowly.blocks < BLOCKS_IN_TEN_SECONDS


def test_a_failure_in_one_thread_stops_the_others():
    slowly = Slowly()
    model = slow_model(before_block=slowly)
    trouble = itertools.chain([1, 1, 1, 0], itertools.repeat(1))
    with pytest.raises(ZeroDivisionError):
        list(model.stream(Request(count=2, seconds=10.0), 2, on_progress=lambda *pair: 1 / next(trouble)))
    assert model.system.running == 0
    assert slowly.blocks < BLOCKS_IN_TEN_SECONDS


def interrupted_by_ctrl_c(model: Model, begun: threading.Event) -> None:
    """Ask for sounds that take long, as someone who presses Ctrl-C when the first has begun."""

    def press() -> None:
        begun.wait()
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # tests may run where a shell has it ignored
    finger = threading.Thread(target=press)
    try:
        finger.start()
        model.generate(count=4, seconds=10.0)
    finally:
        finger.join()
        signal.signal(signal.SIGINT, before)


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="Ctrl-C comes otherwise here")
def test_ctrl_c_stops_generate_and_raises_keyboard_interrupt():
    slowly = Slowly()
    model = slow_model(before_block=slowly)
    with pytest.raises(KeyboardInterrupt):
        interrupted_by_ctrl_c(model, slowly.begun)
    assert model.system.running == 0
    assert slowly.blocks < BLOCKS_IN_TEN_SECONDS
