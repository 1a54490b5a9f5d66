"""Leakage: what else moves when one condition is asked for differently.

Let b be what is heard of one condition: ranks of a number, indicators of a category's values. Leakage from a to b is
the share of b's variation that the value asked for a explains beyond what the value asked for b explains:

    R2(b | asked a, asked b) - R2(b | asked b),

both adjusted for the number of parameters, and the difference cut to 0..1. 0: b keeps to what was asked of it; 1: b
follows a, and only a. It is a difference of shares, so it needs no units, and a detector's small bias counts for little
beside what b has to cover. Effects that differ from one value of b to another are not counted, only the main effect.
Where nothing leaks, 19 of 20 shares are below 0.06 with 100 sounds, 0.03 with 300 and 0.01 with 600.

Requests should be drawn independently (see `requests.py`); then the second share takes nothing from the first. In real
sounds, whose conditions go together, it takes out what they share: leakage there is that of the measures themselves.

Semi-partial correlation: Cohen 2003; for categories, Light & Margolin 1971, JASA 66, 534-544
"""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata

from soundloom.conditions.schema import Category, Scalar, Schema, knots_for
from soundloom.metrics.conditioning_accuracy import Asked, Measured

KNOTS = 8  # of a number that was asked for: its effect is linear between them
FEWEST = 3  # sounds for each parameter


def leakage(schema: Schema, asked: Asked, measured: Measured) -> dict[str, dict[str, float]]:
    """The share of each condition that moves with another one: asked, then moved, 0 to 1.

    Args:
        schema: the conditions.
        asked: of each sound; drawn independently, see `independent_requests`.
        measured: of the same sounds, see `measure`.

    Returns:
        Only pairs that were measured, in at least three sounds for each parameter: values of a category, knots of a
        number.
    """
    shares: dict[str, dict[str, float]] = {}
    for moved in schema.conditions:
        for other in schema.conditions:
            if other.name != moved.name and moved.name in measured.values:
                found = _leak(other, moved, asked, measured.values[moved.name])
                if found is not None:
                    shares.setdefault(other.name, {})[moved.name] = found
    return {name: shares[name] for name in schema.names if name in shares}


def _leak(other: Category | Scalar, moved: Category | Scalar, asked: Asked, heard: np.ndarray) -> float | None:
    numbers = isinstance(moved, Scalar)
    usable = [
        place
        for place, row in enumerate(asked)
        if row.get(other.name) is not None
        and row.get(moved.name) is not None
        and (not numbers or np.isfinite(heard[place]))
    ]
    if not usable:
        return None
    rows = [asked[place] for place in usable]
    own = _design(moved, rows)
    both = np.concatenate([own, _design(other, rows)], axis=1)
    if len(rows) < FEWEST * both.shape[1]:
        return None
    target = rankdata(heard[usable])[:, None] if numbers else np.equal.outer(heard[usable], np.unique(heard))
    return float(np.clip(_explained(target, both) - _explained(target, own), 0.0, 1.0))


def _design(condition: Category | Scalar, rows: Asked) -> np.ndarray:
    """Columns that a value asked for is spread over, summing to 1: indicators of a category, hats of a number."""
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
