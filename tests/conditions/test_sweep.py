"""A sweep changes one number and nothing else."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soundloom.conditions.schema import Category, Scalar, Schema
from soundloom.conditions.sweep import Sweep

SCHEMA = Schema((Category("kind", ("kick", "snare")), Scalar("pitch", (36.0, 60.0)), Scalar("velocity", (0.0, 1.0))))


def test_a_sweep_is_read_as_it_is_written_and_has_both_ends():
    sweep = Sweep.read("velocity=0.1:0.9:5")
    assert sweep == Sweep("velocity", 0.1, 0.9, 5)
    assert sweep.values == (0.1, 0.3, 0.5, 0.7, 0.9)
    assert Sweep.read("pitch=60:36:2").values == (60.0, 36.0)


@given(first=st.floats(-1e3, 1e3), last=st.floats(-1e3, 1e3), steps=st.integers(2, 100))
def test_steps_are_even_and_stay_between_the_ends(first: float, last: float, steps: int):
    values = Sweep("pitch", first, last, steps).values
    assert len(values) == steps
    low, high = sorted((first, last))
    assert all(low - 1e-6 <= value <= high + 1e-6 for value in values)
    assert [b - a for a, b in pairwise(values)] == pytest.approx([(last - first) / (steps - 1)] * (steps - 1), abs=1e-4)


@pytest.mark.parametrize("text", ["velocity", "velocity=0.1", "velocity=0.1:0.9", "velocity=a:b:3", "velocity=0:1:2.5"])
def test_what_is_written_in_another_way_is_refused_with_an_example(text: str):
    with pytest.raises(ValueError, match="NAME=FIRST:LAST:STEPS, such as brightness=0"):
        Sweep.read(text)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("velocty=0:1:3", "did you mean 'velocity'"),
        ("kind=0:1:3", "kind is not a number"),
        ("velocity=0:1:1", "1 steps; it has 2 to 100"),
        ("velocity=0:1:101", "101 steps; it has 2 to 100"),
        ("velocity=0:1.5:3", "velocity=1.5 is outside the trained range 0 to 1"),
        ("velocity=0.5:0.5:3", "two different numbers"),
        ("velocity=nan:1:3", "two different numbers"),
        ("pitch=36:60:3", "pitch is asked for as 40 and swept too"),
    ],
)
def test_what_a_model_cannot_be_asked_for_is_refused(text: str, sentence: str):
    with pytest.raises(ValueError, match=sentence):
        Sweep.read(text).check(SCHEMA, {"pitch": 40})
