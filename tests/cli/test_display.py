"""Progress of long work, and at the end of a training."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from soundloom.cli.display.models import in_words
from soundloom.cli.display.training import training_summary
from soundloom.conditions.schema import Category, Measured, Scalar
from soundloom.conditions.text import Text
from soundloom.runtime.progress_bar import of_total, seconds_of_sound, show_progress
from soundloom.training.loop import Outcome
from soundloom.training.measurement import Measurement

ENDED = Outcome(Path("runs/mine"), 900, 600.0, True, {"elbo.loss": 1.0}, {})


def measurement(step: int, distance: float) -> Measurement:
    name = "held_out.kid.reference"
    return Measurement(step, {name: distance, f"{name}.low": distance - 9, f"{name}.high": distance + 9})


def test_a_training_that_ended_past_its_best_names_both_distances_and_where_the_best_is():
    summary = training_summary(replace(ENDED, best=measurement(700, 96.2), last=measurement(900, 104.0)), "again")
    assert summary["best"] == {"step": 700, "distance": 96.2}
    assert summary["last"] == {"step": 900, "distance": 104.0}
    best = Path("runs/mine/best")
    assert f"distance to the held-out sounds 104 (96 at step 700, kept in {best}); now: " in summary["next"]


def test_a_training_that_ended_at_its_best_names_one_distance():
    summary = training_summary(replace(ENDED, best=measurement(900, 96.2), last=measurement(900, 96.2)), "again")
    assert "distance to the held-out sounds 96; now: soundloom generate runs/mine" in summary["next"]


def test_a_training_that_was_not_measured_says_nothing_of_distances():
    summary = training_summary(ENDED, "again")
    assert (summary["best"], summary["last"]) == (None, None)
    assert "distance" not in summary["next"]


def test_on_a_terminal_a_bar_shows_how_much_of_one_long_sound_is_there(monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")  # a terminal, for rich
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    with show_progress("generating", False, seconds_of_sound) as progress:
        progress(12.0, 3600.0)
        progress(1800.0, 3600.0)
    shown = capsys.readouterr().err
    assert "generating" in shown
    assert "30.0 minutes of 60.0 minutes of sound" in shown
    with show_progress("scanning", label=of_total) as progress:
        progress(3, 8)
    assert "3/8" in capsys.readouterr().err


def test_without_a_terminal_nothing_is_said_of_what_is_soon_done(capsys):
    with show_progress("generating", False, seconds_of_sound) as progress:
        progress(1.0, 2.0)
    assert capsys.readouterr() == ("", "")


def test_the_table_of_models_has_a_line_for_each_condition():
    kind = Category("kind", ("kick", "snare"))
    bright = Scalar("brightness", (0.0, 1.0), measured=Measured(20.0, 80.0, "of 100"))
    lines = [in_words(condition.to_dict()) for condition in (kind, Scalar("pitch", (36.0, 60.0), "MIDI"), bright)]
    assert lines == [
        "kind: one of kick, snare",
        "pitch: a number from 36 to 60 MIDI",
        "brightness: a number from 0 to 1; 0 is 20 of 100 as measured, 1 is 80 of 100",
    ]
    assert in_words(Text("text", "abc ", 12).to_dict()) == "text: a text of up to 12 characters, out of 'abc '"
