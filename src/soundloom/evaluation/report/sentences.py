"""What can be said after the figures, and what cannot: sentences for the top of a report."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from soundloom.metrics.estimate import Estimate, TooFew
from soundloom.metrics.kernels import kid_between

if TYPE_CHECKING:
    from soundloom.evaluation.session import Verdict

FEW_COPIES = 0.02


def sentences(verdict: Verdict) -> Iterator[str]:
    """The verdict in words: distances first, then copies."""
    from soundloom.evaluation.session import FLOOR

    judged = [subject for subject in verdict.findings.subjects if subject.role in ("model", "baseline")]
    for embedding in verdict.embeddings:
        if FLOOR in verdict.heard:
            for subject in judged:
                if subject.role == "model":
                    yield _beside(verdict, subject.name, FLOOR, embedding.name)
        yield from _ranking(verdict, [subject.name for subject in judged], embedding.name)
    for subject in judged:
        copies = verdict.findings.find(subject.name, "copies")
        if copies and subject.role == "model":
            share = copies.estimate.value
            what = "few" if share <= FEW_COPIES else "too many: it repeats its training set"
            yield f"{subject.name}: {share:.1%} of {copies.sounds} sounds are suspected copies, {what}."
        if subject.role == "model":
            yield from _sliders(verdict, subject.name)


def _sliders(verdict: Verdict, name: str) -> Iterator[str]:
    """How often a slider moved from low to high is heard, and which is the worst."""
    mean, of_each = verdict.findings.find(name, "coherence E1"), verdict.findings.coherence.get(name)
    if mean is None or not of_each:
        return
    worst, found = min(of_each.items(), key=lambda item: item[1]["E1"].value)
    yield (
        f"{name}: a slider moved from 0.2 to 0.8 alone is heard to go up in {mean.estimate.value:.0%} of sounds, "
        f"{worst} the least, {found['E1'].value:.0%}."
    )


def _beside(verdict: Verdict, name: str, floor: str, embedding: str) -> str:
    difference = _difference(verdict, name, floor, embedding)
    mine, real = verdict.findings.find(name, "KID", embedding), verdict.findings.find(floor, "KID", embedding)
    if difference is None or mine is None or real is None:
        return f"{name}: too few sounds for a distance ({embedding})."
    figures = f"KID {mine.estimate.value:.0f}, training sounds {real.estimate.value:.0f}; {embedding}"
    if difference.low > 0:
        return f"{name} is farther from the held-out sounds than training sounds are ({figures})."
    if difference.high < 0:
        return f"{name} is nearer to the held-out sounds than training sounds are ({figures})."
    return f"{name} is as near to the held-out sounds as training sounds are, within the interval ({figures})."


def _ranking(verdict: Verdict, names: list[str], embedding: str) -> Iterator[str]:
    """Neighbours in the order of KID: told apart, or not."""
    if len(names) < 2:
        return
    found = {name: verdict.findings.find(name, "KID", embedding) for name in names}
    order = sorted((name for name in names if found[name]), key=lambda name: _value(found[name]))
    for better, worse in pairwise(order):
        difference = _difference(verdict, better, worse, embedding)
        if difference is None:
            continue
        interval = f"KID lower by {-difference.value:.0f}, {-difference.high:.0f} to {-difference.low:.0f}; {embedding}"
        if difference.high < 0:
            yield f"{better} is nearer to the held-out sounds than {worse} ({interval})."
        else:
            yield f"{better} and {worse} cannot be told apart by {embedding} ({interval})."


def _difference(verdict: Verdict, one: str, two: str, embedding: str) -> Estimate | None:
    sides = [verdict.heard[name].vectors.get(embedding, np.zeros((0, 1))) for name in (one, two)]
    try:
        return kid_between(verdict.reference.vectors[embedding], *sides)
    except (TooFew, ValueError):
        return None


def _value(figure: object) -> float:
    estimate = getattr(figure, "estimate", None)
    return estimate.value if estimate is not None else float("inf")
