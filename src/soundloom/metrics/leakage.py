"""Leakage: how much a condition changes when a different value of another condition is requested.

Let b be the measured value of one condition: ranks of a number, indicators of a category's values. Leakage from a to b
is the share of b's variance that the requested value of a explains beyond what the requested value of b explains:

    R2(b | requested a, requested b) - R2(b | requested b),

both adjusted for the number of parameters, and the difference clipped to 0..1. 0: b depends on its own request only;
1: b follows a, and only a. As a difference of shares it has no unit, and a small bias of a detector hardly changes it.
Only the main effect counts, not interactions of a and b. Without leakage, 19 of 20 shares are below 0.06 with 100
sounds, 0.03 with 300 and 0.01 with 600.

Draw requests independently (see `requests.py`), so that the second term takes nothing from the first. In real sounds,
whose conditions are correlated, it removes what they share: leakage there is that of the measures themselves.

Semi-partial correlation: Cohen 2003; for categories, Light & Margolin 1971, JASA 66, 534-544
"""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata

from soundloom.conditions.schema import Category, Scalar, Schema, knots_for
from soundloom.metrics.conditioning_accuracy import Measurements, Requested

KNOTS = 8  # of a requested number: its effect is piecewise linear between them
FEWEST = 3  # sounds for each parameter


def leakage(schema: Schema, requested: Requested, measured: Measurements) -> dict[str, dict[str, float]]:
    """The leakage from each condition to each other one, `{changed: {moved: 0 to 1}}`.

    Args:
        schema: the conditions.
        requested: of each sound; drawn independently, see `independent_requests`.
        measured: of the same sounds, see `measure`.

    Returns:
        Only pairs that were measured in at least three sounds for each parameter: values of a category, knots of a
        number.
    """
    shares: dict[str, dict[str, float]] = {}
    for moved in schema.dense:
        for other in schema.dense:
            if other.name != moved.name and moved.name in measured.values:
                found = _leak(other, moved, requested, measured.values[moved.name])
                if found is not None:
                    shares.setdefault(other.name, {})[moved.name] = found
    return {name: shares[name] for name in schema.names if name in shares}


def _leak(other: Category | Scalar, moved: Category | Scalar, requested: Requested, values: np.ndarray) -> float | None:
    numbers = isinstance(moved, Scalar)
    usable = [
        place
        for place, row in enumerate(requested)
        if row.get(other.name) is not None
        and row.get(moved.name) is not None
        and (not numbers or np.isfinite(values[place]))
    ]
    if not usable:
        return None
    rows = [requested[place] for place in usable]
    own = _design(moved, rows)
    both = np.concatenate([own, _design(other, rows)], axis=1)
    if len(rows) < FEWEST * both.shape[1]:
        return None
    target = rankdata(values[usable])[:, None] if numbers else np.equal.outer(values[usable], np.unique(values))
    return float(np.clip(_explained(target, both) - _explained(target, own), 0.0, 1.0))


def _design(condition: Category | Scalar, rows: Requested) -> np.ndarray:
    """Columns that encode a requested value, summing to 1: indicators of a category, hat functions of a number."""
    values = [row[condition.name] for row in rows]
    if isinstance(condition, Scalar):
        condition = Scalar(condition.name, knots_for(np.array(values, np.float64), KNOTS))
    return np.array([condition.encode(value) for value in values if value is not None], np.float64)


def _explained(target: np.ndarray, design: np.ndarray) -> float:
    """Adjusted share of the variation of (sound, column) that a linear model of (sound, parameter) explains."""
    centred = target - target.mean(axis=0)
    total = float(np.square(centred).sum())
    if total == 0:
        return 0.0
    fitted, _, rank, _ = np.linalg.lstsq(design, centred, rcond=None)
    left = float(np.square(centred - design @ fitted).sum())
    return float(1 - left / total * (len(design) - 1) / (len(design) - rank))
