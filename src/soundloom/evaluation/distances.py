"""The figures that compare two sets of sounds in one embedding; what cannot be had is said and left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from soundloom.metrics.bins import Bins, jensen_shannon, ndb
from soundloom.metrics.estimate import Estimate
from soundloom.metrics.frechet import frechet_infinite
from soundloom.metrics.kernels import kad, kid
from soundloom.metrics.neighbours import density_and_coverage, diversity

Better = Literal["lower", "higher", "one"]
FRECHET_SOUNDS = 2000  # of each side, at most: more change the limit little and cost much


class Distance(NamedTuple):
    """One figure of one set against the reference."""

    name: str
    better: Better
    estimate: Estimate


def distances(
    reference: np.ndarray, other: np.ndarray, bins: Bins | None, missing: Callable[[ValueError], None]
) -> Iterator[Distance]:
    """All figures of embeddings `other` against `reference`, both (sound, feature).

    Args:
        bins: of the training set, for NDB and JS; without them these two are left out.
        missing: takes an error for each figure that could not be had.
    """
    plans: list[tuple[tuple[tuple[str, Better], ...], Callable[[], tuple[Estimate, ...]]]] = [
        ((("KID", "lower"),), lambda: (kid(reference, other),)),
        ((("KAD", "lower"),), lambda: (kad(reference, other),)),
        (
            (("Frechet, n to infinity", "lower"),),
            lambda: (frechet_infinite(reference[:FRECHET_SOUNDS], other[:FRECHET_SOUNDS]),),
        ),
        ((("density", "one"), ("coverage", "higher")), lambda: density_and_coverage(reference, other)),
        ((("diversity", "one"),), lambda: (diversity(reference, other),)),
    ]
    if bins is not None:
        known = bins
        plans += [
            ((("NDB", "lower"),), lambda: (ndb(known, reference, other),)),
            ((("JS", "lower"),), lambda: (jensen_shannon(known, reference, other),)),
        ]
    for names, measure in plans:
        try:
            with threadpool_limits(1, user_api="blas"):  # threads that wait for each other take 20 times as long
                found = measure()
        except ValueError as error:
            missing(error)
            continue
        for (name, better), estimate in zip(names, found, strict=True):
            yield Distance(name, better, estimate)
