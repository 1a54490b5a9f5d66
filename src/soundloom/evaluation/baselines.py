"""Baselines that can be named like models: what any network has to beat.

`baseline:pca`      principal components of the spectrogram, one Gaussian
`baseline:mixture`  the same components, a mixture of 20 Gaussians; stronger than most networks trained for minutes
`baseline:nearest`  clips of the training set themselves: the best distances, and nothing new
`baseline:course`   the network of the lecture's course, trained on the same data: see `contenders.py`

Principal components as a generative model: Tipping & Bishop 1999, https://doi.org/10.1111/1467-9868.00196
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np

from soundloom.data.clips import ClipStore, evenly
from soundloom.runtime.generators import generator

DIMENSIONS = 64
COMPONENTS = 20
STUDIED = 8192  # clips that are fitted to, at most, evenly spread
REGULARISATION = 1e-3  # of the mean variance of a component
PREFIX = "baseline:"
NAMES = ("pca", "mixture", "nearest", "course")


class Baseline(Protocol):
    """Makes clips (sample,) from its own fit of the training set."""

    parameters: int

    def sounds(self, count: int, seed: int) -> Iterator[np.ndarray]: ...


class Linear:
    """Spectrograms from `DIMENSIONS` principal components, whose scores are drawn from Gaussians."""

    def __init__(self, training: ClipStore, representation: Any, components: int, seed: int = 0) -> None:
        """Fit to the clips of the training set, seen as `representation`, at its rate.

        Args:
            components: Gaussians of the mixture; 1 is plain PCA.
        """
        import torch
        from sklearn.decomposition import PCA
        from sklearn.mixture import GaussianMixture

        chosen = evenly(len(training), STUDIED)
        parts = []
        for at in range(0, len(chosen), 64):
            audio = torch.from_numpy(training.audio(chosen[at : at + 64]))
            parts.append(representation.encode(audio)[:, 0].numpy())
        x = np.concatenate(parts)
        self.representation, self.shape, self.samples = representation, x.shape[1:], training.samples
        flat = x.reshape(len(x), -1)
        dimensions = max(1, min(DIMENSIONS, len(x) - 1))
        self.pca = PCA(dimensions, svd_solver="randomized", random_state=seed).fit(flat)
        scores = self.pca.transform(flat)
        used = max(1, min(components, len(x) // 24))
        self.mixture = GaussianMixture(
            used, random_state=seed, reg_covar=REGULARISATION * float(scores.var(axis=0).mean()) + 1e-12
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # not converged after 100 rounds is near enough to draw from
            self.mixture.fit(scores.astype(np.float64))
        self.factors = np.linalg.cholesky(self.mixture.covariances_)
        self.parameters = self.pca.components_.size + flat.shape[1] + used * (dimensions * (dimensions + 3) // 2 + 1)

    def sounds(self, count: int, seed: int) -> Iterator[np.ndarray]:
        import torch

        for index in range(count):
            rng = generator(seed, index, "baseline")
            weights = torch.from_numpy(self.mixture.weights_)
            component = int(torch.multinomial(weights, 1, generator=rng))
            drawn = torch.randn(len(self.pca.components_), generator=rng).numpy().astype(np.float64)
            scores = self.mixture.means_[component] + self.factors[component] @ drawn
            x = self.pca.inverse_transform(scores[None]).astype(np.float32).reshape(1, 1, *self.shape)
            yield self.representation.decode(torch.from_numpy(x), rng)[0, 0, : self.samples].numpy()


class Nearest:
    """Clips of the training set, drawn without repeats as long as they last."""

    parameters = 0

    def __init__(self, training: ClipStore) -> None:
        self.training = training

    def sounds(self, count: int, seed: int) -> Iterator[np.ndarray]:
        rng = np.random.default_rng([seed, 1])
        drawn = np.concatenate([rng.permutation(len(self.training)) for _ in range(-(-count // len(self.training)))])
        for index in drawn[:count]:
            yield self.training.audio([int(index)])[0, 0]


def fit(name: str, training: ClipStore, representation: Any) -> Baseline:
    """A baseline by its name without the prefix, fitted to clips at the rate of `representation`."""
    if name == "nearest":
        return Nearest(training)
    assert name in ("pca", "mixture"), name
    return Linear(training, representation, COMPONENTS if name == "mixture" else 1)
