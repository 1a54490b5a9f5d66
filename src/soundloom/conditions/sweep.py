"""A sweep: one number goes through even steps while everything else of a sound stays the same."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from soundloom.conditions.schema import Scalar, Schema
from soundloom.runtime.settings import nearest

MOST_STEPS = 100


@dataclass(frozen=True)
class Sweep:
    """A condition that takes even steps from `first` to `last`, one sound for each.

    Args:
        name: of a Scalar that the model can be asked for.
        first: in the trained range, as `last`, which may be less.
        steps: sounds from the first value to the last, both included.
    """

    name: str
    first: float
    last: float
    steps: int

    @classmethod
    def read(cls, text: str) -> Sweep:
        """`brightness=0.1:0.9:7`, seven steps from 0.1 to 0.9.

        Raises:
            ValueError: written in another way.
        """
        name, _, rest = text.partition("=")
        try:
            first, last, steps = rest.split(":")
            return cls(name.strip(), float(first), float(last), int(steps))
        except ValueError:
            raise ValueError(
                f"--sweep {text}: write it as NAME=FIRST:LAST:STEPS, such as brightness=0.1:0.9:7"
            ) from None

    @property
    def values(self) -> tuple[float, ...]:
        """The values, in order, rounded so that 0.1 stays 0.1."""
        way = (self.last - self.first) / (self.steps - 1)
        return tuple(float(f"{self.first + way * step:.9g}") for step in range(self.steps))

    def check(self, schema: Schema, conditions: Mapping[str, Any]) -> None:
        """Refuse what a model cannot be asked for.

        Raises:
            ValueError: no such number, steps or ends out of range, or a condition that also has a fixed value.
        """
        scalars = [each.name for each in schema.conditions if isinstance(each, Scalar)]
        if not isinstance(schema[self.name], Scalar):
            raise ValueError(f"{self.name} is not a number, so it cannot be swept; {nearest(self.name, scalars)}")
        if not 2 <= self.steps <= MOST_STEPS:
            raise ValueError(f"a sweep of {self.steps} steps; it has 2 to {MOST_STEPS}")
        if self.name in conditions:
            raise ValueError(f"{self.name} is asked for as {conditions[self.name]} and swept too; leave one out")
        if not (math.isfinite(self.first) and math.isfinite(self.last)) or self.first == self.last:
            raise ValueError(f"{self.name} would go from {self.first:g} to {self.last:g}; give two different numbers")
        for end in (self.first, self.last):
            schema.check({self.name: end})
