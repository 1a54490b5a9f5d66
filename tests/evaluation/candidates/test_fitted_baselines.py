"""Fitted baselines: from the training set alone, reproducible by seed, and what they claim to be."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from soundloom.evaluation.candidates.fitted_baselines import COMPONENTS, FITS
from soundloom.representations import build
from sounds import RATE

MEL = {"kind": "mel", "sample_rate": RATE, "bands": 32, "n_fft": 512, "hop": 256}


@pytest.fixture(scope="module")
def fitted(data):
    return {name: FITS[name](data.training, build(MEL)) for name in ("pca", "mixture", "nearest")}


def sounds(baseline, count=8, seed=3):
    return np.stack(list(baseline.sounds(count, seed)))


@pytest.mark.parametrize("name", ["pca", "mixture", "nearest"])
def test_the_same_seed_gives_the_same_sounds_and_another_seed_others(fitted, data, name):
    first = sounds(fitted[name])
    assert first.shape == (8, data.training.samples)
    assert np.array_equal(first, sounds(fitted[name]))
    assert not np.array_equal(first, sounds(fitted[name], seed=4))


@pytest.mark.parametrize("name", ["pca", "mixture"])
def test_a_fit_does_not_depend_on_when_it_is_made(fitted, data, name):
    again = FITS[name](data.training, build(MEL))
    assert np.allclose(sounds(fitted[name], 2), sounds(again, 2), atol=1e-4)


@pytest.mark.parametrize("name", ["pca", "mixture"])
def test_the_mean_spectrogram_is_that_of_the_training_set(fitted, data, name):
    real = build(MEL).encode(torch.from_numpy(data.training.audio(slice(None))))[:, 0].numpy()
    made = fitted[name]
    rng = np.random.default_rng(0)
    scores = made.mixture.means_[rng.choice(len(made.mixture.weights_), 20000, p=made.mixture.weights_)]
    mean = made.pca.inverse_transform(scores.mean(axis=0, keepdims=True)).reshape(made.shape)
    assert np.abs(mean - real.mean(axis=0)).max() < 0.05 * real.std()


def test_a_mixture_has_more_gaussians_than_pca_has(fitted):
    assert len(fitted["pca"].mixture.weights_) == 1
    assert len(fitted["mixture"].mixture.weights_) == COMPONENTS
    assert fitted["pca"].parameters < fitted["mixture"].parameters


def test_the_parameters_are_all_numbers_that_a_fit_keeps(fitted):
    made = fitted["pca"]
    mixture = made.mixture.means_.size + len(made.pca.components_) * (len(made.pca.components_) + 1) // 2 + 1
    assert made.parameters == made.pca.components_.size + made.pca.mean_.size + mixture


def test_nearest_gives_training_clips_without_repeats_as_long_as_they_last(fitted, data):
    clips = {clip.tobytes() for clip in data.training.audio(slice(None))[:, 0]}
    count = len(data.training)
    drawn = [sound.tobytes() for sound in fitted["nearest"].sounds(count + 5, seed=0)]
    assert set(drawn) <= clips
    assert len(set(drawn[:count])) == len(clips)


def test_a_handful_of_clips_is_enough_for_every_baseline(data):
    few = data.training.subset(slice(0, 3))
    for name in ("pca", "mixture", "nearest"):
        assert np.isfinite(sounds(FITS[name](few, build(MEL)), 4)).all()
