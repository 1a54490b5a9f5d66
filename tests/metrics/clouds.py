"""Sets of embeddings whose distances are known."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from soundloom.metrics.estimate import Estimate


def cloud(n: int, d: int = 8, seed: int = 0, spread: float = 1.0, shift: float = 0.0) -> np.ndarray:
    """Independent draws (n, d) of a Gaussian that is the same in all directions."""
    return np.random.default_rng(seed).normal(shift, spread, (n, d))


def coverage_of(truth: float, estimates: Iterable[Estimate]) -> float:
    """The share of intervals that hold the truth."""
    return float(np.mean([estimate.low <= truth <= estimate.high for estimate in estimates]))


def deletions(figure: Callable[..., float], *sides: np.ndarray) -> list[np.ndarray]:
    """The figure with each sound of each side left out in turn, one by one: what the closed forms must give."""
    return [
        np.array(
            [
                figure(*sides[:side], np.delete(values, sound, axis=0), *sides[side + 1 :])
                for sound in range(len(values))
            ]
        )
        for side, values in enumerate(sides)
    ]


def jackknife_error(deleted: list[np.ndarray]) -> float:
    return float(np.sqrt(sum((len(side) - 1) / len(side) * ((side - side.mean()) ** 2).sum() for side in deleted)))
