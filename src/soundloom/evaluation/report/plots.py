"""Charts as inline SVG: subjects with their intervals, and requested against measured values."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from soundloom.evaluation.report.markup import Markup, element
from soundloom.evaluation.report.wording import as_text, interval, number
from soundloom.evaluation.results import Subject
from soundloom.metrics.estimate import Estimate

ROW = 40  # pixels for one subject
AXIS = 26
MARGIN = 3.0  # percent, left and right
LONGEST_NAME = 34
TICK_DISTANCE = 12.0  # percent
SCATTER = (340, 300)
SCATTER_EDGE = {"left": 52, "right": 12, "top": 10, "bottom": 42}
MOST_POINTS = 1500


def dots(rows: Sequence[tuple[Subject, Estimate]], name: str) -> Markup:
    """Each subject's value as a dot on its 95 % interval; the floor's interval is a band behind all of them.

    Widths are percentages, so the same chart fits a phone and a desk; letters keep their size.

    Args:
        rows: from top to bottom; a value that is not finite keeps its row and gets no dot.
        name: of the figure, for the axis and for screen readers.
    """
    ends = [end for _, estimate in rows for end in _finite_ends(estimate)]
    if not ends:
        return Markup("")
    floor = next((estimate for subject, estimate in rows if subject.role == "floor"), None)
    place = _placer(min(0.0, *ends), max(0.0, *ends), _linear_part(ends, floor))
    height = ROW * len(rows) + AXIS
    parts: list[Markup] = []
    if floor is not None and len(band := _finite_ends(floor)) > 1:
        left, right = place(min(band)), place(max(band))
        parts.append(_rect(left, max(0.4, right - left), height - AXIS))
    bottom = height - AXIS
    for tick in _log_ticks(min(0.0, *ends), max(0.0, *ends), place):
        x = f"{place(tick):.2f}%"
        parts.append(element("line", x1=x, x2=x, y1=0, y2=bottom + 4, class_="grid"))
        parts.append(element("text", _tick(tick), x=x, y=bottom + 18, class_="tick"))
    for position, (subject, estimate) in enumerate(rows):
        parts.append(_row(subject, estimate, ROW * position, place))
    spoken = "; ".join(f"{subject.name} {' '.join(interval(estimate))}" for subject, estimate in rows)
    return element("svg", *parts, class_="dots", height=height, role="img", aria_label=f"{name}: {spoken}")


def scatter(points: Sequence[tuple[float, float]], name: str) -> Markup:
    """Requested values (across) against measured ones (up), on equal axes, with the line where both agree."""
    shown = [pair for pair in points if all(math.isfinite(part) for part in pair)]
    if not shown:
        return Markup("")
    shown = shown[:: math.ceil(len(shown) / MOST_POINTS)]
    (width, height), edge = SCATTER, SCATTER_EDGE
    values = [part for pair in shown for part in pair]
    low, high = min(values), max(values)
    space = 0.05 * (high - low) or max(1e-6, 0.05 * abs(high))
    low, high = low - space, high + space

    def across(value: float) -> float:
        return edge["left"] + (value - low) / (high - low) * (width - edge["left"] - edge["right"])

    def up(value: float) -> float:
        return height - edge["bottom"] - (value - low) / (high - low) * (height - edge["top"] - edge["bottom"])

    left, bottom = edge["left"], height - edge["bottom"]
    parts = []
    for tick in _even_ticks(low, high):
        x, y = f"{across(tick):.1f}", f"{up(tick):.1f}"
        parts.append(element("line", x1=x, x2=x, y1=edge["top"], y2=bottom, class_="grid"))
        parts.append(element("line", x1=left, x2=width - edge["right"], y1=y, y2=y, class_="grid"))
        parts.append(element("text", _tick(tick), x=x, y=bottom + 16, class_="tick"))
        parts.append(element("text", _tick(tick), x=left - 6, y=f"{up(tick) + 4:.1f}", class_="tick end"))
    ends = {"x1": across(low), "y1": up(low), "x2": across(high), "y2": up(high)}
    parts.append(element("line", class_="agree", **{key: f"{value:.1f}" for key, value in ends.items()}))
    parts += [
        element("circle", cx=f"{across(requested):.1f}", cy=f"{up(measured):.1f}", r=3.2, class_="point")
        for requested, measured in shown
    ]
    middle = (edge["top"] + bottom) / 2
    parts.append(element("text", "requested", x=(left + width - edge["right"]) / 2, y=height - 6, class_="tick"))
    turned = f"rotate(-90 12 {middle:.0f})"
    parts.append(element("text", "measured", x=12, y=f"{middle:.0f}", class_="tick", transform=turned))
    spoken = f"{name}: requested against measured, {len(shown)} sounds"
    return element("svg", *parts, class_="scatter", viewBox=f"0 0 {width} {height}", role="img", aria_label=spoken)


def _row(subject: Subject, estimate: Estimate, top: float, place: Callable[[float], float]) -> Markup:
    value, ends = interval(estimate)
    name = as_text(subject.name)
    shown = name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…"
    parts = [
        element("text", shown, element("title", f"{name}, {subject.role}"), x="0", y=top + 14, class_="name"),
        element("text", value, x="100%", y=top + 14, class_="value"),
    ]
    middle = top + 27
    drawn = _finite_ends(estimate)
    if len(drawn) > 1:
        left, right = f"{place(min(drawn)):.2f}%", f"{place(max(drawn)):.2f}%"
        parts.append(element("line", x1=left, x2=right, y1=middle, y2=middle, class_="whisker"))
        parts += [element("line", x1=x, x2=x, y1=middle - 4, y2=middle + 4, class_="whisker") for x in (left, right)]
    if math.isfinite(estimate.value):
        spoken = element("title", f"{name}: {value}" + (f" ({ends})" if ends else ""))
        parts.append(element("circle", spoken, cx=f"{place(estimate.value):.2f}%", cy=middle, r=5, class_="dot"))
    return element("g", *parts, class_=f"role-{subject.role}")


def _rect(left: float, width: float, height: float) -> Markup:
    return element("rect", x=f"{left:.2f}%", width=f"{width:.2f}%", y=0, height=height, class_="band")


def _finite_ends(estimate: Estimate) -> list[float]:
    return [part for part in (estimate.low, estimate.value, estimate.high) if math.isfinite(part)]


def _linear_part(ends: Sequence[float], floor: Estimate | None) -> float:
    """The axis is linear up to about here and logarithmic beyond: the floor's uncertainty, where there is one."""
    largest = max(abs(end) for end in ends) or 1.0
    near = floor if floor is not None and len(_finite_ends(floor)) == 3 else None
    width = (near.high - near.low) / 2 if near else 0.0
    return min(largest, max(width, largest / 3000))


