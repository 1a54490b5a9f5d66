"""Sounds that lie near each other in what can be asked for: retrieval, and variety where everything is asked for."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from soundloom.conditions.schema import Category, Scalar, Schema, Value
from soundloom.metrics.estimate import Estimate, TooFew
from soundloom.metrics.intervals import around

Rows = Sequence[Mapping[str, Value | None]]
FEWEST = 8  # of each side


class Places:
    """Where labelled sounds lie by the sliders of a schema; those that lack one are nowhere.

    Raises:
        TooFew: no sound has all sliders.
    """

    def __init__(self, labels: Rows, schema: Schema) -> None:
        self.sliders = [each.name for each in schema.conditions if isinstance(each, Scalar) and each.measured]
        self.categories = [each.name for each in schema.conditions if isinstance(each, Category)]
        whole = [all(row.get(name) is not None for name in self.sliders) for row in labels]
        self.sounds = np.flatnonzero(whole)  # that have a place
        if not len(self.sounds):
            raise TooFew("the nearest sound", 0, 1, "labelled sounds")
        self.labels = [labels[int(sound)] for sound in self.sounds]
        self.table = np.array([self._place(row) for row in self.labels])
        self.kinds = np.array([self._kind(row) for row in self.labels], dtype=object)

    def distances(self, row: Mapping[str, Value | None]) -> np.ndarray:
        """From a whole row to each sound: Euclidean; infinite to those of other categories, if there are any of its."""
        far = np.linalg.norm(self.table - self._place(row), axis=1)
        alike = np.equal(self.kinds, np.array(self._kind(row), dtype=object)).all(axis=1)
        return np.where(alike, far, np.inf) if alike.any() else far

    def nearest_values(self, name: str, requests: Rows) -> np.ndarray:
        """What the sound nearest to each whole request has of a slider, (request,)."""
        column = self.table[:, self.sliders.index(name)]
        return np.array([column[int(self.distances(row).argmin())] for row in requests])

    def neighbours(self, count: int) -> list[tuple[int, int]]:
        """Pairs of sounds: each with the nearest others of the same categories, at most `count` of them."""
        pairs = []
        for place, row in enumerate(self.labels):
            far = self.distances(row)
            far[place] = np.inf
            near = [other for other in np.argsort(far)[:count] if math.isfinite(far[other])]
            pairs += [(int(self.sounds[place]), int(self.sounds[other])) for other in near]
        return pairs

    def _place(self, row: Mapping[str, Value | None]) -> list[float]:
        return [float(row[name] or 0.0) for name in self.sliders]

    def _kind(self, row: Mapping[str, Value | None]) -> list[Value | None]:
        return [row.get(name) for name in self.categories]


def variety(one: np.ndarray, other: np.ndarray, near: np.ndarray, nearer: np.ndarray) -> Estimate:
    """How far two sounds lie apart that were asked for in the same words, against two real sounds that are alike.

    Args:
        one: embeddings (pair, feature) of sounds.
        other: of sounds that were asked for as those.
        near: of real sounds (real pair, feature).
        nearer: of real sounds whose labels are much the same.

    Returns:
        A ratio of mean distances; its interval counts pairs as independent.

    Raises:
        TooFew: fewer than 8 pairs on a side.
        ValueError: the real pairs do not differ.
    """
    made, real = (np.linalg.norm(left - right, axis=1) for left, right in ((one, other), (near, nearer)))
    for pairs in (made, real):
        if len(pairs) < FEWEST:
            raise TooFew("variety", len(pairs), FEWEST, "pairs")
    if not real.any():
        raise ValueError("variety: all pairs of real sounds are the same; give sounds that differ, or leave it out")
    ratio = float(made.mean() / real.mean())
    errors = [pairs.std(ddof=1) / math.sqrt(len(pairs)) for pairs in (made, real)]
    return around(ratio, math.hypot(errors[0], ratio * errors[1]) / float(real.mean()), lowest=0.0)
