"""What goes with what: conditions that are left out are drawn as the training set has them."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch

from soundloom.conditions.joint_distribution import JointDistribution
from soundloom.conditions.schema import Category, Scalar, Schema, Value, slider
from soundloom.runtime.generators import generator

KIND = Category("kind", ("kick", "snare"))
SCHEMA = Schema((KIND, Scalar("pitch", (36.0, 38.5, 60.0))))
ROWS: list[dict[str, Value | None]] = (
    [{"kind": "kick", "pitch": 36.0}] * 30
    + [{"kind": "kick", "pitch": 38.5}] * 10
    + [{"kind": "snare", "pitch": 60.0}] * 60
)
DRAWS = 2000


@pytest.fixture
def distribution() -> JointDistribution:
    made = JointDistribution(SCHEMA)
    made.fit(ROWS)
    return made


def shares(distribution: JointDistribution, asked: dict[str, Value]) -> dict[tuple[Value | None, ...], float]:
    """How often each full answer comes back."""
    drawn = [distribution.complete(asked, generator(0, index)) for index in range(DRAWS)]
    counts = Counter((row.get("kind"), row.get("pitch")) for row in drawn)
    return {row: count / DRAWS for row, count in counts.items()}


def test_all_conditions_are_drawn_as_often_as_they_occur(distribution: JointDistribution) -> None:
    expected = {("kick", 36.0): 0.3, ("kick", 38.5): 0.1, ("snare", 60.0): 0.6}
    assert shares(distribution, {}) == pytest.approx(expected, abs=5 * 0.5 / DRAWS**0.5)


def test_what_was_asked_stays_and_the_rest_goes_with_it(distribution: JointDistribution) -> None:
    expected = {("kick", 36.0): 0.75, ("kick", 38.5): 0.25}
    assert shares(distribution, {"kind": "kick"}) == pytest.approx(expected, abs=5 * 0.5 / DRAWS**0.5)


def test_a_number_that_no_row_has_goes_with_the_nearest_row(distribution: JointDistribution) -> None:
    assert shares(distribution, {"pitch": 55.0}) == {("snare", 55.0): 1.0}
    assert shares(distribution, {"pitch": 36.4}) == {("kick", 36.4): 1.0}


def test_what_never_goes_together_is_made_nevertheless(distribution: JointDistribution) -> None:
    asked: dict[str, Value] = {"kind": "snare", "pitch": 36.0}
    assert distribution.complete(asked, generator(0, 0)) == asked


def test_a_value_that_no_sound_has_is_kept_and_the_rest_is_drawn_as_it_occurs() -> None:
    distribution = JointDistribution(SCHEMA)
    distribution.fit(ROWS[:40])  # no snare
    assert set(shares(distribution, {"kind": "snare"})) == {("snare", 36.0), ("snare", 38.5)}


def test_unknown_labels_stay_unknown() -> None:
    distribution = JointDistribution(SCHEMA)
    distribution.fit([{"kind": "kick", "pitch": None}] * 5 + [{"kind": None, "pitch": 60.0}] * 5)
    assert shares(distribution, {"kind": "kick"}) == {("kick", None): 1.0}
    assert set(shares(distribution, {})) == {("kick", None), (None, 60.0)}


def test_numbers_come_back_as_the_data_spells_them() -> None:
    distribution = JointDistribution(Schema((Scalar("level", (0.1, 0.7)),)))
    distribution.fit([{"level": 0.1}, {"level": 0.7}])
    drawn = {distribution.complete({}, generator(0, index))["level"] for index in range(50)}
    assert drawn == {0.1, 0.7}
    for level in drawn:
        distribution.schema.check({"level": level})


def test_before_it_is_fitted_it_knows_nothing() -> None:
    assert JointDistribution(SCHEMA).complete({}, generator(0, 0)) == {}
    assert JointDistribution(Schema()).complete({}, generator(0, 0)) == {}


def test_it_is_saved_and_loaded_with_as_many_rows_as_it_has(distribution: JointDistribution) -> None:
    again = JointDistribution(SCHEMA)
    again.load_state_dict(distribution.state_dict())
    assert torch.equal(again.counts, distribution.counts)
    assert sorted(again.counts.tolist()) == [10, 30, 60]
    assert again.complete({}, generator(3, 3)) == distribution.complete({}, generator(3, 3))


def test_of_descriptors_the_rest_is_drawn_from_some_rows_near_what_was_asked() -> None:
    places = [number / 100 for number in range(101)]
    distribution = JointDistribution(
        Schema((KIND, slider("depth", np.array(places)), slider("warmth", np.array(places))))
    )
    rows = [{"kind": ("kick", "snare")[number % 2], "depth": x, "warmth": x} for number, x in enumerate(places)]
    distribution.fit(rows)
    drawn = [distribution.complete({"kind": "kick", "depth": 0.5}, generator(0, index)) for index in range(200)]
    near = {row["warmth"] for row in drawn}
    assert 8 <= len(near) <= 17  # two may be equally far
    assert all(abs(float(value) - 0.5) <= 0.17 for value in near if value is not None)  # 16 rows of every second
    assert all(row["depth"] == 0.5 and row["kind"] == "kick" for row in drawn)


def test_numbers_that_never_go_together_are_near_what_lies_between_them() -> None:
    places = [number / 100 for number in range(101)]
    names = ("depth", "warmth", "hardness")
    distribution = JointDistribution(Schema(tuple(slider(name, np.array(places)) for name in names)))
    distribution.fit([dict.fromkeys(names, x) for x in places])
    found = [
        distribution.complete({"depth": 0.4, "warmth": 0.6}, generator(0, index))["hardness"] for index in range(50)
    ]
    assert all(0.3 < float(value) < 0.7 for value in found if value is not None)


def test_descriptors_that_no_sound_has_together_are_told_with_the_nearest_that_one_has() -> None:
    places = [number / 100 for number in range(101)]
    distribution = JointDistribution(
        Schema((KIND, slider("depth", np.array(places)), slider("warmth", np.array(places))))
    )
    distribution.fit([{"kind": "kick", "depth": x, "warmth": x} for x in places])
    assert distribution.far_from({"depth": 0.9}) == {}
    assert distribution.far_from({"depth": 0.5, "warmth": 0.55, "kind": "kick"}) == {}
    assert distribution.far_from({"depth": 0.9, "warmth": 0.1}) == pytest.approx(
        {"depth": 0.5, "warmth": 0.5}, abs=0.02
    )
    assert JointDistribution(distribution.schema).far_from({"depth": 0.9, "warmth": 0.1}) == {}
