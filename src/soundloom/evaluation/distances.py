"""The figures that compare two sets of sounds in one embedding."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from soundloom.evaluation.results import Better
from soundloom.metrics.bins import Bins, jensen_shannon, ndb
from soundloom.metrics.estimate import Estimate
from soundloom.metrics.frechet import frechet_infinite
from soundloom.metrics.kernels import kad, kid
from soundloom.metrics.neighbours import density_and_coverage, diversity

FRECHET_SOUNDS = 2000  # of each side, at most: more change the limit little and take much longer


class Distance(NamedTuple):
    """One figure of one set against the reference."""

    name: str
    better: Better
    estimate: Estimate
    unit: str = ""


Measure = Callable[[np.ndarray, np.ndarray], list[Distance]]  # of reference and other, both (sound, feature)


def distances(
    reference: np.ndarray, other: np.ndarray, bins: Bins | None, unavailable: Callable[[ValueError], None]
) -> Iterator[Distance]:
    """All figures of embeddings `other` against `reference`, both (sound, feature).

    Args:
        reference: of held-out sounds.
        other: of the sounds that are evaluated.
        bins: of the training set, for NDB and JS; None leaves these two out.
        unavailable: called with the error of each figure that cannot be computed.
    """
    figures: list[Measure] = [
        _kid,
        _kad,
        _frechet,
        _density_and_coverage,
        _diversity,
    ]
    if bins is not None:
        figures += [partial(_ndb, bins), partial(_jensen_shannon, bins)]
    for figure in figures:
        try:
            with threadpool_limits(1, user_api="blas"):  # threads that wait for each other take 20 times as long
                found = figure(reference, other)
        except ValueError as error:
            unavailable(error)
        else:
            yield from found


def _kid(reference: np.ndarray, other: np.ndarray) -> list[Distance]:
    return [Distance("KID", "lower", kid(reference, other), "x 1000")]


def _kad(reference: np.ndarray, other: np.ndarray) -> list[Distance]:
    return [Distance("KAD", "lower", kad(reference, other), "x 1000")]


def _frechet(reference: np.ndarray, other: np.ndarray) -> list[Distance]:
    limit = frechet_infinite(reference[:FRECHET_SOUNDS], other[:FRECHET_SOUNDS])
    return [Distance("Frechet, n to infinity", "lower", limit)]


def _density_and_coverage(reference: np.ndarray, other: np.ndarray) -> list[Distance]:
    density, coverage = density_and_coverage(reference, other)
    return [Distance("density", "one", density), Distance("coverage", "higher", coverage)]


def _diversity(reference: np.ndarray, other: np.ndarray) -> list[Distance]:
    return [Distance("diversity", "one", diversity(reference, other))]


def _ndb(bins: Bins, reference: np.ndarray, other: np.ndarray) -> list[Distance]:
    return [Distance("NDB", "lower", ndb(bins, reference, other))]


def _jensen_shannon(bins: Bins, reference: np.ndarray, other: np.ndarray) -> list[Distance]:
    return [Distance("JS", "lower", jensen_shannon(bins, reference, other))]
