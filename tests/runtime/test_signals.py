"""Ctrl-C and SIGTERM are a wish at first, and an order when they come again."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator

import pytest

from soundloom.runtime import signals
from soundloom.runtime.signals import stop_signals


@pytest.fixture(autouse=True)
def _usual_handlers() -> Iterator[None]:
    """As in a shell's foreground; where tests run in its background, Ctrl-C may be ignored."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_is_a_wish_and_handlers_come_back(number):
    before = signal.getsignal(number)
    with stop_signals() as stop:
        assert not stop.is_set()
        signal.raise_signal(number)
        assert stop.is_set()
    assert signal.getsignal(number) == before


def test_a_second_ctrl_c_is_no_longer_caught(monkeypatch):
    monkeypatch.setattr(signals, "ONE_WISH_SECONDS", -1.0)
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


def test_outside_the_main_thread_signals_are_left_to_others():
    found: list[bool] = []

    def work() -> None:
        with stop_signals() as stop:
            found.append(stop.is_set())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [False]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
