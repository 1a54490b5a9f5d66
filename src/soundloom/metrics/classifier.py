"""The task classifier: predicts the value of a category for a sound; trained on the real training sounds.

Kernel ridge regression on one-hot labels, with a Gaussian kernel over several views of a clip. The views do not depend
on level or phase, so a sound and its reconstruction from a spectrogram are classified alike. For a sound unlike
anything in the training set, the probabilities approach the class frequencies there.

It is for evaluation only. No generator may use it as a loss, as a filter or to select checkpoints: a model optimised
against a classifier can no longer be evaluated with it.

Ridge regression in its dual form: Saunders, Gammerman & Vovk 1998. Temperature: Guo 2017, https://arxiv.org/abs/1706.04599
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from sklearn.decomposition import PCA

from soundloom.metrics.pairs import squared_distances
from soundloom.metrics.views import Views, views

LARGEST = 6000  # training clips that are used: time goes with the cube
COMPONENTS = 120  # of each view
NARROWNESS = 1.5  # of the kernel: exp(-NARROWNESS * squared distance / its median)
RIDGE = 0.1
FOLDS = 4
COLDEST, HOTTEST = 0.02, 2.0  # temperatures; the scores lie about 0 to 1


class TaskClassifier:
    """Predicts the class of one category; made by `fit`.

    Attributes:
        classes: the values that occur in the training set, in alphabetical order.
        accuracy: cross-validated accuracy on the training clips, whole groups held out at a time.
    """

    def __init__(self, classes: tuple[str, ...], rate: int, space: Space, weights: np.ndarray) -> None:
        self.classes = classes
        self.rate = rate
        self.accuracy = float("nan")
        self._space = space
        self._weights = weights
        self._temperature = 1.0
        self._shares = np.zeros(len(classes))
        self._samples = 0

    @classmethod
    def fit(
        cls,
        audio: np.ndarray,
        rate: int,
        labels: Sequence[str | None],
        seed: int = 0,
        groups: Sequence[str] | None = None,
    ) -> TaskClassifier:
        """Train on real clips.

        Args:
            audio: clips of one length, (clips, time); at most 6000 of them, drawn by the seed, are used.
            rate: Hz.
            labels: the value of each clip; clips without one (None) are left out.
            seed: draws the clips, the projections and the cross-validation folds that set the temperature.
            groups: of the clips, such as their kits: cross-validation holds out a whole group at a time, unless most
                classes lie in one group each (as when the classes are the speakers and the groups are, too). None:
                each clip is its own group.

        Raises:
            ValueError: not one label for each clip, NaN or infinity, fewer than two classes, or than two clips of one.
        """
        known = np.array([number for number, label in enumerate(labels) if label is not None], np.int64)
        if len(labels) != len(audio):
            raise ValueError(f"{len(audio)} clips but {len(labels)} labels; give one label, or None, for each clip")
        rng = np.random.default_rng(seed)
        chosen = np.sort(rng.permutation(known)[:LARGEST])
        values = np.array([str(labels[number]) for number in chosen])
        classes, codes, counts = np.unique(values, return_inverse=True, return_counts=True)
        if len(classes) < 2 or counts.min() < 2:
            raise ValueError(
                f"the labels have {len(classes)} classes, the rarest with {counts.min(initial=0)} clips; "
                f"a classifier needs at least 2 of each: leave rare values or this condition out"
            )
        clips = _checked(audio)[chosen]
        space = Space.of(views(clips, rate), seed)
        kernel = space.kernel(space.points)
        targets = np.eye(len(classes))[codes]
        weights, shares = _solve(kernel, targets)
        made = cls(tuple(str(name) for name in classes), rate, space, weights)
        made._shares, made._samples = shares, clips.shape[1]
        members = [str(number) for number in chosen]
        if groups is not None and not _one_group_each([groups[number] for number in chosen], codes):
            members = [groups[number] for number in chosen]
        made._temperature, made.accuracy = _calibrate(kernel, targets, _folds(members, rng))
        return made

    def probabilities(self, audio: np.ndarray) -> np.ndarray:
        """Probability of each class, float64 (clips, class), for clips of the length and rate of the training clips.

        Raises:
            ValueError: clips of another length, or samples that are NaN or infinite.
        """
        clips = _checked(audio)
        if clips.shape[1] != self._samples:
            raise ValueError(
                f"clips have {clips.shape[1]} samples, training clips {self._samples} at {self.rate} Hz; "
                f"cut or pad them to that length"
            )
        if not len(clips):
            return np.zeros((0, len(self.classes)))
        kernel = self._space.kernel(self._space.place(views(clips, self.rate)))
        found: np.ndarray = softmax((kernel @ self._weights + self._shares) / self._temperature, axis=1)
        return found

    def classify(self, audio: np.ndarray) -> list[str]:
        """The most likely class of each clip; see `probabilities`."""
        return [self.classes[number] for number in self.probabilities(audio).argmax(axis=1)]


class Space(NamedTuple):
    """The feature space: each view projected on its principal components, scaled to a median squared distance of 1."""

    projections: dict[str, PCA]
    scales: dict[str, np.ndarray]  # (component,) of each view
    points: np.ndarray  # the training clips, float64 (clips, components of all views)

    @classmethod
    def of(cls, seen: Views, seed: int) -> Space:
        projections, scales, parts = {}, {}, []
        for name, numbers in seen.items():
            projection = PCA(min(COMPONENTS, *numbers.shape), svd_solver="randomized", random_state=seed)
            placed = projection.fit_transform(numbers)
            # half-way to equal variances: small components separate classes, the smallest are noise
            scale = 1 / np.sqrt(np.maximum(placed.std(axis=0), 1e-6))
            some = (placed * scale)[:: max(1, len(placed) // 500)].astype(np.float64)
            distances = squared_distances(some, some)[np.triu_indices(len(some), 1)]
            scale = scale / np.sqrt(max(float(np.median(distances)), 1e-12) * len(seen))
            projections[name], scales[name] = projection, scale
            parts.append(placed * scale)
        return cls(projections, scales, np.concatenate(parts, axis=1, dtype=np.float64))

    def place(self, seen: Views) -> np.ndarray:
        """Clips in this space, (clips, components of all views)."""
        placed = [self.projections[name].transform(seen[name]) * self.scales[name] for name in self.projections]
        return np.concatenate(placed, axis=1)

    def kernel(self, points: np.ndarray) -> np.ndarray:
        """Similarity of clips to those of the training set, 0 to 1, (clips, training clips)."""
        similarity: np.ndarray = np.exp(-NARROWNESS * squared_distances(points.astype(np.float64), self.points))
        return similarity


def _solve(kernel: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ridge weights (clips, class) for what differs from the shares of the classes (class,), and these."""
    shares = targets.mean(axis=0)
    factor = cho_factor(kernel + RIDGE * np.eye(len(kernel)), lower=True)
    return cho_solve(factor, targets - shares), shares


