"""Nearest-neighbour figures: density and coverage, diversity, and the nearest sound of another set.

Naeem 2020, Reliable fidelity and diversity metrics for generative models, https://arxiv.org/abs/2002.09797
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from soundloom.metrics.estimate import Estimate, TooFew
from soundloom.metrics.inputs import checked_pair
from soundloom.metrics.intervals import around, jackknife_variance, share
from soundloom.metrics.pairs import BLOCK, distances, squared_distances, sums_within

NEIGHBOURS = 5
TIE = 1e-12  # of the squared norms: squared distances that differ by less are equal but for rounding


class Hits(NamedTuple):
    """How often sounds of the other set lie in the balls around reference sounds."""

    of_ball: np.ndarray  # (reference sound,): others inside its ball
    of_other: np.ndarray  # (other sound,): balls that it lies in
    sole: np.ndarray  # (other sound,): balls that contain no other but it


def density(reference: np.ndarray, other: np.ndarray, k: int = NEIGHBOURS) -> Estimate:
    """How many balls a sound lies in, relative to a reference sound: fidelity. See `density_and_coverage`."""
    return density_and_coverage(reference, other, k)[0]


def coverage(reference: np.ndarray, other: np.ndarray, k: int = NEIGHBOURS) -> Estimate:
    """The share of reference sounds with another one near: diversity. See `density_and_coverage`."""
    return density_and_coverage(reference, other, k)[1]


def density_and_coverage(reference: np.ndarray, other: np.ndarray, k: int = NEIGHBOURS) -> tuple[Estimate, Estimate]:
    """Both figures from one search. The ball of a reference sound reaches to its k-th neighbour in the reference.

    Density is 1 for equal sets, above 1 for sounds that stay in the dense centre, 0 for sounds far from all. Coverage
    is at most 1; equal sets reach `expected_coverage`.

    Intervals treat the radii as fixed and the sounds of both sides as independent: density by the jackknife over both
    sides; coverage by Wilson's binomial interval over reference sounds, widened by the jackknife over the others. In
    many dimensions density's interval is slightly too narrow: in 32 it contained the mean in 9 of 10 trials.

    Args:
        reference: (sound, feature), more than k sounds.
        other: (sound, feature), at least 2 sounds.
        k: larger values smooth, smaller ones resolve detail.

    Raises:
        TooFew: too few sounds on a side.
        ValueError: k under 1, NaN or infinity, or sides with different features.
    """
    if k < 1:
        raise ValueError(f"k is {k}: a ball reaches to at least the first neighbour; give 1 or more")
    x, y = checked_pair("density and coverage", reference, other, k + 1, needed_other=2)
    x, y = x - x.mean(axis=0), y - x.mean(axis=0)  # distances do not change, their rounding errors do
    hits = _hits(x, _squared_radii(x, k), y)
    return _density(hits, k), _coverage(hits)


def expected_coverage(n: int, m: int, k: int = NEIGHBOURS) -> float:
    """The mean coverage of n reference sounds by m others from the same distribution.

    A ball stays empty if, of all n - 1 + m other sounds, the k nearest to its centre are reference sounds.

    Raises:
        TooFew: no more than k reference sounds, or no others.
    """
    if n <= k:
        raise TooFew("coverage", n, k + 1, "reference sounds")
    if m < 1:
        raise TooFew("coverage", m, 1, "other sounds")
    return 1 - math.prod((n - 1 - step) / (n - 1 + m - step) for step in range(k))


def diversity(reference: np.ndarray, other: np.ndarray) -> Estimate:
    """The mean distance between two sounds of the other set, divided by that of the reference: 1 if equally varied.

    The interval is the jackknife's over both sides, whose sounds count as independent.

    Args:
        reference: (sound, feature), at least 3 sounds, not all the same.
        other: (sound, feature), at least 3 sounds.

    Raises:
        TooFew: fewer than 3 sounds on a side.
        ValueError: NaN or infinity, sides with different features, or reference sounds that are all the same.
    """
    x, y = checked_pair("diversity", reference, other, needed=3)
    if not np.ptp(x, axis=0).any():
        raise ValueError(
            f"diversity: all {len(x)} reference sounds have the same embedding; "
            f"give sounds that differ, or leave diversity out"
        )
    apart, deleted = _mean_distance(x - x.mean(axis=0))
    other_apart, other_deleted = _mean_distance(y - y.mean(axis=0))
    ratio = other_apart / apart
    variance = (jackknife_variance(other_deleted) + ratio**2 * jackknife_variance(deleted)) / apart**2
    return around(ratio, math.sqrt(variance), lowest=0.0)


def nearest(reference: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each other sound the nearest reference sound.

    Args:
        reference: (sound, feature), at least 1 sound.
        other: (sound, feature), any number.

    Returns:
        Indices into the reference and Euclidean distances, each (other sound,); an equal one is at exactly 0.

    Raises:
        TooFew: no reference sound.
        ValueError: NaN or infinity, or sides with different features.
    """
    x, y = checked_pair("the nearest sound", reference, other, 1, needed_other=0)
    mean = x.mean(axis=0)
    indices, least = np.zeros(len(y), dtype=np.int64), np.full(len(y), np.inf)
    for top in range(0, len(y), BLOCK):
        here = slice(top, top + BLOCK)
        for left in range(0, len(x), BLOCK):
            between = squared_distances(y[here] - mean, x[left : left + BLOCK] - mean)
            best = between.argmin(axis=1)
            found = between[np.arange(len(best)), best]
            nearer = found < least[here]
            indices[here] = np.where(nearer, best + left, indices[here])
            least[here] = np.where(nearer, found, least[here])
    apart = [
        np.linalg.norm(y[top : top + BLOCK] - x[indices[top : top + BLOCK]], axis=1) for top in range(0, len(y), BLOCK)
    ]
    return indices, np.concatenate(apart) if apart else least


