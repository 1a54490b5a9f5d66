"""What is said at the end of a training."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from soundloom.display import training_summary
from soundloom.training.judge import Judgement
from soundloom.training.loop import Outcome

ENDED = Outcome(Path("runs/mine"), 900, 600.0, True, {"elbo.loss": 1.0}, {})


def judgement(step: int, distance: float) -> Judgement:
    name = "held_out.kid.referee"
    return Judgement(step, {name: distance, f"{name}.low": distance - 9, f"{name}.high": distance + 9})


def test_a_training_that_ended_past_its_best_names_both_distances_and_where_the_best_is():
    summary = training_summary(replace(ENDED, best=judgement(700, 96.2), last=judgement(900, 104.0)), "again")
    assert summary["best"] == {"step": 700, "distance": 96.2}
    assert summary["last"] == {"step": 900, "distance": 104.0}
    best = Path("runs/mine/best")
    assert f"distance to the held-out sounds 104 (96 at step 700, kept in {best}); now: " in summary["next"]


def test_a_training_that_ended_at_its_best_names_one_distance():
    summary = training_summary(replace(ENDED, best=judgement(900, 96.2), last=judgement(900, 96.2)), "again")
    assert "distance to the held-out sounds 96; now: soundloom generate runs/mine" in summary["next"]


def test_a_training_that_was_not_measured_says_nothing_of_distances():
    summary = training_summary(ENDED, "again")
    assert (summary["best"], summary["last"]) == (None, None)
    assert "distance" not in summary["next"]
