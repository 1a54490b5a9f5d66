"""Conditional diversity: how much two sounds differ that were generated from the same complete request.

The scale is real: pairs of training sounds with nearly the same labels. The same label space gives a retrieval
baseline, the training sound whose labels are nearest to a request.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from soundloom.conditions.schema import Category, Scalar, Schema, Value
from soundloom.metrics.estimate import Estimate, TooFew
from soundloom.metrics.intervals import around

Rows = Sequence[Mapping[str, Value | None]]
FEWEST = 8  # of each side


class LabelSpace:
    """Labelled sounds as points, one axis for each slider of a schema; sounds that lack one are left out.

    Raises:
        TooFew: no sound has all sliders.
    """

    def __init__(self, labels: Rows, schema: Schema) -> None:
        self.sliders = [each.name for each in schema.conditions if isinstance(each, Scalar) and each.measured]
        self.categories = [each.name for each in schema.conditions if isinstance(each, Category)]
        whole = [all(row.get(name) is not None for name in self.sliders) for row in labels]
        self.sounds = np.flatnonzero(whole)  # that have all sliders
        if not len(self.sounds):
            raise TooFew("the nearest sound", 0, 1, "labelled sounds")
        self.labels = [labels[int(sound)] for sound in self.sounds]
        self.table = np.array([self._point(row) for row in self.labels])
        self.kinds = np.array([self._kind(row) for row in self.labels], dtype=object)

    def distances(self, row: Mapping[str, Value | None]) -> np.ndarray:
        """Euclidean distances from a complete row to each sound; infinite to sounds of other categories.

        If no sound has the row's categories, categories are ignored.
        """
        far = np.linalg.norm(self.table - self._point(row), axis=1)
        same = np.equal(self.kinds, np.array(self._kind(row), dtype=object)).all(axis=1)
        return np.where(same, far, np.inf) if same.any() else far

    def nearest_values(self, name: str, requests: Rows) -> np.ndarray:
        """The value of a slider in the sound nearest to each complete request, (request,)."""
        column = self.table[:, self.sliders.index(name)]
        return np.array([column[int(self.distances(row).argmin())] for row in requests])

    def neighbours(self, count: int) -> list[tuple[int, int]]:
        """Pairs of sounds: each with its nearest others of the same categories, at most `count` of them."""
        pairs = []
        for place, row in enumerate(self.labels):
            far = self.distances(row)
            far[place] = np.inf
            near = [other for other in np.argsort(far)[:count] if math.isfinite(far[other])]
            pairs += [(int(self.sounds[place]), int(self.sounds[other])) for other in near]
        return pairs

    def _point(self, row: Mapping[str, Value | None]) -> list[float]:
        return [float(row[name] or 0.0) for name in self.sliders]

    def _kind(self, row: Mapping[str, Value | None]) -> list[Value | None]:
        return [row.get(name) for name in self.categories]


def conditional_diversity(generated: tuple[np.ndarray, np.ndarray], real: tuple[np.ndarray, np.ndarray]) -> Estimate:
    """Mean distance between two sounds from the same request, divided by that between two real sounds alike in labels.

    Args:
        generated: embeddings of both sounds of each pair, each (pair, feature).
        real: embeddings of both real sounds of each pair, each (real pair, feature).

    Returns:
        A ratio of mean distances; its interval counts pairs as independent.

    Raises:
        TooFew: fewer than 8 pairs on a side.
        ValueError: the real pairs do not differ.
    """
    ours, theirs = (np.linalg.norm(first - second, axis=1) for first, second in (generated, real))
    for pairs in (ours, theirs):
        if len(pairs) < FEWEST:
            raise TooFew("conditional diversity", len(pairs), FEWEST, "pairs")
    if not theirs.any():
        raise ValueError(
            "conditional diversity: all pairs of real sounds are the same; give sounds that differ, or leave it out"
        )
    ratio = float(ours.mean() / theirs.mean())
    errors = [pairs.std(ddof=1) / math.sqrt(len(pairs)) for pairs in (ours, theirs)]
    return around(ratio, math.hypot(errors[0], ratio * errors[1]) / float(theirs.mean()), lowest=0.0)