def _squared_radii(x: np.ndarray, k: int) -> np.ndarray:
    """Squared distances (sound,) to the k-th neighbour within a set."""
    radii = np.empty(len(x))
    for top in range(0, len(x), BLOCK):
        here = x[top : top + BLOCK]
        least = np.empty((len(here), 0))
        for left in range(0, len(x), BLOCK):
            between = squared_distances(here, x[left : left + BLOCK])
            if left == top:
                np.fill_diagonal(between, np.inf)  # a sound is not its own neighbour; a duplicate is
            least = np.hstack([least, between])
            if least.shape[1] > k:
                least = np.partition(least, k - 1, axis=1)[:, :k]
        radii[top : top + BLOCK] = least.max(axis=1)
    return radii


def _hits(x: np.ndarray, squared_radii: np.ndarray, y: np.ndarray) -> Hits:
    of_ball, of_other = np.zeros(len(x), dtype=np.int64), np.zeros(len(y), dtype=np.int64)
    visitor = np.zeros(len(x), dtype=np.int64)  # some other sound inside the ball; the only one, where there is one
    for top in range(0, len(x), BLOCK):
        here = slice(top, top + BLOCK)
        reach = squared_radii[here] + TIE * np.square(x[here]).sum(axis=1)
        for left in range(0, len(y), BLOCK):
            there = slice(left, left + BLOCK)
            slack = TIE * np.square(y[there]).sum(axis=1)
            inside = squared_distances(x[here], y[there]) <= reach[:, None] + slack
            count = inside.sum(axis=1)
            visitor[here] = np.where(count > 0, left + inside.argmax(axis=1), visitor[here])
            of_ball[here] += count
            of_other[there] += inside.sum(axis=0)
    return Hits(of_ball, of_other, np.bincount(visitor[of_ball == 1], minlength=len(y)))


def _density(hits: Hits, k: int) -> Estimate:
    n, m, total = len(hits.of_ball), len(hits.of_other), hits.of_other.sum()
    of_others = jackknife_variance((total - hits.of_other) / (k * (m - 1)))
    of_balls = jackknife_variance((total - hits.of_ball) * n / (n - 1) / (k * m))
    return around(float(total / (k * m)), math.sqrt(of_others + of_balls), lowest=0.0)


def _coverage(hits: Hits) -> Estimate:
    n, m = len(hits.of_ball), len(hits.of_other)
    covered = int((hits.of_ball > 0).sum())
    likely = (covered + 2) / (n + 4)  # Agresti & Coull 1998: where all or none are covered, some chance remains
    binomial = likely * (1 - likely) / n
    variance = binomial + jackknife_variance((covered - hits.sole) / n)
    worth = min(n * binomial / variance, n, m)  # independent sounds that would vary as much
    return share(covered / n * worth, worth) if worth >= 1 else Estimate(covered / n, 0.0, 1.0)


def _mean_distance(x: np.ndarray) -> tuple[float, np.ndarray]:
    """Of pairs of different sounds, and with each sound left out (sound,)."""
    rows, count = sums_within(distances, x), len(x)
    total = rows.sum()
    return float(total / (count * (count - 1))), (total - 2 * rows) / ((count - 1) * (count - 2))
