"""The band network starts as the principal components of its training set, by scikit-learn's measure."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from torch import Tensor

from soundloom.systems.vae.network import BandNetwork, padded_frames

BANDS, FRAMES, LATENT, CONDITIONS = 12, 13, 6, 3


def network(latent: int = LATENT, conditions: int = CONDITIONS) -> BandNetwork:
    torch.manual_seed(0)
    return BandNetwork(BANDS, FRAMES, latent, (8, 8, 8, 8), 1, conditions)


def spectra(count: int = 120) -> Tensor:
    """Spectra with strong and weak directions, as real ones have, (clip, frequency, frame)."""
    rng = np.random.default_rng(0)
    strengths = 2.0 ** -np.arange(20)
    axes = rng.standard_normal((20, BANDS * FRAMES)) / 10
    flat = 0.4 + rng.standard_normal((count, 20)) * strengths @ axes + 0.001 * rng.standard_normal((count, 1))
    return torch.from_numpy(flat.reshape(count, BANDS, FRAMES)).float()


@torch.no_grad()
def reconstruct(made: BandNetwork, x: Tensor, conditions: Tensor) -> Tensor:
    return made.decode(made.encode(x, conditions).mean, conditions).mean


def test_it_starts_as_the_principal_components_of_the_training_set() -> None:
    x, made = spectra(), network()
    left_over = made.prepare(x)
    pca = PCA(LATENT, svd_solver="full").fit(x.flatten(1).numpy())
    for seen in (x, spectra(140)[120:]):
        flat = seen.flatten(1).numpy()
        expected = pca.inverse_transform(pca.transform(flat)).reshape(seen.shape)
        ours = reconstruct(made, seen, torch.rand(len(seen), CONDITIONS)).numpy()
        assert np.abs(ours - expected).max() < 0.02 * np.abs(flat - flat.mean()).max()
        assert ((ours - seen.numpy()) ** 2).mean() == pytest.approx(((expected - seen.numpy()) ** 2).mean(), rel=0.02)
    flat = x.flatten(1).numpy()
    missed = np.sqrt(np.mean((pca.inverse_transform(pca.transform(flat)) - flat) ** 2))
    assert left_over == pytest.approx(missed, rel=0.02)


def test_its_codes_start_with_mean_0_and_nearly_variance_1() -> None:
    x, made = spectra(), network()
    made.prepare(x)
    with torch.no_grad():
        code = made.encode(x, torch.zeros(len(x), CONDITIONS))
    torch.testing.assert_close(code.mean.mean(dim=0), torch.zeros(LATENT), rtol=0, atol=1e-3)
    torch.testing.assert_close(code.mean.var(dim=0), torch.ones(LATENT), rtol=0.02, atol=0)
    # the posterior of probabilistic PCA (Tipping & Bishop): weak directions are less certain
    flat = (x - x.mean(dim=0)).flatten(1).numpy()
    pca = PCA(LATENT, svd_solver="full").fit(flat)
    missed = np.mean((pca.inverse_transform(pca.transform(flat)) - flat) ** 2)
    expected = np.log(missed / (missed + pca.explained_variance_)).clip(min=-10)
    assert code.log_variance[0].numpy() == pytest.approx(expected, abs=0.05)


def test_its_spread_starts_as_the_residual_of_the_components() -> None:
    x, made = spectra(), network()
    left_over = made.prepare(x)
    with torch.no_grad():
        spread = made.decode(torch.zeros(1, LATENT), torch.zeros(1, CONDITIONS)).log_spread.exp()
    torch.testing.assert_close(spread, torch.full_like(spread, left_over), rtol=1e-3, atol=0)


@pytest.mark.parametrize("count", [2, 4])
def test_fewer_clips_than_dimensions_are_reconstructed_exactly(count: int) -> None:
    x, made = spectra(count), network()
    made.prepare(x)
    torch.testing.assert_close(reconstruct(made, x, torch.zeros(count, CONDITIONS)), x, rtol=0, atol=1e-3)


def test_what_augmentation_changes_in_a_single_clip_stays_of_the_size_of_the_clip() -> None:
    x, conditions = spectra(1), torch.zeros(1, CONDITIONS)
    made = network()
    made.prepare(x)
    altered = x + 0.1 * x.std() * torch.randn(x.shape, generator=torch.Generator().manual_seed(0))
    seen = (altered - made.centre) / made.scale
    assert seen.square().mean().sqrt() < 10  # ten deviations: a division by nearly nothing gives thousands
    assert torch.isfinite(made.decode(made.encode(altered, conditions).mean, conditions).mean).all()


@pytest.mark.parametrize("count", [1, 5])
def test_a_training_set_of_equal_or_silent_clips_gives_finite_numbers_and_no_warning(count: int) -> None:
    made = network()
    assert np.isfinite(made.prepare(torch.zeros(count, BANDS, FRAMES)))
    out = reconstruct(made, torch.zeros(2, BANDS, FRAMES), torch.zeros(2, CONDITIONS))
    torch.testing.assert_close(out, torch.zeros_like(out), rtol=0, atol=1e-3)


def test_a_network_without_conditions_works() -> None:
    made = network(conditions=0)
    assert reconstruct(made, spectra(3), torch.zeros(3, 0)).shape == (3, BANDS, FRAMES)


def test_frames_are_padded_to_a_multiple_of_eight() -> None:
    assert [padded_frames(frames) for frames in (1, 8, 9, 13, 16, 87)] == [8, 8, 16, 16, 16, 88]
