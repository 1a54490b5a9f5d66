import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from soundloom.systems.wavenet.linear_prediction import ORDER, Bins, LinearPrediction, moments


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=rng(seed), dtype=torch.float64)


def logistic(*shape: int, seed: int = 0) -> torch.Tensor:
    """Draws of the standard logistic distribution."""
    return torch.logit(torch.rand(shape, generator=rng(seed), dtype=torch.float64).clamp_min(1e-9))


def bins(low: torch.Tensor, width: float) -> Bins:
    """Bins of that width, as improbable otherwise as if there were as many as go from -1 to 1."""
    return Bins(low, low + width, torch.full_like(low, math.log2(2 / width)))


@settings(deadline=None, max_examples=50)
@given(
    seed=st.integers(0, 10**6), time=st.integers(1, 120), shape=st.sampled_from(["some", "beginning", "all", "none"])
)
def test_moments_are_the_sums_of_products_over_the_mask(seed, time, shape):
    audio, drawn = noise(3, time, seed=seed), torch.rand(3, time, generator=rng(seed))
    until = (drawn[:, :1] * time).long()
    mask = {"some": drawn > 0.5, "beginning": torch.arange(time) < until, "all": drawn >= 0, "none": drawn < 0}[shape]
    expected = torch.zeros(ORDER + 1, ORDER + 1, dtype=torch.float64)
    for clip, counts in zip(torch.cat([torch.zeros(3, ORDER), audio * mask], dim=1), mask, strict=True):
        for t in counts.nonzero()[:, 0]:
            window = clip[t : t + ORDER + 1]
            expected += torch.outer(window, window)
    torch.testing.assert_close(moments(audio, mask), expected, rtol=1e-9, atol=1e-9)


def test_the_weights_of_an_autoregressive_process_are_found():
    weights, audio = torch.tensor([1.2, -0.5]).double(), 0.01 * logistic(50, 2000)
    for t in range(2, audio.shape[1]):
        audio[:, t] += weights[0] * audio[:, t - 1] + weights[1] * audio[:, t - 2]
    prediction = LinearPrediction()
    prediction.solve(moments(audio, torch.ones(audio.shape, dtype=torch.bool)))
    found = prediction.coefficients.flip(0).double()
    torch.testing.assert_close(found[:2], weights, atol=0.02, rtol=0)
    assert found[2:].abs().max() < 0.02


def test_the_first_sample_is_predicted_as_silence_and_silence_as_silence():
    prediction = LinearPrediction()
    prediction.solve(moments(noise(4, 1000), torch.ones(4, 1000, dtype=torch.bool)))
    foreseen, loudness = prediction(noise(4, 50, seed=1))
    assert (foreseen[:, 0] == 0).all()
    assert (loudness[:, 0] == 0).all()
    assert all((part == 0).all() for part in prediction(torch.zeros(1, 50).double()))


def test_loudness_is_the_mean_size_of_the_last_32_residuals():
    prediction, audio = LinearPrediction(), noise(2, 200)
    prediction.solve(moments(audio, torch.ones(2, 200, dtype=torch.bool)))
    foreseen, loudness = prediction(audio)
    size = (audio - foreseen).abs()
    assert math.isclose(loudness[1, 150], size[1, 118:150].mean(), rel_tol=1e-9)
    assert math.isclose(loudness[0, 5], size[0, :5].sum() / ORDER, rel_tol=1e-9)


@pytest.mark.parametrize("width", [1e-4, 0.02])
def test_each_loudness_gets_the_scale_of_its_residuals(width):
    loudness = torch.rand(200_000, generator=rng(), dtype=torch.float64)
    scale = torch.where(loudness > 0.5, 0.05, 0.002)
    residual = scale * logistic(200_000, seed=1)
    low = (residual / width).floor() * width
    prediction = LinearPrediction()
    prediction.fit_scales(bins(low, width), torch.zeros_like(low), loudness)
    torch.testing.assert_close(prediction.steps, torch.arange(1, 16) / 16, atol=0.01, rtol=0)
    if width < 0.002:  # for bins ten times as wide as the scale, only the likelihood is informative
        torch.testing.assert_close(prediction.scales[:7], torch.full((7,), 0.002), rtol=0.05, atol=0)
    torch.testing.assert_close(prediction.scales[8:], torch.full((8,), 0.05), rtol=0.05, atol=0)


def test_an_unseen_loudness_gets_the_scale_of_the_one_below():
    low, loudness = torch.full((100,), -0.01).double(), torch.zeros(100).double()
    prediction = LinearPrediction()
    prediction.fit_scales(bins(low, 0.02), torch.zeros_like(low), loudness)
    assert len(prediction.scales.unique()) == 1


def test_an_attack_out_of_silence_does_not_decide_the_scale_of_silence():
    low, loudness = torch.full((10_000,), -1e-4).double(), torch.zeros(10_000).double()
    low[::5000] = 0.5
    prediction = LinearPrediction()
    prediction.fit_scales(bins(low, 2e-4), torch.zeros_like(low), loudness)
    assert prediction.scales[0] < 5e-5
