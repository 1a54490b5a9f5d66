"""Training from a program: it can be watched, stopped as Ctrl-C stops it, resumed, and shown as a bar."""

from __future__ import annotations

import math
import threading

import pytest
import torch
from safetensors.torch import load_file

from soundloom import TrainingProgress
from soundloom.checkpoints.checkpoint import WEIGHTS
from soundloom.generation import load
from soundloom.runtime import progress_bar
from soundloom.training import StepReport, train
from soundloom.training import progress_bar as training_progress_bar

ASKED = {"preset": "tiny", "precision": "float32", "preview_seconds": 0.0}


class StopAfter:
    """A watcher that keeps everything and sets the stop after a step."""

    def __init__(self, step: int) -> None:
        self.last, self.stop = step, threading.Event()
        self.reports: list[StepReport] = []
        self.messages: list[str] = []

    def step(self, report: StepReport) -> None:
        self.reports.append(report)
        if report.step == self.last:
            self.stop.set()

    def message(self, text: str) -> None:
        self.messages.append(text)


def test_a_watcher_gets_every_step_and_the_messages(sounds, tmp_path):
    watcher = StopAfter(-1)
    train("vae", sounds, out=tmp_path, steps=4, watcher=watcher, **ASKED)
    assert [report.step for report in watcher.reports] == [0, 1, 2, 3]
    assert [report.fraction for report in watcher.reports] == [0, 0.25, 0.5, 0.75]
    assert {(report.stage_number, report.stages) for report in watcher.reports} == {(1, 1)}
    assert all(math.isfinite(report.loss) for report in watcher.reports)
    assert any("41 files found, 40 used, 1 skipped" in message for message in watcher.messages)


def test_a_stop_from_the_watcher_saves_and_the_resumed_training_ends_with_the_same_weights(sounds, tmp_path):
    watcher = StopAfter(2)
    outcome = train("vae", sounds, out=tmp_path / "run", steps=6, watcher=watcher, stop=watcher.stop, **ASKED)
    assert (outcome.finished, outcome.steps) == (False, 3)
    assert load(tmp_path / "run").generate(count=1)[0].peak > 0
    outcome = train("vae", sounds, out=tmp_path / "run", resume=True, **ASKED)
    assert (outcome.finished, outcome.steps) == (True, 6)
    train("vae", sounds, out=tmp_path / "whole", steps=6, **ASKED)
    ours, theirs = (load_file(tmp_path / name / WEIGHTS) for name in ("run", "whole"))
    assert all(torch.equal(ours[key], theirs[key]) for key in theirs)


def test_a_stop_that_was_set_before_trains_no_step_and_can_be_resumed(sounds, tmp_path):
    watcher = StopAfter(-1)
    watcher.stop.set()
    outcome = train("vae", sounds, out=tmp_path, steps=2, watcher=watcher, stop=watcher.stop, **ASKED)
    assert (outcome.finished, outcome.steps, watcher.reports) == (False, 0, [])
    assert train("vae", sounds, out=tmp_path, resume=True, **ASKED).steps == 2


def test_a_program_may_train_and_stop_in_a_thread_of_its_own(sounds, tmp_path):
    watcher, outcomes = StopAfter(1), []

    def work() -> None:
        outcomes.append(train("vae", sounds, out=tmp_path, steps=5, watcher=watcher, stop=watcher.stop, **ASKED))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert [(outcome.finished, outcome.steps) for outcome in outcomes] == [(False, 2)]


def test_an_error_of_the_watcher_ends_the_training_and_is_raised(sounds, tmp_path):
    class Broken(StopAfter):
        def step(self, report: StepReport) -> None:
            raise RuntimeError("no display")

    with pytest.raises(RuntimeError, match="no display"):
        train("vae", sounds, out=tmp_path, steps=2, watcher=Broken(0), **ASKED)


def report(step: int) -> StepReport:
    return StepReport(step, step / 10, 0.5, 16, "vae", 1, 1)


def test_the_bar_of_the_command_is_drawn_for_programs_in_a_terminal(monkeypatch, capsys):
    for name, value in (("FORCE_COLOR", "1"), ("TERM", "xterm"), ("COLUMNS", "120")):
        monkeypatch.setenv(name, value)
    with TrainingProgress("training starts") as watcher:
        for step in (0, 5):
            watcher.step(report(step))
        watcher.message("a preview was made")
    shown = capsys.readouterr().err
    for part in ("training starts", "step 5", "50 %", "loss 0.5000", "a preview was made"):
        assert part in shown


@pytest.mark.parametrize("notebook", [False, True])
def test_where_no_bar_can_be_drawn_a_line_is_printed_now_and_then(notebook, monkeypatch, capsys):
    """A notebook without ipywidgets is such a place."""
    monkeypatch.setattr(progress_bar.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(training_progress_bar, "LINE_SECONDS", 0.0)
    with TrainingProgress() as watcher:
        watcher.console.is_jupyter = notebook
        assert not watcher.draws_bar
        watcher.console.is_jupyter = False  # printed as text, for the test to read
        watcher.step(report(5))
    assert capsys.readouterr().err == "step 5, 50 %, loss 0.5000, 0 clips/s\n"


def test_a_quiet_display_shows_nothing(capsys):
    with TrainingProgress("training starts", quiet=True) as watcher:
        watcher.step(report(0))
        watcher.message("a preview was made")
    assert capsys.readouterr() == ("", "")
