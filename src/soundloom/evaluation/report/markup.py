"""HTML and SVG elements from values: plain text is escaped, and every element is closed."""

from __future__ import annotations

import html
from collections.abc import Iterable

from soundloom.evaluation.report.wording import as_text

VOID = frozenset({"meta", "img", "br", "hr"})


class Markup(str):
    """Text that is markup: it goes into a page as it is."""


def element(name: str, /, *children: str, **attributes: object) -> Markup:
    """`<name attributes>children</name>`.

    Args:
        name: of the element, as "td" or "circle".
        children: plain text is escaped, Markup is not.
        attributes: `class_` stands for class and `aria_label` for aria-label; None and False leave one out, True has no
            value, Markup goes in as it is.
    """
    inside = "".join(child if isinstance(child, Markup) else _escaped(child) for child in children)
    head = name + "".join(_attribute(key, value) for key, value in attributes.items())
    return Markup(f"<{head}>" if name in VOID else f"<{head}>{inside}</{name}>")


def joined(parts: Iterable[str], between: str = "") -> Markup:
    """Parts one after another, plain text among them escaped."""
    return Markup(between.join(part if isinstance(part, Markup) else _escaped(part) for part in parts))


def _attribute(key: str, value: object) -> str:
    if value is None or value is False:
        return ""
    name = key.rstrip("_").replace("_", "-")
    if value is True:
        return f" {name}"
    return f' {name}="{value if isinstance(value, Markup) else _escaped(str(value))}"'


def _escaped(text: str) -> str:
    return html.escape(as_text(text))
