"""Growth: levels in order, each faded in, decided by the fraction of the training alone."""

from __future__ import annotations

import pytest

from soundloom.systems.drumgan.growth import Growth, growth_at

SHARES = (1.0, 1.0, 2.0)


@pytest.mark.parametrize(
    ("fraction", "expected"),
    [
        (0.0, Growth(0)),
        (0.2499, Growth(0)),
        (0.25, Growth(1, 0.0)),
        (0.3, Growth(1, 0.4)),
        (0.375, Growth(1, 1.0)),
        (0.5, Growth(2, 0.0)),
        (0.625, Growth(2, 0.5)),
        (1.0, Growth(2, 1.0)),
    ],
)
def test_a_level_is_faded_in_over_the_first_half_of_its_share(fraction: float, expected: Growth) -> None:
    found = growth_at(fraction, SHARES, fade=0.5)
    assert found.level == expected.level
    assert found.share == pytest.approx(expected.share)


def test_growth_never_decreases() -> None:
    numbers = [growth_at(step / 500, (0.1, 0.3, 0.05, 0.55), 0.3).number for step in range(501)]
    assert numbers == sorted(numbers)
    assert (numbers[0], numbers[-1]) == (0.0, 3.0)


def test_without_a_fade_a_level_is_complete_at_once() -> None:
    assert growth_at(0.25, SHARES, fade=0.0) == Growth(1, 1.0)


@pytest.mark.parametrize("now", [Growth(0), Growth(1, 0.25), Growth(1), Growth(4, 0.5), Growth(5)])
def test_growth_is_restored_from_its_number(now: Growth) -> None:
    assert Growth.of(now.number) == now
