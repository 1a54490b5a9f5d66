"""Baselines that are fitted to the training clips in seconds: what any network should beat.

`baseline:pca`      principal components of the spectrogram with one Gaussian
`baseline:mixture`  the same components with a mixture of up to 20 Gaussians; better than many networks after minutes
`baseline:nearest`  clips of the training set themselves: the best distances, and nothing new

Principal components as a generative model: Tipping & Bishop 1999, https://doi.org/10.1111/1467-9868.00196
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

import numpy as np

from soundloom.data.clips import ClipStore, evenly
from soundloom.evaluation.candidates.protocol import Block, in_blocks
from soundloom.evaluation.monitor import Monitor
from soundloom.evaluation.results import Role
from soundloom.evaluation.terms import Terms, to_terms
from soundloom.representations.protocol import Representation
from soundloom.runtime.generators import generator

DIMENSIONS = 64
COMPONENTS = 20
FITTED = 8192  # training clips that are used, at most, evenly spread
REGULARISATION = 1e-3  # of the mean variance of a component


class Baseline(Protocol):
    """Generates clips (sample,) from its fit of the training set."""

    parameters: int

    def sounds(self, count: int, seed: int) -> Iterator[np.ndarray]: ...


class GaussianBaseline:
    """Spectrograms from `DIMENSIONS` principal components whose scores are drawn from one or more Gaussians."""

    def __init__(self, training: ClipStore, representation: Representation, components: int, seed: int = 0) -> None:
        """Fit to the clips of the training set, encoded by `representation`, at its rate.

        Args:
            components: Gaussians of the mixture; 1 is plain PCA.
        """
        import torch
        from sklearn.decomposition import PCA
        from sklearn.mixture import GaussianMixture

        chosen = evenly(len(training), FITTED)
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
            warnings.simplefilter("ignore")  # 100 iterations without convergence are close enough to draw from
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


class TrainingClips:
    """Clips of the training set, drawn without replacement for as long as they last."""

    parameters = 0

    def __init__(self, training: ClipStore) -> None:
        self.training = training

    def sounds(self, count: int, seed: int) -> Iterator[np.ndarray]:
        rng = np.random.default_rng([seed, 1])
        drawn = np.concatenate([rng.permutation(len(self.training)) for _ in range(-(-count // len(self.training)))])
        for index in drawn[:count]:
            yield self.training.audio([int(index)])[0, 0]


def fit_gaussian(training: ClipStore, representation: Representation) -> Baseline:
    return GaussianBaseline(training, representation, components=1)


def fit_mixture(training: ClipStore, representation: Representation) -> Baseline:
    return GaussianBaseline(training, representation, COMPONENTS)


def fit_nearest(training: ClipStore, representation: Representation) -> Baseline:
    return TrainingClips(training)


FITS = {"pca": fit_gaussian, "mixture": fit_mixture, "nearest": fit_nearest}


@dataclass(frozen=True)
class BaselineCandidate:
    """A baseline, fitted when its first sound is needed."""

    name: str
    method: str  # of FITS
    training: ClipStore  # at the rate of `representation`
    representation: Representation
    monitor: Monitor = field(default_factory=Monitor)
    role: Role = "baseline"
    remarks: tuple[str, ...] = ()

    @cached_property
    def fitted(self) -> Baseline:
        return FITS[self.method](self.training, self.representation)

    def blocks(self, terms: Terms) -> Iterator[Block]:
        for sounds in in_blocks(self._watched(terms)):
            yield Block(to_terms(sounds, self.representation.sample_rate, terms))

    def _watched(self, terms: Terms) -> Iterator[np.ndarray]:
        for sound in self.fitted.sounds(terms.count, terms.seed):
            self.monitor.check()
            yield sound

    def facts(self) -> dict[str, Any]:
        return {"parameters": self.fitted.parameters}
