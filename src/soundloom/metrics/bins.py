"""Do two sets fill the same bins of similar sounds equally often? NDB and Jensen-Shannon divergence.

Richardson & Weiss 2018, On GANs and GMMs, https://arxiv.org/abs/1805.12462
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.stats import entropy
from sklearn.cluster import KMeans

from soundloom.metrics.estimate import Estimate
from soundloom.metrics.inputs import checked, scale_of
from soundloom.metrics.intervals import Z, around, share
from soundloom.metrics.pairs import BLOCK, squared_distances

MOST = 50
SOUNDS_PER_BIN = 20
FEWEST = 2 * SOUNDS_PER_BIN  # a single bin cannot differ
REPEATS = 1000


@dataclass(frozen=True)
class Bins:
    """Bins of similar sounds, each the neighbourhood of a centre, in features standardised by the training set."""

    mean: np.ndarray  # (feature,)
    deviation: np.ndarray  # (feature,)
    centres: np.ndarray  # (bin, feature), standardised

    def __len__(self) -> int:
        return len(self.centres)

    def count(self, embeddings: np.ndarray) -> np.ndarray:
        """How many of these sounds (sound, feature) fall into each bin: (bin,)."""
        if embeddings.shape[1] != len(self.mean):
            raise ValueError(
                f"these bins are for {len(self.mean)} features, the embeddings have {embeddings.shape[1]}; "
                f"embed all sets in the same way"
            )
        counts = np.zeros(len(self), dtype=np.int64)
        for top in range(0, len(embeddings), BLOCK):
            standard = (embeddings[top : top + BLOCK] - self.mean) / self.deviation
            counts += np.bincount(squared_distances(standard, self.centres).argmin(axis=1), minlength=len(self))
        return counts


def fit_bins(training: np.ndarray, seed: int = 0) -> Bins:
    """Sort a training set into bins by k-means: one bin for each 20 sounds, at most 50.

    As in the paper, whitening is by feature: mean 0, deviation 1, correlations stay.

    Args:
        training: (sound, feature), at least 40 sounds.
        seed: draws the first centres.

    Raises:
        TooFew: fewer than 40 sounds.
        ValueError: NaN or infinity.
    """
    x = checked("NDB", training, FEWEST, "training")
    mean, deviation = scale_of(x)
    standard = (x - mean) / deviation
    wanted = min(MOST, len(x) // SOUNDS_PER_BIN, len(np.unique(standard, axis=0)))
    means = KMeans(wanted, n_init=4, random_state=seed).fit(standard)
    return Bins(mean, deviation, means.cluster_centers_.astype(np.float64))


def ndb(bins: Bins, reference: np.ndarray, other: np.ndarray) -> Estimate:
    """The share of bins that the two sets fill significantly differently: about 0.05 for equal sets, at most 1.

    A bin counts as different if the pooled two-sample test of proportions rejects equality at 5 %. Equal sets come out
    near 0.03 if one side is the training set that the bins were fitted to, and near 0.07 if many bins hold only a
    handful of sounds. More sounds reveal smaller differences, so compare values at equal numbers of sounds only. The
    interval is Wilson's binomial interval over bins, which are taken as independent.

    Args:
        bins: from `fit_bins`.
        reference: (sound, feature), at least 20 sounds: the training set, as in the paper, or sounds held out.
        other: (sound, feature), at least 20 sounds.

    Raises:
        TooFew: fewer than 20 sounds on a side.
        ValueError: NaN or infinity, or features other than the bins'.
    """
    first, second = _counts("NDB", bins, reference, other)
    n, m = first.sum(), second.sum()
    pooled = (first + second) / (n + m)
    error = np.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
    differs = np.abs(first / n - second / m) > Z * error
    return share(int(differs.sum()), len(bins))


def jensen_shannon(bins: Bins, reference: np.ndarray, other: np.ndarray, seed: int = 0) -> Estimate:
    """Divergence of the two distributions over bins, in bits: 0 if they are equal, 1 if they have no bin in common.

    It is biased upwards for few sounds: equal sets come out at `expected_jensen_shannon`. The interval comes from a
    bootstrap that resamples the counts of both sides; it holds for this number of sounds. See `ndb` for arguments and
    errors.
    """
    first, second = _counts("the Jensen-Shannon divergence", bins, reference, other)
    rng = np.random.default_rng(seed)
    n, m = int(first.sum()), int(second.sum())
    drawn = _divergence(rng.multinomial(n, first / n, REPEATS), rng.multinomial(m, second / m, REPEATS))
    return around(float(_divergence(first, second)), float(np.std(drawn, ddof=1)), lowest=0.0, highest=1.0)


def expected_jensen_shannon(bins: int, n: int, m: int) -> float:
    """The approximate divergence, in bits, of n and m sounds from the same distribution, if no bin is rare."""
    return (bins - 1) / (8 * math.log(2)) * (1 / n + 1 / m)


def _counts(figure: str, bins: Bins, reference: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    x = checked(figure, reference, SOUNDS_PER_BIN, "reference")
    y = checked(figure, other, SOUNDS_PER_BIN, "other")
    return bins.count(x), bins.count(y)


def _divergence(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Of counts (..., bin), in bits."""
    p, q = (counts / counts.sum(axis=-1, keepdims=True) for counts in (first, second))
    middle = (p + q) / 2
    bits = np.asarray(_entropy(middle) - (_entropy(p) + _entropy(q)) / 2)
    np.clip(bits, 0.0, 1.0, out=bits)
    return bits


def _entropy(p: np.ndarray) -> np.ndarray:
    bits: np.ndarray = entropy(p, base=2, axis=-1)
    return bits
