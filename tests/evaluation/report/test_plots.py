"""Charts place values in order, mark zero, and take any values there are."""

from __future__ import annotations

import math
import re

import pytest

from soundloom.evaluation.report.plots import dots, scatter
from soundloom.evaluation.results import Subject
from soundloom.metrics.estimate import Estimate


def across(svg: str) -> list[float]:
    """Where the dots lie, in percent."""
    return [float(x) for x in re.findall(r'<circle cx="([-\d.]+)%"', svg)]


def test_dots_lie_in_the_order_of_their_values_within_the_chart():
    values = (-3.0, 0.02, 0.5, 7.0, 80.0, 4000.0)
    rows = [(Subject(f"s{v}", "model"), Estimate(v, v - 0.1, v + 0.1)) for v in values]
    places = across(dots(rows, "KID"))
    assert places == sorted(places)
    assert len(set(places)) == len(values)
    assert 0 <= min(places) <= max(places) <= 100


def test_equal_ratios_far_from_zero_take_equal_room():
    rows = [(Subject(f"s{v}", "model"), Estimate(v, v, v)) for v in (10.0, 100.0, 1000.0)]
    rows.append((Subject("real", "floor"), Estimate(0.0, -0.1, 0.1)))
    first, second, third, _ = across(dots(rows, "KID"))
    assert second - first == pytest.approx(third - second, abs=0.02)


def test_the_floors_interval_is_drawn_behind_all_rows():
    floor = (Subject("real", "floor"), Estimate(0.0, -1.0, 1.0))
    assert 'class="band"' in dots([floor], "KID")
    assert 'class="band"' not in dots([(Subject("a", "model"), floor[1])], "KID")


@pytest.mark.parametrize("value", [0.0, -5.0, 1e-9, 1e9, math.nan, math.inf])
def test_a_chart_is_drawn_for_any_value(value: float):
    rows = [(Subject("a", "model"), Estimate(value, value, math.nan)), (Subject("b", "model"), Estimate(1, 0, 2))]
    drawn = dots(rows, "KID")
    assert len(across(drawn)) == (2 if math.isfinite(value) else 1)
    assert "nan" not in drawn
    assert "inf" not in drawn


def test_no_value_no_chart():
    assert dots([(Subject("a", "model"), Estimate(math.nan, math.nan, math.nan))], "KID") == ""
    assert scatter([(1.0, math.nan)], "pitch") == ""


def test_a_scatter_plot_has_a_point_for_each_sound_that_was_measured():
    points = [(0.1, 0.2), (0.5, math.nan), (0.9, 0.8), (0.3, 0.3)]
    assert scatter(points, "brightness").count('class="point"') == 3


def test_equal_values_lie_on_the_dashed_line():
    drawn = scatter([(0.0, 0.0), (2.0, 2.0), (1.0, 1.0)], "brightness")
    x1, y1, x2, y2 = (
        float(re.search(rf'class="agree"[^>]*{key}="([\d.]+)"', drawn)[1]) for key in ("x1", "y1", "x2", "y2")
    )
    for x, y in re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)"', drawn):
        assert (float(y) - y1) / (y2 - y1) == pytest.approx((float(x) - x1) / (x2 - x1), abs=0.01)


@pytest.mark.parametrize("value", [0.0, 60.0, -1e-7, 1e7])
def test_a_scatter_plot_of_one_point_is_drawn(value: float):
    assert scatter([(value, value)], "pitch").count('class="point"') == 1


def test_thousands_of_points_are_thinned_out():
    assert scatter([(n / 9999, n / 9999) for n in range(10_000)], "x").count('class="point"') <= 1500
