"""Feature coherence: when one slider moves and everything else is fixed, does its descriptor move the same way?

Each sound is generated three times, with one slider low, middle and high and everything else equal. The descriptor is
measured in all three. E1 is the share of sounds with a higher value at high than at low, E2 at middle than at low, E3
at high than at middle. A slider without effect on its descriptor scores about 0.5, or 0 if the sound does not change
at all.

Protocol: Ramires et al. 2020, https://arxiv.org/abs/1911.11853, as Nistal et al. 2020 have it,
https://arxiv.org/abs/2008.12073
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from soundloom.conditions.schema import Value
from soundloom.metrics.estimate import Estimate, TooFew
from soundloom.metrics.intervals import around, share

LEVELS = (0.2, 0.5, 0.8)  # of a slider's range: low, middle, high
PAIRS = {"E1": (0, 2), "E2": (0, 1), "E3": (1, 2)}  # places in LEVELS: the second should have more
FEWEST = 8  # sounds


def at_levels(name: str, rows: Sequence[Mapping[str, Value]]) -> list[dict[str, Value]]:
    """Requests that differ only in one slider: all rows at the low level, then at the middle, then at the high."""
    return [{**row, name: level} for level in LEVELS for row in rows]


def coherence(measured: np.ndarray) -> dict[str, Estimate]:
    """E1, E2 and E3 of one descriptor, with Wilson's intervals.

    Args:
        measured: (3, sound): each sound at the low, middle and high level. A pair with NaN counts as not higher.

    Raises:
        TooFew: fewer than 8 sounds.
    """
    _check_count(measured)
    return {name: share(float(up.sum()), len(up)) for name, up in _rises(measured).items()}


def mean_coherence(measured: Sequence[np.ndarray]) -> dict[str, Estimate]:
    """E1, E2 and E3, each the mean over descriptors.

    Args:
        measured: of each descriptor (3, sound), the same sounds in the same order. Sounds count as independent, the
            descriptors of one sound do not.

    Raises:
        TooFew: fewer than 8 sounds.
    """
    for each in measured:
        _check_count(each)
    rises = [_rises(each) for each in measured]
    found = {}
    for name in PAIRS:
        means = np.mean([each[name] for each in rises], axis=0)
        found[name] = around(float(means.mean()), float(means.std(ddof=1)) / len(means) ** 0.5, 0.0, 1.0)
    return found


def _rises(measured: np.ndarray) -> dict[str, np.ndarray]:
    return {name: measured[more] > measured[less] for name, (less, more) in PAIRS.items()}


def _check_count(measured: np.ndarray) -> None:
    if measured.shape[1] < FEWEST:
        raise TooFew("coherence", measured.shape[1], FEWEST, "sounds")
