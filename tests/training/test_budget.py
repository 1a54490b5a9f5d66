"""How much of the training is done, and the learning rate that goes with it."""

from __future__ import annotations

import math
import time

import pytest

from soundloom.training.budget import Budget, learning_rate_factor
from soundloom.training.settings import TrainSettings


@pytest.mark.parametrize(("step", "fraction"), [(0, 0.0), (1, 0.005), (100, 0.5), (200, 1.0), (900, 1.0)])
def test_with_steps_the_fraction_depends_on_the_step_alone(step: int, fraction: float) -> None:
    budget = Budget(TrainSettings(steps=200), started_at=-1e9)
    assert budget.fraction(step) == pytest.approx(fraction)


def test_no_steps_are_over_at_once() -> None:
    assert Budget(TrainSettings(steps=0)).fraction(0) == 1.0


def test_with_minutes_the_fraction_is_that_of_the_clock_over_all_interruptions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "monotonic", lambda: 130.0)
    budget = Budget(TrainSettings(minutes=2), started_at=100.0)
    assert budget.fraction(0) == budget.fraction(10_000) == pytest.approx(0.25)
    budget.before = 60.0
    assert budget.seconds == 90.0
    assert budget.fraction(0) == pytest.approx(0.75)
    budget.before = 600.0
    assert budget.fraction(0) == 1.0


def test_the_learning_rate_rises_linearly_then_falls_as_half_a_cosine() -> None:
    assert [learning_rate_factor(fraction, 0.1) for fraction in (0.0, 0.05)] == pytest.approx(
        [0.001 / 0.101, 0.051 / 0.101]
    )
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        expected = (1 + math.cos(math.pi * share)) / 2
        assert learning_rate_factor(0.1 + 0.9 * share, 0.1) == pytest.approx(expected)
    assert learning_rate_factor(0.0, 0.0) == 1.0


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({}, "give either steps or minutes"),
        ({"steps": 5, "minutes": 1}, "give either steps or minutes"),
        ({"steps": -1}, "steps is -1 but must be at least 0"),
        ({"minutes": 0}, "minutes is 0 but must be above 0"),
        ({"minutes": float("nan")}, "minutes is nan but must be above 0"),
        ({"steps": 5, "held_out": 1.0}, "held_out is 1 but must be a share"),
        ({"steps": 5, "held_out": -0.1}, "held_out is -0.1 but must be a share"),
        ({"steps": 5, "validation_count": 5}, "validation_count is 5 but must be at least 20, or 0 for none"),
        ({"steps": 5, "validation_count": -20}, "validation_count is -20 but must be at least 20"),
    ],
)
def test_a_length_that_is_none_is_refused_with_the_next_move(settings: dict[str, float], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        TrainSettings(**settings)
