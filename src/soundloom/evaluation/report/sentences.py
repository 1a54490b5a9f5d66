"""The conclusions at the top of a report, in sentences: what the figures show, and what they leave open."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

from soundloom.evaluation.results import FLOOR, MEMORISED, Results, Subject
from soundloom.metrics.estimate import Estimate

FEW_MEMORISED = 0.02
Difference = Callable[[str, str, str], Estimate | None]
"""KID of one subject minus that of another, in an embedding; None if it cannot be computed."""


def sentences(results: Results, embeddings: Sequence[str], difference: Difference) -> Iterator[str]:
    """Distances first, then memorisation and sliders."""
    candidates = [subject for subject in results.subjects if subject.role in ("model", "baseline")]
    models = [subject for subject in candidates if subject.role == "model"]
    floor = any(subject.name == FLOOR for subject in results.subjects)
    for embedding in embeddings:
        if floor:
            for model in models:
                yield _beside_floor(results, model.name, embedding, difference(model.name, FLOOR, embedding))
        yield from _ranking(results, candidates, embedding, difference)
    for model in models:
        memorised = results.find(model.name, MEMORISED)
        if memorised:
            share = memorised.estimate.value
            what = "few" if share <= FEW_MEMORISED else "too many: it repeats its training set"
            yield f"{model.name}: {share:.1%} of {memorised.sounds} sounds seem memorised, {what}."
        yield from slider_sentences(results, model.name)


def slider_sentences(results: Results, name: str) -> Iterator[str]:
    """How often a slider moved up is measured to go up, and which slider does so least often."""
    mean, sliders = results.find(name, "coherence E1"), results.coherence.get(name)
    if mean is None or not sliders:
        return
    least, found = min(sliders.items(), key=lambda item: item[1]["E1"].value)
    yield (
        f"{name}: moving one slider from 0.2 to 0.8 raises what it stands for in {mean.estimate.value:.0%} of sounds; "
        f"{least} does so least often, in {found['E1'].value:.0%}."
    )


def _beside_floor(results: Results, name: str, embedding: str, difference: Estimate | None) -> str:
    own, floor = results.find(name, "KID", embedding), results.find(FLOOR, "KID", embedding)
    if difference is None or own is None or floor is None:
        return f"{name}: too few sounds for a distance ({embedding})."
    figures = f"KID {own.estimate.value:.0f}, training sounds {floor.estimate.value:.0f}; {embedding}"
    if difference.low > 0:
        return f"{name} is farther from the held-out sounds than training sounds are ({figures})."
    if difference.high < 0:
        return f"{name} is nearer to the held-out sounds than training sounds are ({figures})."
    return f"{name} is as near to the held-out sounds as training sounds are, within the interval ({figures})."


def _ranking(results: Results, candidates: Sequence[Subject], embedding: str, difference: Difference) -> Iterator[str]:
    """Neighbours in the order of KID: whether the difference is significant."""
    found = {each.name: figure for each in candidates if (figure := results.find(each.name, "KID", embedding))}
    for better, worse in pairwise(sorted(found, key=lambda name: found[name].estimate.value)):
        lower = difference(better, worse, embedding)
        if lower is None:
            continue
        interval = f"KID lower by {-lower.value:.0f}, {-lower.high:.0f} to {-lower.low:.0f}; {embedding}"
        if lower.high < 0:
            yield f"{better} is nearer to the held-out sounds than {worse} ({interval})."
        else:
            yield f"{better} and {worse} cannot be distinguished by {embedding} ({interval})."
