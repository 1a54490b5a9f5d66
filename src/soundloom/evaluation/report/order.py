"""The order of rows and columns, for the page and for the terminal."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from soundloom.evaluation.results import Figure, Results, Subject

FIRST = ("kid", "kad", "frechet", "density", "coverage", "precision", "recall", "ndb", "js", "diversity")
FIRST_WITHOUT = (
    "inception",
    "accuracy",
    "rank",
    "coherence",
    "pitch",
    "memorised",
    "nearest",
    "spectral",
    "stft",
    "bits",
)
ROLES = {"floor": 0, "ceiling": 1, "model": 2, "baseline": 2, "bad": 3}
CANDIDATES = ("model", "baseline")


class Column(NamedTuple):
    """What the figures in one column have in common."""

    name: str
    better: str
    unit: str


def embeddings(results: Results) -> list[str]:
    """The embeddings that have figures, in the order in which they were used."""
    return list(dict.fromkeys(figure.embedding for figure in results.figures if figure.embedding is not None))


def columns(results: Results, embedding: str | None) -> list[Column]:
    """One column for each name of a figure, the well-known ones first."""
    known = FIRST if embedding is not None else FIRST_WITHOUT
    found: dict[str, Column] = {}
    for figure in results.figures:
        if figure.embedding == embedding:
            found.setdefault(figure.name, Column(figure.name, figure.better, figure.unit))
    return sorted(found.values(), key=lambda column: _rank(simple(column.name), known))


def headline(shown: Sequence[Column]) -> Column | None:
    """The column that rows are sorted by: KID, else the first distance."""
    distances = [column for column in shown if column.better == "lower"]
    return next((column for column in distances if simple(column.name).startswith("kid")), next(iter(distances), None))


def rows(results: Results, embedding: str | None, by: Column | None) -> list[Subject]:
    """Subjects with a figure there: floor and ceiling, then candidates from best to worst, then bad references."""
    measured = {figure.subject for figure in results.figures if figure.embedding == embedding}
    found = [subject for subject in results.subjects if subject.name in measured]
    names = [name for name in dict.fromkeys(f.subject for f in results.figures) if name in measured]
    known = {subject.name for subject in results.subjects}
    found += [Subject(name, "model") for name in names if name not in known]

    def place(subject: Subject) -> tuple[int, float]:
        figure = results.find(subject.name, by.name, embedding) if by else None
        value = figure.estimate.value if figure else math.nan
        return ROLES[subject.role], value if math.isfinite(value) else math.inf

    return sorted(found, key=place)


def clear_winner(figures: Iterable[Figure]) -> Figure | None:
    """The best figure of one column, if its interval overlaps with no other; None if the order may be chance."""
    finite = [figure for figure in figures if all(math.isfinite(part) for part in figure.estimate)]
    if len(finite) < 2 or finite[0].better == "one":
        return None
    sign = 1 if finite[0].better == "lower" else -1
    best, *others = sorted(finite, key=lambda figure: sign * figure.estimate.value)
    significant = best.estimate.low < best.estimate.high  # a value without an interval is no evidence
    return best if significant and all(best.estimate.apart(other.estimate) for other in others) else None


def simple(name: str) -> str:
    """A name in lower case without accents, for matching."""
    return name.lower().replace("é", "e").strip()


def _rank(name: str, known: Sequence[str]) -> int:
    return next((place for place, part in enumerate(known) if part in name), len(known))