def _calibrate(kernel: np.ndarray, targets: np.ndarray, folds: np.ndarray) -> tuple[float, float]:
    """The temperature with the lowest negative log-likelihood in cross-validation, and the accuracy there."""
    scores = np.zeros_like(targets)
    for fold in np.unique(folds):
        aside, rest = np.flatnonzero(folds == fold), np.flatnonzero(folds != fold)
        weights, shares = _solve(kernel[np.ix_(rest, rest)], targets[rest])
        scores[aside] = kernel[np.ix_(aside, rest)] @ weights + shares
    truth = targets.argmax(axis=1)

    def negative_log_likelihood(logarithm: float) -> float:
        return -float(log_softmax(scores / np.exp(logarithm), axis=1)[np.arange(len(truth)), truth].mean())

    limits = (np.log(COLDEST), np.log(HOTTEST))
    best = minimize_scalar(negative_log_likelihood, bounds=limits, method="bounded")
    return float(np.exp(best.x)), float((scores.argmax(axis=1) == truth).mean())


def _one_group_each(groups: Sequence[str], codes: np.ndarray) -> bool:
    """Whether most classes lie in one group each: holding that group out would leave no example of the class."""
    homes = [len({group for group, code in zip(groups, codes, strict=True) if code == each}) for each in set(codes)]
    return float(np.median(homes)) < 2


def _folds(groups: Sequence[str], rng: np.random.Generator) -> np.ndarray:
    """The fold of each clip: a group lies in one fold, and folds are of about equal size."""
    names, members, sizes = np.unique(np.asarray(groups), return_inverse=True, return_counts=True)
    if len(names) < FOLDS:
        return rng.permutation(len(members)) % FOLDS
    fold_of, filled = np.zeros(len(names), np.int64), np.zeros(FOLDS)
    shuffled = rng.permutation(len(names))
    for name in shuffled[np.argsort(-sizes[shuffled], kind="stable")]:
        fold_of[name] = filled.argmin()
        filled[fold_of[name]] += sizes[name]
    return fold_of[members]


def _checked(audio: np.ndarray) -> np.ndarray:
    clips = np.asarray(audio, np.float32)
    if clips.ndim != 2 or not clips.shape[1]:
        raise ValueError(f"audio has shape {clips.shape}; clips are (clips, time), one channel and at least one sample")
    if not np.isfinite(clips).all():
        raise ValueError(f"{int((~np.isfinite(clips)).any(axis=1).sum())} clips hold NaN or infinity; leave them out")
    return clips
