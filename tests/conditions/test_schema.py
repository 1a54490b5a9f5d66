"""Conditions: what is asked is checked in words that help, and coded so that codes mean something."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from soundloom.conditions.schema import Category, Scalar, Schema, knots_for
from soundloom.runtime.settings import from_json, to_json

KIND = Category("kind", ("kick", "snare", "7", "01"))
PITCH = Scalar("pitch", (36.0, 40.0, 60.0), "MIDI")
SCHEMA = Schema((KIND, PITCH))

numbers = st.floats(-1e6, 1e6, allow_nan=False)
knots = st.lists(numbers, min_size=1, max_size=12, unique=True).map(sorted).map(tuple)


@given(knots=knots, share=st.floats(0, 1))
def test_the_code_of_a_number_sums_to_1_and_is_never_negative(knots: tuple[float, ...], share: float) -> None:
    scalar = Scalar("x", knots)
    code = scalar.encode(scalar.low + share * (scalar.high - scalar.low))
    assert code.sum() == pytest.approx(1, abs=1e-5)
    assert code.min() >= 0
    assert (code > 0).sum() <= 2


@given(knots=knots.filter(lambda knots: min(np.diff(knots), default=1) > 1e-3), share=st.floats(0, 1))
def test_the_knots_weighted_by_the_code_give_the_number_back(knots: tuple[float, ...], share: float) -> None:
    scalar = Scalar("x", knots)
    number = min(scalar.low + share * (scalar.high - scalar.low), scalar.high)
    size = max(1.0, *map(abs, knots))
    assert float(scalar.encode(number).astype(np.float64) @ np.array(knots)) == pytest.approx(number, abs=1e-6 * size)


@given(knots=knots)
def test_at_a_knot_the_code_is_one_hot(knots: tuple[float, ...]) -> None:
    scalar = Scalar("x", knots)
    for place, knot in enumerate(knots):
        assert np.array_equal(scalar.encode(knot), np.eye(len(knots), dtype=np.float32)[place])


def test_beyond_the_ends_the_code_is_that_of_the_end() -> None:
    assert PITCH.encode(0).tolist() == [1, 0, 0]
    assert PITCH.encode(1000).tolist() == [0, 0, 1]


def test_a_schema_codes_each_condition_and_whether_it_is_known() -> None:
    assert SCHEMA.width == 4 + 1 + 3 + 1
    assert SCHEMA.encode({"kind": "snare", "pitch": 50}).tolist() == [0, 1, 0, 0, 1, 0, 0.5, 0.5, 1]
    assert SCHEMA.encode({"kind": "kick"}).tolist() == [1, 0, 0, 0, 1, 0, 0, 0, 0]
    assert SCHEMA.encode({"pitch": None}).tolist() == [0] * 9
    assert Schema().encode({}).shape == (0,)


@pytest.mark.parametrize(
    ("asked", "known"),
    [("kick", "kick"), (7, "7"), (7.0, "7"), ("7", "7"), ("01", "01"), (1.0, "01"), (1, "01")],
)
def test_a_category_takes_names_and_numbers_that_are_names(asked: object, known: str) -> None:
    assert KIND.check(asked) == known


@pytest.mark.parametrize(("asked", "known"), [("41", 41.0), (36, 36.0), (60.0, 60.0)])
def test_a_scalar_takes_numbers_in_its_range(asked: object, known: float) -> None:
    assert PITCH.check(asked) == known


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"kind": "snaer"}, r"kind=snaer: the model knows no such kind; did you mean 'snare'\?"),
        ({"kind": "gong"}, r"known: 01, 7, kick, snare"),
        ({"kind": 2.5}, "knows no such kind"),
        ({"pitch": 61}, r"pitch=61 is outside the trained range 36 to 60; ask within it"),
        ({"pitch": "nan"}, "outside the trained range"),
        ({"pitch": "high"}, "pitch is a number from 36 to 60"),
        ({"pitch": None}, "pitch is a number from 36 to 60"),
        ({"ptich": 40}, r"no condition 'ptich'; did you mean 'pitch'\?"),
    ],
)
def test_what_a_model_does_not_know_is_refused_with_what_it_knows(asked: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        SCHEMA.check(asked)


def test_a_model_without_conditions_says_so() -> None:
    with pytest.raises(ValueError, match=r"trained without conditions; leave --with out"):
        Schema().check({"kind": "kick"})


def test_a_schema_comes_back_from_json_as_it_was() -> None:
    assert from_json(Schema, to_json(SCHEMA)) == SCHEMA


def test_a_condition_is_data_for_a_program_that_draws_controls() -> None:
    assert KIND.to_dict() == {
        "name": "kind",
        "kind": "category",
        "values": ["kick", "snare", "7", "01"],
        "unit": "",
        "default": None,
        "measured": None,
    }
    assert PITCH.to_dict() == {
        "name": "pitch",
        "kind": "scalar",
        "low": 36.0,
        "high": 60.0,
        "unit": "MIDI",
        "default": None,
        "measured": None,
    }


@given(values=st.lists(numbers, min_size=1, max_size=300), most=st.integers(2, 40))
def test_knots_are_few_and_rise_from_the_lowest_to_the_highest_value(values: list[float], most: int) -> None:
    made = knots_for(np.array(values), most)
    assert len(made) <= most
    assert all(left < right for left, right in pairwise(made))
    assert made[0] == pytest.approx(min(values))
    assert made[-1] == pytest.approx(max(values))


def test_few_distinct_values_are_the_knots_themselves() -> None:
    assert knots_for(np.array([3, 1, 2, 3, 1])) == (1.0, 2.0, 3.0)