def _placer(low: float, high: float, linear: float) -> Callable[[float], float]:
    """Where a value lies, in percent of the width: asinh, linear near 0 and logarithmic far from it."""
    start, stop = math.asinh(low / linear), math.asinh(high / linear)
    span = (stop - start) or 1.0
    return lambda value: MARGIN + (100 - 2 * MARGIN) * (math.asinh(value / linear) - start) / span


def _log_ticks(low: float, high: float, place: Callable[[float], float]) -> list[float]:
    """Round values far enough apart: zero first, then powers of ten from the top, then 5s and 2s."""
    top = math.floor(math.log10(max(abs(low), abs(high)) or 1.0))
    candidates = [0.0]
    for digit in (1, 5, 2):
        for power in range(top, top - 6, -1):
            candidates += [digit * 10.0**power, -digit * 10.0**power]
    chosen: list[float] = []
    for candidate in candidates:
        inside = low <= candidate <= high
        if inside and all(abs(place(candidate) - place(other)) >= TICK_DISTANCE for other in chosen):
            chosen.append(candidate)
    return sorted(chosen)


def _even_ticks(low: float, high: float) -> list[float]:
    step = 10.0 ** math.floor(math.log10((high - low) / 3))
    step *= max(factor for factor in (1, 2, 5) if factor * step <= (high - low) / 3)
    first, last = math.ceil(low / step), math.floor(high / step)
    return [place * step for place in range(first, last + 1)]


def _tick(value: float) -> str:
    return number(value) if value == 0 or not 1e-3 <= abs(value) < 1e6 else f"{value:,.6g}".replace(",", " ")
