"""Inception score: high when a classifier is certain of each sound and predicts many different classes.

Salimans 2016, Improved techniques for training GANs, https://arxiv.org/abs/1606.03498
"""

from __future__ import annotations

import numpy as np
from scipy.special import xlogy

from soundloom.metrics.estimate import Estimate
from soundloom.metrics.inputs import checked
from soundloom.metrics.intervals import Z

REPEATS = 500
ROUNDING = 1e-3  # probabilities may miss a sum of 1 by this, as those of float16 do


def inception_score(probabilities: np.ndarray, seed: int = 0) -> Estimate:
    """exp of the mean divergence of a sound's class probabilities from those of all sounds: 1 to the number of classes.

    It does not measure variety within a class, and it depends on the classifier: compare with held-out real sounds. The
    interval comes from a bootstrap over the sounds. The score is biased low for few sounds, and more so for resampled
    ones, so only the standard deviation of the bootstrap is used, on the logarithm.

    Args:
        probabilities: (sound, class), at least 2 sounds; each row from 0 up, with sum 1.
        seed: draws the bootstrap.

    Raises:
        TooFew: fewer than 2 sounds.
        ValueError: NaN or infinity, values under 0, or rows whose sum is not 1.
    """
    p = checked("the inception score", probabilities, 2, "generated")
    sums = p.sum(axis=1)
    if p.min() < 0 or np.abs(sums - 1).max() > ROUNDING:
        raise ValueError(
            f"the inception score needs probabilities: the least is {p.min():.3g} (bound 0) and the rows' sums are "
            f"{sums.min():.3g}..{sums.max():.3g} (bound 1); apply a softmax to the classifier's scores"
        )
    p /= sums[:, None]
    certainty = xlogy(p, p).sum(axis=1)  # negative entropy of each sound, in nats
    rng, repeats = np.random.default_rng(seed), np.empty(REPEATS)
    for repeat in range(REPEATS):
        weight = np.bincount(rng.integers(len(p), size=len(p)), minlength=len(p)) / len(p)
        repeats[repeat] = _information(weight, p, certainty)
    value = _information(np.full(len(p), 1 / len(p)), p, certainty)
    reach = Z * float(repeats.std(ddof=1))
    most = np.log(p.shape[1])
    low, middle, high = (float(np.exp(np.clip(at, 0.0, most))) for at in (value - reach, value, value + reach))
    return Estimate(middle, low, high)


def _information(weight: np.ndarray, p: np.ndarray, certainty: np.ndarray) -> float:
    """Mean divergence, in nats, of weighted sounds (sound,) from their mean."""
    mean = weight @ p
    return float(weight @ certainty - xlogy(mean, mean).sum())
