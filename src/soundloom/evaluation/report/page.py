"""The report as one HTML page, without scripts or external files."""

from __future__ import annotations

import math
from collections.abc import Iterator
from importlib import resources

import soundloom
from soundloom.evaluation.report import order, plots
from soundloom.evaluation.report.gallery import gallery
from soundloom.evaluation.report.glossary import entries
from soundloom.evaluation.report.html_tables import (
    coherence_table,
    confusion_table,
    facts_list,
    figures_table,
    leakage_table,
    subjects_table,
)
from soundloom.evaluation.report.markup import Markup, element
from soundloom.evaluation.report.wording import as_text
from soundloom.evaluation.results import ConditionResult, Results, Subject
from soundloom.metrics.estimate import Estimate

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; media-src data:"
SIDE_BY_SIDE = 8  # values of a category whose table leaves room for another


def page(results: Results) -> str:
    """The whole document; sections without content are left out."""
    sections = {
        "compared": ("What was compared", _compared(results)),
        "distances": ("Distances to real sounds", _distances(results)),
        "figures": ("Other figures", _without_embedding(results)),
        "conditioning": ("Conditioning accuracy", _conditioning(results)),
        "listen": ("Listen", [gallery(results.examples)] if results.examples else []),
        "reading": ("How to read this", _reading(results)),
    }
    shown = {key: (title, parts) for key, (title, parts) in sections.items() if parts}
    contents = element(
        "nav", *(element("a", t, href=f"#{key}") for key, (t, _) in shown.items()), aria_label="Contents"
    )
    main = [element("section", element("h2", t), *parts, id=key) for key, (t, parts) in shown.items()]
    body = element("body", element("header", *_opening(results), contents), element("main", *main))
    return f"<!doctype html>\n{element('html', _head(results.title), body, lang='en')}\n"


def _head(title: str) -> Markup:
    style = resources.files("soundloom.evaluation.report").joinpath("page.css").read_text(encoding="utf-8")
    return element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", title),
        element("style", Markup(style)),
    )


def _opening(results: Results) -> Iterator[Markup]:
    yield element("h1", results.title)
    made = f"soundloom {soundloom.__version__}, {as_text(results.made_at).replace('T', ' ')}"
    yield element("p", made, class_="note")
    if results.verdicts:
        yield element("div", *(element("p", sentence) for sentence in results.verdicts), class_="verdict")
    if results.remarks:
        points = element("ul", *(element("li", remark) for remark in results.remarks))
        yield element("div", element("h2", "Left out or changed"), points, class_="remarks")


def _compared(results: Results) -> list[Markup]:
    parts = []
    if results.reference:
        parts += [element("h3", "Real sounds"), facts_list(results.reference)]
    if results.subjects:
        ordered = sorted(results.subjects, key=lambda subject: order.ROLES[subject.role])
        parts += [element("h3", "Candidates and references"), subjects_table(ordered)]
    if results.machine:
        parts += [element("h3", "Computer"), facts_list(results.machine)]
    if results.command:
        parts += [element("h3", "To repeat it"), element("pre", element("code", results.command), tabindex=0)]
    return parts


def _distances(results: Results) -> list[Markup]:
    found = order.embeddings(results)
    parts = []
    for embedding in found:
        parts.append(element("h3", embedding))
        shown = order.columns(results, embedding)
        if by := order.headline(shown):
            subjects = order.rows(results, embedding, by)
            measured = [(subject, _estimate(results, subject, by.name, embedding)) for subject in subjects]
            drawn = plots.dots([(subject, estimate) for subject, estimate in measured if estimate], by.name)
            if drawn:
                parts.append(element("figure", drawn, _chart_caption(by, results), class_="chart"))
        parts.append(figures_table(results, embedding))
    if len(found) > 1:
        warning = (
            "Each embedding measures other properties on its own scale: compare numbers within a table, never across "
            "tables. A finding that holds in several of them is more reliable."
        )
        parts.insert(0, element("p", warning))
    return parts


def _chart_caption(by: order.Column, results: Results) -> Markup:
    text = f"{by.name}{f' ({by.unit})' if by.unit else ''}, left is better. Dot: value; line: 95 % interval. "
    if any(subject.role == "floor" for subject in results.subjects):
        text += "Band: the floor's interval, the range of real sounds. "
    return element("figcaption", text + "The axis is linear near 0 and logarithmic further out.")


def _estimate(results: Results, subject: Subject, name: str, embedding: str) -> Estimate | None:
    figure = results.find(subject.name, name, embedding)
    return figure.estimate if figure else None


def _without_embedding(results: Results) -> list[Markup]:
    return [figures_table(results, None)] if order.columns(results, None) else []


def _conditioning(results: Results) -> list[Markup]:
    parts = []
    for subject in dict.fromkeys([*(one.subject for one in results.conditions), *results.leakage, *results.coherence]):
        mine = [_condition(one) for one in results.conditions if one.subject == subject]
        parts.append(element("h3", subject))
        if drawn := [part for part in mine if part]:
            parts.append(element("div", *drawn, class_="conditions"))
        if shares := results.leakage.get(subject):
            explained = "Leakage: the share by which each condition (top) moves when only one (left) is changed."
            parts += [element("p", explained), leakage_table(subject, shares)]
        if found := results.coherence.get(subject):
            explained = (
                "Coherence: the share of sounds whose descriptor is higher at 0.8 of its slider than at 0.2 (E1), at "
                "0.5 than at 0.2 (E2), at 0.8 than at 0.5 (E3), everything else equal. A slider without effect scores "
                "about 0.5."
            )
            parts += [element("p", explained), coherence_table(subject, found)]
    return parts


def _condition(condition: ConditionResult) -> Markup:
    if condition.kind == "category":
        drawn = confusion_table(condition) if condition.confusion else Markup("")
        note = "Counts; shades are shares of a row, outlined cells are correct."
    else:
        drawn = plots.scatter(condition.points, condition.name)
        unmeasured = sum(1 for pair in condition.points if any(math.isnan(value) for value in pair))
        note = "On the dashed line, measured and requested values are equal."
        note += f" {unmeasured} of {len(condition.points)} had nothing to measure." if unmeasured else ""
    if not drawn:
        return Markup("")
    wide = len(condition.values) > SIDE_BY_SIDE
    caption = element("figcaption", note)
    return element("figure", element("h4", condition.name), drawn, caption, class_="wide" if wide else None)


def _reading(results: Results) -> list[Markup]:
    names = [figure.name for figure in results.figures]
    if not names:
        return []
    terms = []
    for entry in entries(names, (subject.role for subject in results.subjects)):
        paper = [" ", element("a", entry.paper.removeprefix("https://"), href=entry.paper)] if entry.paper else []
        terms.append(element("div", element("dt", entry.title), element("dd", entry.meaning, *paper)))
    return [element("dl", *terms, class_="glossary")]
