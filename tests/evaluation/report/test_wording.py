"""Numbers are short, intervals line up with their values, and any text can be shown."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soundloom.evaluation.report.wording import as_text, fact, interval, label, number
from soundloom.metrics.estimate import Estimate


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (0.123456, "0.123"),
        (-1.2345, "-1.23"),
        (12.345, "12.3"),
        (123.45, "123"),
        (400.0, "400"),
        (16800.4, "16 800"),
        (1234567.0, "1.23 M"),
        (2.5e9, "2.50 G"),
        (0.00012345, "1.23e-4"),
        (3e15, "3.00e15"),
        (math.nan, "–"),
        (-math.inf, "–"),
    ],
)
def test_numbers_have_three_significant_digits(value: float, text: str):
    assert number(value) == text


@pytest.mark.parametrize(
    ("estimate", "shown"),
    [
        (Estimate(0.0123, -0.512, 0.611), ("0.012", "-0.512 to 0.611")),
        (Estimate(5.9, 4.57, 7.231), ("5.90", "4.57 to 7.23")),
        (Estimate(0.94, 0.91, 0.96), ("0.940", "0.910 to 0.960")),
        (Estimate(0.0, 0.0, 0.0139), ("0", "0 to 0.0139")),
        (Estimate(7.0, 7.0, 7.0), ("7", "")),
        (Estimate(412.0, math.nan, math.nan), ("412", "")),
        (Estimate(math.nan, 0.0, 1.0), ("–", "")),
    ],
)
def test_a_value_has_as_many_decimals_as_its_interval(estimate: Estimate, shown: tuple[str, str]):
    assert interval(estimate) == shown


@given(st.floats(-1e300, 1e300))
def test_a_number_is_never_long_nor_far_from_the_value(value: float):
    text = number(value)
    assert len(text) <= 10
    scale = {" G": 1e9, " M": 1e6}.get(text[-2:], 1.0)
    read = float(text.removesuffix(" G").removesuffix(" M").replace(" ", "")) * scale
    assert read == pytest.approx(value, rel=0.006, abs=0)


@given(st.text(st.characters(exclude_categories=[]), max_size=20))
def test_any_text_becomes_one_that_utf8_can_hold(text: str):
    assert "\x1b" not in as_text(text)
    as_text(text).encode()


def test_facts_are_short_words():
    given = [None, True, 16000, 1600, 0.5, -23.0, 1 / 3, [1, "a"], {"seed": 3}, ""]
    shown = ["–", "yes", "16 000", "1600", "0.5", "-23", "0.333", "1, a", "seed: 3", "–"]
    assert [fact(value) for value in given] == shown
    assert label("sample_rate") == "sample rate (Hz)"
