"""A figure with its interval, and the error for too few sounds."""

from __future__ import annotations

from typing import NamedTuple


class Estimate(NamedTuple):
    """A value with its 95 % interval."""

    value: float
    low: float
    high: float

    def apart(self, other: Estimate) -> bool:
        """Whether the two intervals do not overlap."""
        return self.high < other.low or other.high < self.low

    def __sub__(self, constant: float) -> Estimate:
        return Estimate(self.value - constant, self.low - constant, self.high - constant)


class TooFew(ValueError):
    """There are not enough sounds for a figure; the caller reports this in its place."""

    def __init__(self, figure: str, given: int, needed: int, what: str = "sounds") -> None:
        super().__init__(figure, given, needed, what)  # kept as they are, so that the error survives pickling
        self.figure, self.given, self.needed, self.what = figure, given, needed, what

    def __str__(self) -> str:
        return (
            f"{self.figure} needs at least {self.needed} {self.what} and was given {self.given}; "
            f"give {self.needed - self.given} more, or leave out {self.figure}"
        )
