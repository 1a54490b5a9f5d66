"""Conditions in the form that the networks take."""

from __future__ import annotations

import math

import pytest
import torch
from gans import LABELS, batch_of, gan_of

from soundloom.conditions.schema import Scalar, Schema
from soundloom.systems.drumgan.controls import Controls


def controls_of(**requested: str | float) -> list[float]:
    return Controls(LABELS)(torch.from_numpy(LABELS.encode(requested))[None])[0].tolist()


def test_a_slider_becomes_its_position_in_the_trained_range_whatever_the_knots() -> None:
    for value in (0.0, 3.0, 10.0, 55.0, 100.0):
        assert controls_of(kind="thump", brightness=value) == pytest.approx([0, 1, 1, value / 50 - 1, 1], abs=1e-6)


def test_an_unknown_condition_is_all_zeros() -> None:
    assert controls_of() == [0, 0, 0, 0, 0]


def test_a_slider_with_a_single_value_is_known() -> None:
    schema = Schema((Scalar("brightness", (5.0,)),))
    assert Controls(schema)(torch.from_numpy(schema.encode({"brightness": 5.0}))[None]).tolist() == [[-1, 1]]


def test_a_perfect_estimate_costs_nothing_and_a_constant_one_the_entropy_of_chance() -> None:
    controls, rows = Controls(LABELS), torch.tensor([[1.0, 0, 1, 0.6, 1], [0, 1, 1, -0.2, 1]])
    positions = (rows[:, 3] + 1) / 2
    perfect = torch.stack((40 * rows[:, 0], 40 * rows[:, 1], torch.logit(positions)), dim=1)
    assert [float(loss) for loss in controls.estimation_loss(perfect, rows)] == pytest.approx([0, 0], abs=1e-6)
    categories, scalars = controls.estimation_loss(torch.zeros(2, 3), rows)
    assert categories == pytest.approx(math.log(2))
    assert scalars == pytest.approx(float((positions - 0.5).square().mean()))


def test_an_unknown_condition_costs_nothing() -> None:
    categories, scalars = Controls(LABELS).estimation_loss(torch.randn(3, 3), torch.zeros(3, 5))
    assert (float(categories), float(scalars)) == (0, 0)


def test_a_schema_without_conditions_has_no_controls() -> None:
    controls = Controls(Schema())
    assert controls(torch.zeros(2, 0)).shape == (2, 0)
    assert [float(loss) for loss in controls.estimation_loss(torch.zeros(2, 0), torch.zeros(2, 0))] == [0, 0]


def test_known_sliders_are_randomised_and_categories_and_unknown_sliders_are_not() -> None:
    gan = gan_of()
    batch = batch_of(gan, rows=8)
    before = gan.controls(batch.conditions)
    before[3, 3:] = 0.0  # unknown
    after = gan.controls.randomised(before, batch, 1.0, "test")
    assert torch.equal(after[:, [0, 1, 2, 4]], before[:, [0, 1, 2, 4]])
    assert (after[:, 3] != before[:, 3]).tolist() == [True] * 3 + [False] + [True] * 4
    assert after[:, 3].abs().max() <= 1
    assert torch.equal(gan.controls.randomised(before, batch, 0.0, "test"), before)


def test_a_search_may_change_only_the_sliders_that_were_not_requested() -> None:
    controls = Controls(LABELS)
    assert controls.free({}).tolist() == [0, 0, 0, 1, 0]
    assert controls.free({"brightness": 3.0}).tolist() == [0, 0, 0, 0, 0]
