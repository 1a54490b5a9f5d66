"""Which rows and columns come first: the order that the page and the terminal share."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from soundloom.evaluation.results import Figure, Findings, Subject

FIRST = ("kid", "kad", "frechet", "density", "coverage", "precision", "recall", "ndb", "js", "diversity")
FIRST_WITHOUT = ("inception", "accuracy", "rank", "coherence", "pitch", "cop", "nearest", "spectral", "stft", "bits")
ROLES = {"floor": 0, "ceiling": 1, "model": 2, "baseline": 2, "bad": 3}
JUDGED = ("model", "baseline")


class Column(NamedTuple):
    """What the figures in one column have in common."""

    name: str
    better: str
    unit: str


def embeddings(findings: Findings) -> list[str]:
    """The embeddings in which something was measured, in the order in which they came."""
    return list(dict.fromkeys(figure.embedding for figure in findings.figures if figure.embedding is not None))


def columns(findings: Findings, embedding: str | None) -> list[Column]:
    """One column a name of figure, the well-known first."""
    known = FIRST if embedding is not None else FIRST_WITHOUT
    found: dict[str, Column] = {}
    for figure in findings.figures:
        if figure.embedding == embedding:
            found.setdefault(figure.name, Column(figure.name, figure.better, figure.unit))
    return sorted(found.values(), key=lambda column: _rank(simple(column.name), known))


def headline(shown: Sequence[Column]) -> Column | None:
    """What rows are sorted by: KID, else the first distance."""
    distances = [column for column in shown if column.better == "lower"]
    return next((column for column in distances if simple(column.name).startswith("kid")), next(iter(distances), None))


def rows(findings: Findings, embedding: str | None, by: Column | None) -> list[Subject]:
    """Subjects that have a figure there: floor and ceiling, then the judged from best to worst, then the bad ones."""
    measured = {figure.subject for figure in findings.figures if figure.embedding == embedding}
    found = [subject for subject in findings.subjects if subject.name in measured]
    strangers = [name for name in dict.fromkeys(f.subject for f in findings.figures) if name in measured]
    known = {subject.name for subject in findings.subjects}
    found += [Subject(name, "model") for name in strangers if name not in known]

    def place(subject: Subject) -> tuple[int, float]:
        figure = findings.find(subject.name, by.name, embedding) if by else None
        value = figure.estimate.value if figure else math.nan
        return ROLES[subject.role], value if math.isfinite(value) else math.inf

    return sorted(found, key=place)


def clear_winner(figures: Iterable[Figure]) -> Figure | None:
    """The best figure of one column, if its interval lies apart from all others; None where chance may decide."""
    candidates = [figure for figure in figures if all(math.isfinite(part) for part in figure.estimate)]
    if len(candidates) < 2 or candidates[0].better == "one":
        return None
    sign = 1 if candidates[0].better == "lower" else -1
    best, *others = sorted(candidates, key=lambda figure: sign * figure.estimate.value)
    sure = best.estimate.low < best.estimate.high  # a value without an interval proves nothing
    return best if sure and all(best.estimate.apart(other.estimate) for other in others) else None


def simple(name: str) -> str:
    """A name in lower case without accents, to recognise it by."""
    return name.lower().replace("é", "e").strip()


def _rank(name: str, known: Sequence[str]) -> int:
    return next((place for place, part in enumerate(known) if part in name), len(known))
