"""Work shared among threads: in order, few results held, and never in the way of the end."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
import time
import weakref
from pathlib import Path

import pytest

from soundloom.runtime.processors import in_order


@pytest.mark.parametrize("workers", [1, 3, 50])
def test_results_come_in_order_whichever_is_done_first(workers):
    def slow_if_even(number: int) -> int:
        time.sleep(0.005 * (number % 2 == 0))
        return number * number

    assert list(in_order(slow_if_even, range(20), workers)) == [number * number for number in range(20)]
    assert list(in_order(slow_if_even, [], workers)) == []


def test_no_more_than_a_few_results_are_ahead_of_whoever_takes_them():
    begun: list[int] = []
    results = in_order(begun.append, range(100), workers=2, ahead=3)
    next(results)
    time.sleep(0.05)
    assert len(begun) <= 7
    results.close()
    assert len(begun) <= 7


def test_an_error_comes_in_its_turn_and_ends_all_threads():
    before, halt = threading.active_count(), threading.Event()
    results = in_order(lambda number: 1 // number, [1, 1, 0, 1], workers=2, halt=halt)
    assert [next(results), next(results)] == [1, 1]
    assert not halt.is_set()
    with pytest.raises(ZeroDivisionError):
        next(results)
    assert halt.is_set()
    assert threading.active_count() == before


def test_threads_hold_no_result_that_was_taken():
    class Big:
        pass

    results = in_order(lambda _: Big(), range(3), workers=1)
    first = weakref.ref(next(results))
    next(results)
    gc.collect()
    assert first() is None
    results.close()


UNREAD = """
import atexit, sys, time
sys.path.insert(0, sys.argv[1])
from slow import slow_model
from soundloom.generation import Request
blocks = []
atexit.register(lambda: print(len(blocks) < 800))  # runs last, when the threads have ended; ten seconds are 800 blocks
def before_block():
    blocks.append(1)
    time.sleep(0.05)
sounds = slow_model(before_block=before_block).stream([Request(1, seconds=0.0125), Request(9, seconds=10.0)], 2)
print(next(sounds).audio.samples.shape[1], flush=True)
"""


def test_a_program_that_reads_no_more_sounds_ends_without_finishing_those_under_way():
    folder = str(Path(__file__).parents[1])
    done = subprocess.run([sys.executable, "-c", UNREAD, folder], capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stdout, done.stderr) == (0, "100\nTrue\n", "")
