"""Ctrl-C, SIGTERM and a closed terminal ask for a stop; a second signal does what it did before."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from soundloom.runtime import signals
from soundloom.runtime.signals import stop_signals

STOPPING = [signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]


@pytest.fixture(autouse=True)
def _usual_handlers() -> Iterator[None]:
    """As in a shell's foreground; tests may run where Ctrl-C or SIGHUP is ignored."""
    before = {number: signal.getsignal(number) for number in STOPPING}
    for number in STOPPING:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", STOPPING)
def test_the_first_signal_asks_for_a_stop_and_handlers_come_back(number):
    before = signal.getsignal(number)
    with stop_signals() as stop:
        assert not stop.is_set()
        signal.raise_signal(number)
        assert stop.is_set()
    assert signal.getsignal(number) == before


def test_the_event_of_a_program_is_the_one_that_is_set():
    event = threading.Event()
    with stop_signals(event) as stop:
        assert stop is event
        signal.raise_signal(signal.SIGTERM)
    assert event.is_set()


@pytest.mark.parametrize("number", STOPPING)
def test_a_signal_that_is_ignored_stays_ignored(number):
    signal.signal(number, signal.SIG_IGN)  # as nohup does to SIGHUP
    with stop_signals() as stop:
        signal.raise_signal(number)
        assert not stop.is_set()


def test_a_second_ctrl_c_is_no_longer_caught(monkeypatch):
    monkeypatch.setattr(signals, "ONE_REQUEST_SECONDS", -1.0)
    with stop_signals() as stop:
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        assert stop.is_set()


def test_a_ctrl_c_that_is_passed_on_as_well_is_one():
    with stop_signals() as stop:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        assert stop.is_set()


def test_outside_the_main_thread_signals_are_left_alone():
    found: list[bool] = []

    def work() -> None:
        with stop_signals() as stop:
            found.append(stop.is_set())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [False]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.skipif(sys.platform != "linux", reason="other systems hang up otherwise")
def test_after_a_hang_up_what_is_printed_is_lost_and_the_work_goes_on(tmp_path):
    work = (
        "import sys\nfrom soundloom.runtime.signals import stop_signals\n"
        "with stop_signals() as stop:\n"
        "    print('ready', flush=True)\n"
        "    assert stop.wait(60)\n"
        "    print('saved', flush=True)\n"  # fails on a terminal that is gone
        "    open(sys.argv[1], 'w').close()\n"
    )
    ours, theirs = os.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", work, tmp_path / "saved"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),
    ) as process:
        os.close(theirs)
        assert b"ready" in os.read(ours, 100)
        os.close(ours)
        process.send_signal(signal.SIGHUP)
        assert process.wait(60) == 0
    assert (tmp_path / "saved").exists()
