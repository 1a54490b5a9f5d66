"""The negative log-likelihood of held-out sounds under a model, beside simple predictors fitted to the same data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from soundloom.contract import MODEL, ClipBatch, NegativeLogLikelihood, System
from soundloom.data.clips import ClipStore, evenly
from soundloom.evaluation.results import Figure
from soundloom.metrics.estimate import Estimate, TooFew
from soundloom.metrics.intervals import around

SAVED = "bits saved"  # relative to a simple predictor, on the same sounds
BATCH_SIZE = 8


def likelihood_figures(subject: str, system: System, held_out: ClipStore) -> list[Figure]:
    """Bits per sample, element or token of held-out clips, and the bits saved relative to each simple predictor.

    Args:
        subject: the name of the model.
        system: its system; one without a likelihood has no figures.
        held_out: clips at its rate and length.

    Raises:
        TooFew: the clips are of fewer than 2 groups.
    """
    clips = held_out.subset(evenly(len(held_out), system.measured))
    found = negative_log_likelihood(system, clips)
    if found is None:
        return []
    groups, count, title = clips.groups, len(clips), f"bits per {found.unit}"
    bits = found.bits[MODEL]
    figures = [Figure(subject, title, mean_over_groups(bits, groups), "lower", count)]
    for name, theirs in found.bits.items():
        if name != MODEL:
            figures += [
                Figure(subject, f"{SAVED}, {name}", mean_over_groups(theirs - bits, groups), "higher", count),
                Figure(subject, f"{title}, {name}", mean_over_groups(theirs, groups), "lower", count),
            ]
    return figures


class ClipLikelihoods(NamedTuple):
    """Bits of each clip, (clip,), under the system and each predictor by name."""

    bits: dict[str, np.ndarray]
    unit: str


def negative_log_likelihood(system: System, clips: ClipStore) -> ClipLikelihoods | None:
    """Of all clips, a few in memory at a time; None if the system has no likelihood."""
    parts: list[NegativeLogLikelihood] = []
    for at in range(0, len(clips), BATCH_SIZE):
        batch = ClipBatch.of(clips.subset(slice(at, at + BATCH_SIZE)), system.schema)
        found = system.negative_log_likelihood(batch)
        if found is None:
            return None
        parts.append(found)
    bits = {name: np.concatenate([part.bits[name].numpy() for part in parts]) for name in parts[0].bits}
    return ClipLikelihoods(bits, parts[0].unit)


def mean_over_groups(values: np.ndarray, groups: Sequence[str]) -> Estimate:
    """The mean of values that are correlated within groups, such as drums of one kit; the interval accounts for it.

    Liang & Zeger 1986, https://doi.org/10.1093/biomet/73.1.13: squared sums of a group's deviations.

    Raises:
        TooFew: fewer than 2 groups.
    """
    names, places = np.unique(groups, return_inverse=True)
    if len(names) < 2:
        raise TooFew("a mean over groups", len(names), 2, "groups")
    value = float(values.mean())
    sums = np.bincount(places, values - value)
    error = float(np.sqrt(np.square(sums).sum() * len(names) / (len(names) - 1)) / len(values))
    return around(value, error)
