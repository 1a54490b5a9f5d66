"""Checks that every distance between sets of embeddings makes, and standardisation by the reference set."""

from __future__ import annotations

import numpy as np

from soundloom.metrics.estimate import TooFew

LEAST_DEVIATION = 0.25  # of the root mean square over features: what varies less counts in units of this


def checked(figure: str, embeddings: np.ndarray, needed: int, side: str) -> np.ndarray:
    """The embeddings in float64, checked.

    Args:
        figure: name of the figure, for the messages.
        embeddings: (sound, feature).
        needed: fewest sounds for the figure.
        side: whose sounds these are ("reference", "other", ...), for the messages.

    Raises:
        TooFew: fewer sounds than `needed`.
        ValueError: not two axes, no feature, NaN or infinity.
    """
    values = np.asarray(embeddings, dtype=np.float64)
    if values.ndim != 2 or not values.shape[1]:
        raise ValueError(
            f"{figure}: {side} embeddings have shape {values.shape}; give (sound, feature), at least one feature"
        )
    if len(values) < needed:
        raise TooFew(figure, len(values), needed, f"{side} sounds")
    bad = int((~np.isfinite(values).all(axis=1)).sum())
    if bad:
        raise ValueError(
            f"{figure}: {bad} of {len(values)} {side} sounds have NaN or infinity in their embedding; "
            f"leave them out, and check the embedding"
        )
    return values


def checked_pair(
    figure: str, reference: np.ndarray, other: np.ndarray, needed: int, needed_other: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Both sides of a figure, see `checked`; they must have the same number of features."""
    x = checked(figure, reference, needed, "reference")
    y = checked(figure, other, needed if needed_other is None else needed_other, "other")
    if x.shape[1] != y.shape[1]:
        raise ValueError(
            f"{figure}: reference embeddings have {x.shape[1]} features, the others {y.shape[1]}; "
            f"embed both sides in the same way"
        )
    return x, y


def scale_of(reference: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation (feature,) that standardise the reference, feature by feature.

    Deviations are at least a quarter of their root mean square over features. A feature that hardly varies over the
    reference, such as a band above all its sounds, would otherwise dominate every distance as soon as another set has a
    little energy there.
    """
    mean, deviation = reference.mean(axis=0), reference.std(axis=0)
    usual = float(np.sqrt(np.square(deviation).mean()))
    return mean, np.maximum(deviation, LEAST_DEVIATION * usual if usual > 0 else 1.0)
