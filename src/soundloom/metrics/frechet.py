"""Fréchet distance between two sets of sounds: at the given number of sounds, and extrapolated to infinitely many.

Each set is described by the Gaussian with its mean and covariance:

    |mean difference|^2 + trace(Cx + Cy - 2 (Cx Cy)^(1/2))

It is biased upwards by about (number of features) / (number of sounds): two halves of one folder are not at 0. So plain
values are comparable only at equal numbers of sounds; extrapolated ones at any.

Dowson & Landau 1982, https://doi.org/10.1016/0047-259X(82)90077-X
Kilgour 2019, https://arxiv.org/abs/1812.08466 (for audio)
Chong & Forsyth 2020, https://arxiv.org/abs/1911.07023, Gui 2024, https://arxiv.org/abs/2311.01616 (to infinity)
Shao & Wu 1989, https://doi.org/10.1214/aos/1176347263 (errors from leaving half out)
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.linalg import qr, svdvals

from soundloom.metrics.estimate import Estimate
from soundloom.metrics.inputs import checked_pair
from soundloom.metrics.intervals import around

SIZES = 15
DRAWS = 3  # subsets of a size
SMALLEST = 4  # the smallest subsets hold a fourth of the sounds
FEWEST = 32  # the smallest subsets hold 8
HALVES = 40


class Extrapolation(NamedTuple):
    """Distances of subsets of many sizes and the line through them: distance = limit + slope * shrink."""

    limit: float  # at infinitely many sounds
    slope: float  # the bias of the plain distance of the whole sets
    r2: float  # the share of the distances' variance that the line explains, 0 to 1
    shrink: np.ndarray  # (size,): a subset holds 1/shrink of the sounds of its side
    distance: np.ndarray  # (size,)


def frechet(reference: np.ndarray, other: np.ndarray) -> float:
    """The plain distance, at least 0, in squared units of the embedding.

    Args:
        reference: (sound, feature), at least 2 sounds.
        other: (sound, feature), at least 2 sounds.

    Raises:
        TooFew: fewer than 2 sounds on a side.
        ValueError: NaN or infinity, or sides with different features.
    """
    return _frechet(*checked_pair("the Fréchet distance", reference, other, needed=2))


def frechet_infinite(reference: np.ndarray, other: np.ndarray, seed: int = 0, halves: int = HALVES) -> Estimate:
    """The distance extrapolated to infinitely many sounds on both sides; near 0, and sometimes below, for equal sets.

    The value is `extrapolate`'s limit; its r2 measures how good the fit is. The interval comes from repeatedly leaving
    out a random half of each side: limits of halves vary about as much as the limit of the whole sets varies around the
    true value; for equal sets, twice as much. Sounds of both sides count as independent.

    Args:
        reference: (sound, feature), at least 32 sounds, better 4 for each feature: the smallest subsets hold a fourth,
            and with fewer sounds than features the distance no longer follows a line.
        other: (sound, feature), likewise.
        seed: draws the subsets; same seed, same value.
        halves: how many for the interval, at least 2.

    Raises:
        TooFew: fewer than 32 sounds on a side.
        ValueError: as for `frechet`.
    """
    x, y = checked_pair("the Fréchet distance at infinity", reference, other, FEWEST)
    rng = np.random.default_rng([seed, 1])
    limits = [_limit_of_quarters(_part(x, len(x) // 2, rng), _part(y, len(y) // 2, rng)) for _ in range(halves)]
    return around(extrapolate(x, y, seed).limit, float(np.std(limits, ddof=1)))


def extrapolate(reference: np.ndarray, other: np.ndarray, seed: int = 0) -> Extrapolation:
    """The line through the distances of subsets of 15 sizes, from a fourth of either side to the whole.

    Both sides shrink by the same factor, so the line also holds for sides of different size. Subsets are drawn without
    replacement, since repeated sounds would add a distance of their own. See `frechet_infinite`.
    """
    x, y = checked_pair("the Fréchet distance at infinity", reference, other, FEWEST)
    rng = np.random.default_rng([seed, 0])
    shrink = np.linspace(1.0, SMALLEST, SIZES)
    distance = np.full(SIZES, _frechet(x, y))
    for size in range(1, SIZES):
        n, m = round(len(x) / shrink[size]), round(len(y) / shrink[size])
        distance[size] = np.mean([_frechet(_part(x, n, rng), _part(y, m, rng)) for _ in range(DRAWS)])
    slope, limit = np.polyfit(shrink, distance, 1)
    spread, unexplained = distance.var(), (distance - limit - slope * shrink).var()
    r2 = float(1 - unexplained / spread) if spread else 1.0
    return Extrapolation(float(limit), float(slope), r2, shrink, distance)


def _limit_of_quarters(x: np.ndarray, y: np.ndarray) -> float:
    """The line through a distance and the mean distance of its two halves, extrapolated to infinitely many sounds."""
    parts = [_frechet(x[part::2], y[part::2]) for part in (0, 1)]
    return 2 * _frechet(x, y) - float(np.mean(parts))


def _part(x: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    return x[rng.choice(len(x), count, replace=False)]


def _frechet(x: np.ndarray, y: np.ndarray) -> float:
    apart = x.mean(axis=0) - y.mean(axis=0)
    root_x, root_y = _root(x), _root(y)
    # With Cx = A'A and Cy = B'B, the eigenvalues of Cx Cy are the squared singular values of A B'.
    common = svdvals(root_x @ root_y.T, check_finite=False).sum()
    return max(0.0, float(apart @ apart + (root_x**2).sum() + (root_y**2).sum() - 2 * common))


def _root(x: np.ndarray) -> np.ndarray:
    """A triangle A, (at most feature, feature), with A'A the unbiased covariance of (sound, feature)."""
    centred = (x - x.mean(axis=0)) / np.sqrt(len(x) - 1)
    triangle: np.ndarray = qr(centred, mode="r", check_finite=False)[0][: x.shape[1]]
    return triangle
