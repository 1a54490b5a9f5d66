"""Tables of the page: figures by subject, facts, confusions and leakage as shaded cells."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from soundloom.evaluation.report import order
from soundloom.evaluation.report.markup import Markup, element, joined
from soundloom.evaluation.report.order import Column
from soundloom.evaluation.report.wording import MISSING, fact, interval, label
from soundloom.evaluation.results import ConditionResult, Figure, Results, Subject
from soundloom.metrics.estimate import Estimate

ARROWS = {"lower": ("↓", "lower is better"), "higher": ("↑", "higher is better"), "one": ("→ 1", "best at 1")}
TAGS = {"model": "model", "baseline": "baseline", "floor": "floor", "ceiling": "ceiling", "bad": "bad reference"}
DEEP = 0.85  # share from which a shaded cell needs light letters


def figures_table(results: Results, embedding: str | None) -> Markup:
    """Subjects down, figures across: value, 95 % interval, and number of sounds."""
    shown = order.columns(results, embedding)
    subjects = order.rows(results, embedding, order.headline(shown) if embedding is not None else None)
    facts = _numeric_facts(subjects) if embedding is None else []
    cells = {
        (subject.name, column.name): results.find(subject.name, column.name, embedding)
        for subject in subjects
        for column in shown
    }
    best = {column.name: _winner(subjects, column, cells) for column in shown}
    counts = {column.name: _same_count([cells[subject.name, column.name] for subject in subjects]) for column in shown}
    head = [element("th", "subject", scope="col"), *(_column_head(column, counts[column.name]) for column in shown)]
    head += [element("th", label(key), scope="col") for key in facts]
    body = []
    for subject in subjects:
        row = [_row_head(subject)]
        for column in shown:
            figure = cells[subject.name, column.name]
            marked = figure is not None and figure is best[column.name]
            row.append(_cell(figure, marked, show_sounds=counts[column.name] is None))
        row += [element("td", fact(subject.facts.get(key))) for key in facts]
        body.append(element("tr", *row, class_=f"role-{subject.role}"))
    where = f"Distances in {embedding}" if embedding is not None else "Figures without an embedding"
    return _scrolling(where, "figures", element("tr", *head), body)


def facts_list(facts: Mapping[str, Any]) -> Markup:
    """Facts as a list of terms."""
    return element("dl", *(element("div", element("dt", label(k)), element("dd", fact(v))) for k, v in facts.items()))


def subjects_table(subjects: Sequence[Subject]) -> Markup:
    """What was compared, with those facts about each that are text."""
    body = []
    for subject in subjects:
        words = [f"{label(key)}: {fact(value)}" for key, value in subject.facts.items() if not _is_number(value)]
        body.append(
            element("tr", _row_head(subject), element("td", "; ".join(words) or MISSING), class_=f"role-{subject.role}")
        )
    head = element("tr", element("th", "subject", scope="col"), element("th", "what it is", scope="col"))
    return _scrolling("What was compared", "facts", head, body)


def confusion_table(condition: ConditionResult) -> Markup:
    """Counts of the predicted value for each requested value, shaded by the share of that row."""
    body, values = [], condition.values
    for place, (value, row) in enumerate(zip(values, condition.confusion, strict=False)):
        total = sum(row)
        cells = [
            _shaded(str(count), count / total if total else 0.0, place == other) for other, count in enumerate(row)
        ]
        right = f"{100 * row[place] / total:.1f} %" if total and place < len(row) else MISSING
        body.append(element("tr", element("th", value, scope="row"), *cells, element("td", right, class_="count")))
    head = [element("th", "requested ↓ predicted →", scope="col")]
    head += [element("th", value, scope="col") for value in values]
    head.append(element("th", "correct", scope="col", class_="count"))
    name = f"{condition.name}, {condition.subject}: requested against predicted"
    return _scrolling(name, "heat", element("tr", *head), body, show_caption=True)


def leakage_table(subject: str, shares: Mapping[str, Mapping[str, float]]) -> Markup:
    """What moved (across) when one condition was changed (down)."""
    moved = list(dict.fromkeys(name for row in shares.values() for name in row))
    body = []
    for changed, row in shares.items():
        cells = [
            _shaded(_two_places(row.get(name, math.nan)), row.get(name, math.nan), name == changed) for name in moved
        ]
        body.append(element("tr", element("th", changed, scope="row"), *cells))
    head = [element("th", "changed ↓ moved →", scope="col"), *(element("th", name, scope="col") for name in moved)]
    return _scrolling(f"Leakage of {subject}", "heat", element("tr", *head), body, show_caption=True)


def coherence_table(subject: str, found: Mapping[str, Mapping[str, Estimate]]) -> Markup:
    """Share of sounds whose descriptor rises when its slider is moved up: sliders down, pairs of levels across."""
    pairs = list(dict.fromkeys(name for row in found.values() for name in row))
    body = []
    for slider, row in found.items():
        cells = (_share_cell(row[name]) for name in pairs if name in row)
        body.append(element("tr", element("th", slider, scope="row"), *cells))
    head = [element("th", "slider", scope="col"), *(element("th", name, scope="col") for name in pairs)]
    return _scrolling(
        f"Coherence of the sliders of {subject}", "figures", element("tr", *head), body, show_caption=True
    )


def _share_cell(estimate: Estimate) -> Markup:
    value, ends = interval(estimate)
    return element("td", value, element("small", ends) if ends else "")


def _column_head(column: Column, sounds: int | None) -> Markup:
    arrow, words = ARROWS[column.better]
    inside: list[str] = [column.name + "\N{NO-BREAK SPACE}", element("span", arrow, class_="arrow", aria_hidden="true")]
    inside.append(element("span", f" ({words})", class_="spoken"))
    if column.unit:
        inside.append(element("span", column.unit, class_="unit"))
    if sounds:
        inside.append(element("span", f"{fact(sounds)} sounds", class_="unit"))
    return element("th", *inside, scope="col", title=words)


def _row_head(subject: Subject) -> Markup:
    return element("th", subject.name + " ", element("span", TAGS[subject.role], class_="tag"), scope="row")


def _cell(figure: Figure | None, best: bool, show_sounds: bool) -> Markup:
    if figure is None:
        return element("td", MISSING)
    value, ends = interval(figure.estimate)
    parts: list[str] = [element("b", value, class_="best") if best else value]
    if ends:
        parts.append(element("small", ends))
    if figure.sounds and show_sounds:
        parts.append(element("small", f"{fact(figure.sounds)} sounds"))
    return element("td", *parts)


def _same_count(figures: Sequence[Figure | None]) -> int | None:
    """The number of sounds behind all figures of a column; None if it differs."""
    counts = {figure.sounds for figure in figures if figure is not None}
    return counts.pop() if len(counts) == 1 else None


def _winner(
    subjects: Sequence[Subject], column: Column, cells: Mapping[tuple[str, str], Figure | None]
) -> Figure | None:
    figures = [cells[subject.name, column.name] for subject in subjects if subject.role in order.CANDIDATES]
    return order.clear_winner(figure for figure in figures if figure is not None)


def _shaded(text: str, share: float, diagonal: bool) -> Markup:
    strength = min(1.0, max(0.0, share)) if math.isfinite(share) else 0.0
    classes = " ".join(["deep"] * (strength > DEEP) + ["right"] * diagonal) or None
    return element("td", text, style=f"--share:{strength:.2f}", class_=classes)


def _two_places(share: float) -> str:
    return f"{share:.2f}" if math.isfinite(share) else MISSING


def _scrolling(name: str, kind: str, head: Markup, body: Sequence[Markup], show_caption: bool = False) -> Markup:
    """A table that scrolls sideways by itself, also by keyboard; screen readers always get its caption."""
    caption = element("caption", name, class_=None if show_caption else "spoken")
    table = element("table", caption, element("thead", head), element("tbody", joined(body)), class_=kind)
    return element("div", table, class_="scroll", tabindex=0, role="region", aria_label=name)


def _numeric_facts(subjects: Sequence[Subject]) -> list[str]:
    found = dict.fromkeys(key for subject in subjects for key, value in subject.facts.items() if _is_number(value))
    return list(found)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
