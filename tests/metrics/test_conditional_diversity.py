"""The label space and conditional diversity, against cases counted by hand and closed forms."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pytest

from soundloom.conditions.schema import Category, Measured, Scalar, Schema, Value
from soundloom.metrics.coherence import at_levels
from soundloom.metrics.conditional_diversity import LabelSpace, conditional_diversity
from soundloom.metrics.estimate import TooFew

KNOTS = (0.0, 1.0)
SCHEMA = Schema(
    (
        Category("kind", ("kick", "snare")),
        Scalar("brightness", KNOTS, measured=Measured(0.0, 100.0)),
        Scalar("depth", KNOTS, measured=Measured(0.0, 100.0)),
    )
)


def test_the_nearest_sound_is_one_of_the_same_kind() -> None:
    labels: list[Mapping[str, Value | None]] = [
        {"kind": "kick", "brightness": 0.1, "depth": 0.9},
        {"kind": "kick", "brightness": 0.4, "depth": 0.9},
        {"kind": "snare", "brightness": 0.5, "depth": 0.5},
        {"kind": "snare", "brightness": None, "depth": 0.5},
    ]
    space, requests = LabelSpace(labels, SCHEMA), at_levels("brightness", [{"kind": "kick", "depth": 0.9}])
    np.testing.assert_array_equal(space.nearest_values("brightness", requests), [0.1, 0.4, 0.4])
    np.testing.assert_array_equal(space.nearest_values("depth", requests), [0.9, 0.9, 0.9])
    unknown = [{**row, "kind": "gong"} for row in requests]  # no sound is of this kind: all are searched
    np.testing.assert_array_equal(space.nearest_values("brightness", unknown), [0.1, 0.4, 0.4])


def test_neighbours_are_of_one_kind_and_not_the_sound_itself() -> None:
    labels = [
        {"kind": "kick", "brightness": 0.0, "depth": 0.0},
        {"kind": "snare", "brightness": 0.0, "depth": 0.0},
        {"kind": "kick"},
        {"kind": "kick", "brightness": 0.3, "depth": 0.0},
        {"kind": "kick", "brightness": 0.4, "depth": 0.0},
    ]
    found = LabelSpace(labels, SCHEMA).neighbours(1)
    assert found == [(0, 3), (3, 4), (4, 3)]  # the snare has no neighbour, and the third sound lacks a slider
    assert len(LabelSpace(labels, SCHEMA).neighbours(5)) == 6


def test_a_label_space_without_a_labelled_sound_is_refused() -> None:
    with pytest.raises(TooFew, match="labelled sounds"):
        LabelSpace([{"depth": 0.5}], SCHEMA)


@pytest.mark.parametrize("spread", [0.0, 0.5, 1.0, 2.0])
def test_conditional_diversity_is_the_ratio_of_mean_distances(spread: float) -> None:
    rng = np.random.default_rng(0)
    one, other, near, nearer = rng.standard_normal((4, 4000, 8))
    found = conditional_diversity((spread * one, spread * other), (near, nearer))
    assert found.low <= found.value <= found.high
    assert found.value == pytest.approx(spread, rel=0.05)
    assert found.high - found.low < 0.05 * (spread + 0.1)


def test_conditional_diversity_of_few_or_of_sounds_that_are_all_the_same_is_refused() -> None:
    clouds = np.random.default_rng(0).standard_normal((4, 7, 3))
    with pytest.raises(TooFew, match="conditional diversity needs at least 8 pairs"):
        conditional_diversity((clouds[0], clouds[1]), (clouds[2], clouds[3]))
    same = np.ones((9, 3))
    with pytest.raises(ValueError, match="all pairs of real sounds are the same"):
        conditional_diversity((same, 2 * same), (same, same))
    assert math.isclose(conditional_diversity((same, same), (same, 2 * same)).value, 0.0)
