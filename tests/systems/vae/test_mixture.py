"""The prior of codes: its draws have the moments of the fitted codes, and conditions select them."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from soundloom.conditions.schema import Category, Scalar, Schema
from soundloom.runtime.generators import generator
from soundloom.systems.vae.mixture import ConditionalMixture

KIND = Schema((Category("kind", ("low", "high")),))
PITCH = Schema((Scalar("pitch", (0.0, 1.0)),))


def draw(mixture: ConditionalMixture, row: Tensor, count: int, smoothing: float = 1.0) -> Tensor:
    """Codes as the system draws them, (count, code)."""
    codes = []
    for index in range(count):
        rng = generator(1, index)
        place = mixture.place(row, rng, smoothing=smoothing)
        codes.append(place.centre + place.factor @ torch.randn(len(place.centre), generator=rng))
    return torch.stack(codes)


def two_clusters(count: int = 600) -> Tensor:
    """Codes in a round cluster at (2, 0, 0) and, a quarter of them, in a correlated cluster at (-2, 1, 0)."""
    generator = torch.Generator().manual_seed(0)
    codes = torch.randn(count, 3, generator=generator)
    second = torch.arange(count) % 4 == 0
    correlated = codes @ torch.tensor([[0.3, 0.2, 0.0], [0.0, 0.3, 0.1], [0.0, 0.0, 0.2]])
    round_ones = 0.5 * codes + torch.tensor([2.0, 0.0, 0.0])
    return torch.where(second[:, None], correlated + torch.tensor([-2.0, 1.0, 0.0]), round_ones)


@pytest.mark.parametrize("smoothing", [0.0, 0.6, 1.0])
def test_draws_have_the_mean_and_the_covariance_of_the_codes(smoothing: float) -> None:
    codes = two_clusters()
    mixture = ConditionalMixture(3, 4, Schema())
    mixture.fit(codes, torch.zeros(len(codes), 0))
    drawn = draw(mixture, torch.zeros(0), 3000, smoothing)
    torch.testing.assert_close(drawn.mean(dim=0), codes.mean(dim=0), rtol=0, atol=0.15)
    torch.testing.assert_close(torch.cov(drawn.T), torch.cov(codes.T), rtol=0.1, atol=0.1)
    assert (drawn[:, 0] < 0).float().mean() == pytest.approx(0.25, abs=0.03)  # both clusters, in their proportions
    assert ((drawn[:, 0] > -0.8) & (drawn[:, 0] < 0.4)).float().mean() < 0.01  # and nothing between them


def test_the_weights_sum_to_1_and_the_spread_is_that_of_the_codes() -> None:
    codes = two_clusters()
    mixture = ConditionalMixture(3, 4, Schema())
    mixture.fit(codes, torch.zeros(len(codes), 0))
    assert float(mixture.shares.sum()) == pytest.approx(1, abs=1e-5)
    torch.testing.assert_close(mixture.spread, codes.std(dim=0))


def test_draws_are_training_codes_without_smoothing_and_never_with_it() -> None:
    codes = two_clusters(60)
    mixture = ConditionalMixture(3, 4, Schema())
    mixture.fit(codes, torch.zeros(len(codes), 0))
    apart = torch.cdist(draw(mixture, torch.zeros(0), 200, smoothing=0.0), codes).amin(dim=1)
    assert apart.max() < 1e-5
    assert torch.cdist(draw(mixture, torch.zeros(0), 200, smoothing=0.6), codes).amin(dim=1).min() > 1e-3


def test_draws_start_at_sounds_that_fit_the_conditions() -> None:
    # one code for each pitch, without a linear relation
    codes = torch.randn(24, 4, generator=torch.Generator().manual_seed(0))
    schema = Schema((Scalar("pitch", tuple(float(pitch) for pitch in range(24))), Category("kind", ("low", "high"))))
    rows = [{"pitch": float(pitch), "kind": ("low", "high")[pitch % 2]} for pitch in range(24)]
    mixture = ConditionalMixture(4, 1, schema)
    mixture.fit(codes, torch.stack([torch.from_numpy(schema.encode(row)) for row in rows]))
    drawn = [
        mixture.place(torch.from_numpy(schema.encode(rows[12])), generator(0, index), smoothing=0.0)
        for index in range(200)
    ]
    starts = [
        int(
            (mixture.rest + 0)
            .sub(place.centre - mixture.slope @ torch.from_numpy(schema.encode(rows[12])))
            .norm(dim=1)
            .argmin()
        )
        for place in drawn
    ]
    assert {index % 2 for index in starts} == {0}  # of the requested kind
    assert max(abs(index - 12) for index in starts) <= 6  # and near the pitch


def test_temperature_0_draws_the_mean_of_the_heaviest_component() -> None:
    codes = two_clusters()
    mixture = ConditionalMixture(3, 2, Schema())
    mixture.fit(codes, torch.zeros(len(codes), 0))
    centres = torch.stack([mixture.place(torch.zeros(0), generator(0, i), 0.0, 0.6).centre for i in range(20)])
    torch.testing.assert_close(centres, mixture.means[mixture.shares.argmax()].expand(20, 3))


def test_a_category_moves_the_mean_of_the_codes() -> None:
    generator = torch.Generator().manual_seed(0)
    high = torch.arange(400) % 2 == 1
    codes = 0.3 * torch.randn(400, 4, generator=generator) + torch.where(high, 3.0, -3.0)[:, None]
    rows = torch.stack([torch.from_numpy(KIND.encode({"kind": "high" if it else "low"})) for it in high])
    mixture = ConditionalMixture(4, 3, KIND)
    mixture.fit(codes, rows)
    for kind, centre in (("low", -3.0), ("high", 3.0)):
        drawn = draw(mixture, torch.from_numpy(KIND.encode({"kind": kind})), 300)
        assert (drawn.mean(dim=0) - centre).abs().max() < 0.2
        assert drawn.std(dim=0) == pytest.approx(torch.full((4,), 0.3), rel=0.2)


def test_a_category_selects_clusters_that_have_the_same_mean() -> None:
    # "low" is always at the centre, "high" at +3 or -3: both have mean 0, so only the weights differ
    generator = torch.Generator().manual_seed(0)
    centres = torch.tensor([0.0, 3.0, 0.0, -3.0])[torch.arange(600) % 4]
    codes = 0.3 * torch.randn(600, 2, generator=generator) + centres[:, None]
    rows = torch.stack([torch.from_numpy(KIND.encode({"kind": ("low", "high")[it % 2]})) for it in range(600)])
    mixture = ConditionalMixture(2, 3, KIND)
    mixture.fit(codes, rows)
    assert draw(mixture, rows[0], 300).abs().mean(dim=1).lt(1.5).float().mean() > 0.97
    assert draw(mixture, rows[1], 300).abs().mean(dim=1).gt(1.5).float().mean() > 0.97


def test_a_scalar_moves_the_codes_along_the_line_of_the_training_set() -> None:
    generator = torch.Generator().manual_seed(0)
    pitch = torch.rand(500, generator=generator)
    codes = 0.1 * torch.randn(500, 2, generator=generator) + torch.stack((4 * pitch, -pitch), dim=1)
    rows = torch.stack([torch.from_numpy(PITCH.encode({"pitch": float(value)})) for value in pitch])
    mixture = ConditionalMixture(2, 1, PITCH)
    mixture.fit(codes, rows)
    for value in (0.1, 0.5, 0.9):
        drawn = draw(mixture, torch.from_numpy(PITCH.encode({"pitch": value})), 200)
        torch.testing.assert_close(drawn.mean(dim=0), torch.tensor([4 * value, -value]), rtol=0, atol=0.1)


@pytest.mark.parametrize("clips", [1, 2, 3, 19])
def test_fewer_clips_than_components_are_enough(clips: int) -> None:
    codes = torch.randn(clips, 5, generator=torch.Generator().manual_seed(0))
    rows = torch.from_numpy(KIND.encode({"kind": "low"})).repeat(clips, 1)
    mixture = ConditionalMixture(5, 20, KIND)
    mixture.fit(codes, rows)
    drawn = draw(mixture, rows[0], 200)
    assert drawn.isfinite().all()
    near = codes.std(dim=0, correction=0) + 0.5
    assert ((drawn.mean(dim=0) - codes.mean(dim=0)).abs() < near).all()
    assert mixture.spread.isfinite().all()


def test_equal_codes_can_be_fitted() -> None:
    mixture = ConditionalMixture(3, 4, Schema())
    mixture.fit(torch.full((60, 3), 2.0), torch.zeros(60, 0))
    torch.testing.assert_close(draw(mixture, torch.zeros(0), 20), torch.full((20, 3), 2.0), rtol=0, atol=1e-2)


def test_before_it_is_fitted_it_is_the_standard_normal_prior() -> None:
    drawn = draw(ConditionalMixture(4, 3, KIND), torch.zeros(KIND.width), 2000)
    torch.testing.assert_close(drawn.mean(dim=0), torch.zeros(4), rtol=0, atol=0.12)
    torch.testing.assert_close(torch.cov(drawn.T), torch.eye(4), rtol=0, atol=0.15)
