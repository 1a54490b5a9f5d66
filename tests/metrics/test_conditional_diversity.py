"""Sounds that are alike by their labels, against cases counted by hand and closed forms."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pytest

from soundloom.conditions.schema import Category, Measured, Scalar, Schema, Value
from soundloom.metrics.coherence import at_levels
from soundloom.metrics.conditional_diversity import Places, variety
from soundloom.metrics.estimate import TooFew

KNOTS = (0.0, 1.0)
SCHEMA = Schema(
    (
        Category("kind", ("kick", "snare")),
        Scalar("brightness", KNOTS, measured=Measured(0.0, 100.0)),
        Scalar("depth", KNOTS, measured=Measured(0.0, 100.0)),
    )
)


def test_the_nearest_sound_is_sought_among_those_of_the_same_kind() -> None:
    labels: list[Mapping[str, Value | None]] = [
        {"kind": "kick", "brightness": 0.1, "depth": 0.9},
        {"kind": "kick", "brightness": 0.4, "depth": 0.9},
        {"kind": "snare", "brightness": 0.5, "depth": 0.5},
        {"kind": "snare", "brightness": None, "depth": 0.5},
    ]
    places, requests = Places(labels, SCHEMA), at_levels("brightness", [{"kind": "kick", "depth": 0.9}])
    np.testing.assert_array_equal(places.nearest_values("brightness", requests), [0.1, 0.4, 0.4])
    np.testing.assert_array_equal(places.nearest_values("depth", requests), [0.9, 0.9, 0.9])
    strange = [{**row, "kind": "gong"} for row in requests]  # of no kind that there is: among all
    np.testing.assert_array_equal(places.nearest_values("brightness", strange), [0.1, 0.4, 0.4])


def test_neighbours_are_of_one_kind_and_not_the_sound_itself() -> None:
    labels = [
        {"kind": "kick", "brightness": 0.0, "depth": 0.0},
        {"kind": "snare", "brightness": 0.0, "depth": 0.0},
        {"kind": "kick"},
        {"kind": "kick", "brightness": 0.3, "depth": 0.0},
        {"kind": "kick", "brightness": 0.4, "depth": 0.0},
    ]
    found = Places(labels, SCHEMA).neighbours(1)
    assert found == [(0, 3), (3, 4), (4, 3)]  # a snare is alone, and the third sound lies nowhere
    assert len(Places(labels, SCHEMA).neighbours(5)) == 6


def test_no_labelled_sound_is_said() -> None:
    with pytest.raises(TooFew, match="labelled sounds"):
        Places([{"depth": 0.5}], SCHEMA)


@pytest.mark.parametrize("spread", [0.0, 0.5, 1.0, 2.0])
def test_variety_is_the_ratio_of_mean_distances(spread: float) -> None:
    rng = np.random.default_rng(0)
    near, nearer, one, other = rng.standard_normal((4, 4000, 8))
    found = variety(spread * one, spread * other, near, nearer)
    assert found.low <= found.value <= found.high
    assert found.value == pytest.approx(spread, rel=0.05)
    assert found.high - found.low < 0.05 * (spread + 0.1)


def test_variety_of_few_or_of_sounds_that_are_all_the_same_is_refused() -> None:
    clouds = np.random.default_rng(0).standard_normal((4, 7, 3))
    with pytest.raises(TooFew, match="variety needs at least 8 pairs"):
        variety(*clouds)
    same = np.ones((9, 3))
    with pytest.raises(ValueError, match="all pairs of real sounds are the same"):
        variety(same, 2 * same, same, same)
    assert math.isclose(variety(same, same, same, 2 * same).value, 0.0)
