"""The report as one HTML page: no script, and nothing from outside of the file."""

from __future__ import annotations

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
from soundloom.evaluation.report.wording import plain
from soundloom.evaluation.results import Condition, Findings, Subject
from soundloom.metrics.estimate import Estimate

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; media-src data:"
SIDE_BY_SIDE = 8  # values of a category whose table leaves room for another


def page(findings: Findings) -> str:
    """The whole document; sections without content are left out."""
    sections = {
        "compared": ("What was compared", _compared(findings)),
        "distances": ("Distances to real sounds", _distances(findings)),
        "figures": ("Other figures", _without_embedding(findings)),
        "obedience": ("Is it what was asked for?", _obedience(findings)),
        "listen": ("Listen", [gallery(findings.examples)] if findings.examples else []),
        "reading": ("How to read this", _reading(findings)),
    }
    shown = {key: (title, parts) for key, (title, parts) in sections.items() if parts}
    contents = element(
        "nav", *(element("a", t, href=f"#{key}") for key, (t, _) in shown.items()), aria_label="Contents"
    )
    main = [element("section", element("h2", t), *parts, id=key) for key, (t, parts) in shown.items()]
    body = element("body", element("header", *_opening(findings), contents), element("main", *main))
    return f"<!doctype html>\n{element('html', _head(findings.title), body, lang='en')}\n"


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


def _opening(findings: Findings) -> Iterator[Markup]:
    yield element("h1", findings.title)
    made = f"soundloom {soundloom.__version__}, {plain(findings.made_at).replace('T', ' ')}"
    yield element("p", made, class_="note")
    if findings.verdicts:
        yield element("div", *(element("p", sentence) for sentence in findings.verdicts), class_="verdict")
    if findings.remarks:
        points = element("ul", *(element("li", remark) for remark in findings.remarks))
        yield element("div", element("h2", "Left out or changed"), points, class_="remarks")


def _compared(findings: Findings) -> list[Markup]:
    parts = []
    if findings.reference:
        parts += [element("h3", "Real sounds"), facts_list(findings.reference)]
    if findings.subjects:
        ordered = sorted(findings.subjects, key=lambda subject: order.ROLES[subject.role])
        parts += [element("h3", "Judged, and references"), subjects_table(ordered)]
    if findings.machine:
        parts += [element("h3", "Computer"), facts_list(findings.machine)]
    if findings.command:
        parts += [element("h3", "To repeat it"), element("pre", element("code", findings.command), tabindex=0)]
    return parts


def _distances(findings: Findings) -> list[Markup]:
    found = order.embeddings(findings)
    parts = []
    for embedding in found:
        parts.append(element("h3", embedding))
        shown = order.columns(findings, embedding)
        if by := order.headline(shown):
            subjects = order.rows(findings, embedding, by)
            measured = [(subject, _estimate(findings, subject, by.name, embedding)) for subject in subjects]
            drawn = plots.dots([(subject, estimate) for subject, estimate in measured if estimate], by.name)
            if drawn:
                parts.append(element("figure", drawn, _chart_caption(by, findings), class_="chart"))
        parts.append(figures_table(findings, embedding))
    if len(found) > 1:
        warning = (
            "Each embedding hears other things and has a scale of its own: compare numbers within a table, never "
            "across tables. What holds in several of them is the safer."
        )
        parts.insert(0, element("p", warning))
    return parts


def _chart_caption(by: order.Column, findings: Findings) -> Markup:
    text = f"{by.name}{f' ({by.unit})' if by.unit else ''}, left is better. Dot: value; line: 95 % interval. "
    if any(subject.role == "floor" for subject in findings.subjects):
        text += "Band: the floor's interval, where real sounds lie. "
    return element("figcaption", text + "The axis is linear near 0 and logarithmic further out.")


def _estimate(findings: Findings, subject: Subject, name: str, embedding: str) -> Estimate | None:
    figure = findings.find(subject.name, name, embedding)
    return figure.estimate if figure else None


def _without_embedding(findings: Findings) -> list[Markup]:
    return [figures_table(findings, None)] if order.columns(findings, None) else []


def _obedience(findings: Findings) -> list[Markup]:
    parts = []
    for subject in dict.fromkeys(
        [*(one.subject for one in findings.conditions), *findings.leakage, *findings.coherence]
    ):
        mine = [_condition(one) for one in findings.conditions if one.subject == subject]
        parts.append(element("h3", subject))
        if drawn := [part for part in mine if part]:
            parts.append(element("div", *drawn, class_="conditions"))
        if shares := findings.leakage.get(subject):
            explained = "Leakage: what else moved, and by what share, when only the condition on the left was changed."
            parts += [element("p", explained), leakage_table(subject, shares)]
        if found := findings.coherence.get(subject):
            explained = (
                "Coherence: all else held, the share of sounds that have more of it at 0.8 of the slider than at 0.2 "
                "(E1), at 0.5 than at 0.2 (E2), at 0.8 than at 0.5 (E3). A slider that is not followed has about 0.5."
            )
            parts += [element("p", explained), coherence_table(subject, found)]
    return parts


def _condition(condition: Condition) -> Markup:
    if condition.kind == "category":
        drawn = confusion_table(condition) if condition.confusion else Markup("")
        note = "Counts; shades are shares of a row, outlined cells are as asked."
    else:
        drawn = plots.scatter(condition.points, condition.name)
        unheard = sum(1 for asked, heard in condition.points if heard != heard or asked != asked)
        note = "On the dashed line it is as asked."
        note += f" {unheard} of {len(condition.points)} had nothing to measure." if unheard else ""
    if not drawn:
        return Markup("")
    wide = len(condition.values) > SIDE_BY_SIDE
    caption = element("figcaption", note)
    return element("figure", element("h4", condition.name), drawn, caption, class_="wide" if wide else None)


def _reading(findings: Findings) -> list[Markup]:
    names = [figure.name for figure in findings.figures]
    if not names:
        return []
    terms = []
    for entry in entries(names, (subject.role for subject in findings.subjects)):
        paper = [" ", element("a", entry.paper.removeprefix("https://"), href=entry.paper)] if entry.paper else []
        terms.append(element("div", element("dt", entry.title), element("dd", entry.meaning, *paper)))
    return [element("dl", *terms, class_="glossary")]
