"""A figure and how far it can be trusted."""

from __future__ import annotations

from typing import NamedTuple


class Estimate(NamedTuple):
    """A value with its 95 % interval."""

    value: float
    low: float
    high: float

    def apart(self, other: Estimate) -> bool:
        """Whether the two intervals have no point in common, so that the two values can be told apart."""
        return self.high < other.low or other.high < self.low

    def __sub__(self, constant: float) -> Estimate:
        return Estimate(self.value - constant, self.low - constant, self.high - constant)
