"""Peaks of a spectrum that stand out from their surroundings."""

from __future__ import annotations

import numpy as np

from soundloom.runtime.compiled import compiled


@compiled()
def standing_out(levels: np.ndarray, contrast: float) -> np.ndarray:
    """Places of the maxima that rise by a contrast above the minima on both sides, ascending, int64.

    Beyond both ends lies a minimum below everything, but a peak itself is at least `contrast`.
    """
    found = np.empty(len(levels), np.int64)
    count = 0
    place, high, low = -1, -np.inf, -np.inf  # of the maximum under way, and the minimum before it
    for at in range(len(levels) + 1):
        now = levels[at] if at < len(levels) else -np.inf
        if place >= 0:
            if now > high:
                place, high = at, now
            elif high - now >= contrast:
                found[count] = place
                count += 1
                place, low = -1, now
        elif now < low:
            low = now
        elif now - low >= contrast and now >= contrast:
            place, high = at, now
    return found[:count]


@compiled()
def between_bins(levels: np.ndarray, place: int) -> tuple[float, float]:
    """Where a peak really lies, in bins, and its level: the top of a parabola through three points."""
    if place < 1 or place > len(levels) - 2:
        return float(place), levels[place]
    before, at, after = levels[place - 1], levels[place], levels[place + 1]
    curvature = 2.0 * at - before - after
    if curvature <= 0.0:
        return float(place), at
    shift = 0.5 * (after - before) / curvature
    return place + shift, at + 0.25 * (after - before) * shift


@compiled()
def lowest(levels: np.ndarray, contrast: float) -> tuple[int, float]:
    """The lowest peak that stands out, as a bin and between bins; of a spectrum without one, its maximum."""
    places = standing_out(levels, contrast)
    place = places[0] if len(places) else int(levels.argmax())
    exact, _ = between_bins(levels, place)
    return place, exact
