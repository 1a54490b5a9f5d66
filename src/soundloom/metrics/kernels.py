"""Kernel distances between two sets of sounds. Unlike Fréchet's they are unbiased: few sounds do not raise them.

Both are the unbiased squared maximum mean discrepancy, times 1000; they differ in kernel and scale. A value near 0
means that the sets cannot be distinguished; for equal sets half of the values are negative.

    KID: (x.y / d + 1)^3 on features standardised by the reference. Binkowski 2018, https://arxiv.org/abs/1801.01401
    KAD: exp(-|x - y|^2 / 2 h^2) on embeddings as they are, h the median distance between reference sounds.
         Chung 2025, https://arxiv.org/abs/2502.15602; the authors' program multiplies by 100, not by 1000.
    MMD: Gretton 2012, A kernel two-sample test, https://jmlr.org/papers/v13/gretton12a.html (Lemma 6)

Intervals are the jackknife's over both sides, whose sounds count as independent draws. So they also cover what another
reference set of the same size would have shown. Excerpts of one recording are not independent and make the interval too
narrow. Scale and bandwidth are treated as known. For equal sets the interval is too wide rather than too narrow (Efron
& Stein 1981).
"""

from __future__ import annotations

import math

import numpy as np
from scipy.spatial.distance import pdist

from soundloom.metrics.estimate import Estimate
from soundloom.metrics.inputs import checked_pair, scale_of
from soundloom.metrics.intervals import around, jackknife_variance
from soundloom.metrics.pairs import Kernel, squared_distances, sums_across, sums_within

FACTOR = 1000.0  # as KID is printed; KAD takes the same
FEWEST = 3  # leaving one out must leave a pair
BANDWIDTH_SOUNDS = 2000  # as many are compared for the median distance: two million pairs


def kid(reference: np.ndarray, other: np.ndarray, scale: np.ndarray | None = None) -> Estimate:
    """The kernel inception distance times 1000.

    Args:
        reference: (sound, feature), at least 3 sounds.
        other: (sound, feature), at least 3 sounds.
        scale: (sound, feature), whose mean and deviation standardise both sides; left out, the reference. Sounds that
            are on neither side make the figure exactly unbiased; the reference's own make it a little too large where
            it is small (of 30 sounds, by a third of the standard error; of 200, by a twentieth).

    Raises:
        TooFew: fewer than 3 sounds on a side.
        ValueError: NaN or infinity, or sides with different features.
    """
    x, y = checked_pair("KID", reference, other, FEWEST)
    mean, deviation = _scale(x, scale)
    return _discrepancy(cubic, (x - mean) / deviation, (y - mean) / deviation)


def kad(reference: np.ndarray, other: np.ndarray) -> Estimate:
    """The kernel audio distance times 1000; see `kid` for the arguments.

    Raises:
        TooFew: fewer than 3 sounds on a side.
        ValueError: as for `kid`, or all reference sounds are the same.
    """
    x, y = checked_pair("KAD", reference, other, FEWEST)
    mean = x.mean(axis=0)  # distances do not change, their rounding errors do
    return _discrepancy(gaussian(bandwidth(x)), x - mean, y - mean)


def kid_between(reference: np.ndarray, one: np.ndarray, two: np.ndarray, scale: np.ndarray | None = None) -> Estimate:
    """KID of `one` minus KID of `two`, against the same reference: below 0 if `one` is nearer to it.

    The sampling error of the reference is common to both and largely cancels, so this can separate two systems whose
    own intervals overlap. Sounds of `one` and `two` count as independent of each other.

    Raises:
        TooFew: fewer than 3 sounds in a set.
        ValueError: as for `kid`.
    """
    x, first = checked_pair("KID", reference, one, FEWEST)
    x, second = checked_pair("KID", reference, two, FEWEST)
    mean, deviation = _scale(x, scale)
    return _difference(cubic, *((side - mean) / deviation for side in (x, first, second)))


def kad_between(reference: np.ndarray, one: np.ndarray, two: np.ndarray) -> Estimate:
    """KAD of `one` minus KAD of `two`, against the same reference; see `kid_between`."""
    x, first = checked_pair("KAD", reference, one, FEWEST)
    x, second = checked_pair("KAD", reference, two, FEWEST)
    mean = x.mean(axis=0)
    return _difference(gaussian(bandwidth(x)), *(side - mean for side in (x, first, second)))


def cubic(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """KID's kernel (row, column)."""
    base: np.ndarray = x @ y.T
    base /= x.shape[1]
    base += 1
    cube: np.ndarray = base * base * base  # much quicker than **3
    return cube


def gaussian(width: float) -> Kernel:
    """KAD's kernel at a bandwidth, in the unit of the embedding."""

    def kernel(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        exponent = squared_distances(x, y)
        exponent *= -0.5 / width**2
        np.exp(exponent, out=exponent)
        return exponent

    return kernel


def bandwidth(reference: np.ndarray) -> float:
    """The median distance between two reference sounds.

    Of more than 2000 sounds, 2000 are compared, always the same ones. If the median is 0, as in a folder of duplicates,
    it is taken over the distances above 0.

    Raises:
        ValueError: all sounds are the same.
    """
    if len(reference) > BANDWIDTH_SOUNDS:
        chosen = np.random.default_rng(0).choice(len(reference), BANDWIDTH_SOUNDS, replace=False)
        reference = reference[chosen]
    between = pdist(reference)
    if not between.any():
        raise ValueError(
            f"KAD: all {len(reference)} reference sounds have the same embedding; "
            f"give sounds that differ, or leave KAD out"
        )
    return float(np.median(between)) or float(np.median(between[between > 0]))


def _scale(reference: np.ndarray, scale: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    return scale_of(reference if scale is None else checked_pair("KID", scale, reference, needed=2)[0])


def _discrepancy(kernel: Kernel, x: np.ndarray, y: np.ndarray) -> Estimate:
    own, deleted = _within(kernel, x)
    other, other_deleted = _within(kernel, y)
    cross, x_deleted, y_deleted = _across(kernel, x, y)
    variance = jackknife_variance(deleted - 2 * x_deleted) + jackknife_variance(other_deleted - 2 * y_deleted)
    return around(FACTOR * (own + other - 2 * cross), FACTOR * math.sqrt(variance))


def _difference(kernel: Kernel, x: np.ndarray, one: np.ndarray, two: np.ndarray) -> Estimate:
    values, variance, x_deleted = [], 0.0, []
    for side in (one, two):  # what is within the reference is common to both distances
        own, deleted = _within(kernel, side)
        cross, by_reference, by_side = _across(kernel, x, side)
        values.append(own - 2 * cross)
        variance += jackknife_variance(deleted - 2 * by_side)
        x_deleted.append(-2 * by_reference)
    variance += jackknife_variance(x_deleted[0] - x_deleted[1])
    return around(FACTOR * (values[0] - values[1]), FACTOR * math.sqrt(variance))


def _within(kernel: Kernel, x: np.ndarray) -> tuple[float, np.ndarray]:
    """The mean over pairs of different sounds, and that mean with each sound left out (sound,)."""
    rows, count = sums_within(kernel, x), len(x)
    total = rows.sum()
    return float(total / (count * (count - 1))), (total - 2 * rows) / ((count - 1) * (count - 2))


def _across(kernel: Kernel, x: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """The mean over pairs of both sides, and that mean with each sound of x, and of y, left out."""
    rows, columns = sums_across(kernel, x, y)
    total, n, m = rows.sum(), len(x), len(y)
    return float(total / (n * m)), (total - rows) / ((n - 1) * m), (total - columns) / (n * (m - 1))
