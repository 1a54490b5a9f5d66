"""Conditions: named properties of sounds that a model can be asked for, and the schema that lists them.

A clip's categories and scalars travel as one dense row of numbers: for each condition its code, then 1 if it is known
and 0 if not. Its texts travel beside the row, as token ids.
"""

from __future__ import annotations

import bisect
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal, TypeVar

import numpy as np
from pydantic import Field

from soundloom.conditions.text import Text, Tokens
from soundloom.runtime.settings import nearest

Value = str | float
Number = TypeVar("Number", float, np.ndarray)


@dataclass(frozen=True)
class Category:
    """One of a few names, such as the kind of a drum. Its code is one-hot over `values`."""

    name: str
    values: tuple[str, ...]
    type: Literal["category"] = "category"

    @property
    def width(self) -> int:
        return len(self.values)

    def check(self, value: Any) -> str:
        """The value as the data spells it.

        Raises:
            ValueError: not one of `values`; the nearest one is named.
        """
        text = str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
        if text not in self.values:  # 1 and 1.0 stand for 01
            text = next((name for name in self.values if _spells(name, value)), text)
        if text not in self.values:
            raise ValueError(f"{self.name}={value}: the model knows no such {self.name}; {nearest(text, self.values)}")
        return text

    def encode(self, value: Value) -> np.ndarray:
        code = np.zeros(self.width, np.float32)
        code[self.values.index(str(value))] = 1.0
        return code

    def to_dict(self) -> dict[str, Any]:
        """As JSON values, for a program that offers the choice. Left out of a request, it is drawn: no default."""
        return {
            "name": self.name,
            "kind": self.type,
            "values": list(self.values),
            "unit": "",
            "default": None,
            "measured": None,
        }


@dataclass(frozen=True)
class Measured:
    """What 0 and 1 of a slider stand for: the 1 % and 99 % quantiles of a descriptor over the training set."""

    zero: float  # in `unit`
    one: float
    unit: str = ""

    def slider(self, value: Number) -> Number:
        """Where a measured value, or an array of them, lies: 0 at `zero`, 1 at `one`, and beyond them beyond."""
        return (value - self.zero) / (self.one - self.zero)

    def describe(self) -> str:
        unit = f" {self.unit}" if self.unit else ""
        return f"0 is {self.zero:.4g}{unit} as measured, 1 is {self.one:.4g}{unit}"


@dataclass(frozen=True)
class Scalar:
    """A number in a trained range. Its code is linear between `knots`: a soft one-hot that a network reads sharply.

    With `measured` it is the slider of a descriptor, from 0 to 1, whose labels are measured in the sounds.
    """

    name: str
    knots: tuple[float, ...]
    unit: str = ""
    type: Literal["scalar"] = "scalar"
    measured: Measured | None = None

    @property
    def width(self) -> int:
        return len(self.knots)

    @property
    def low(self) -> float:
        return self.knots[0]

    @property
    def high(self) -> float:
        return self.knots[-1]

    def check(self, value: Any) -> float:
        """The value as a number in the trained range.

        Raises:
            ValueError: not a number, or outside the range that the model was trained on.
        """
        try:
            number = float(value)
        except (TypeError, ValueError):
            raise ValueError(
                f"{self.name}={value}: {self.name} is a number from {self.low:g} to {self.high:g}"
            ) from None
        if not self.low <= number <= self.high:
            means = f" ({self.measured.describe()})" if self.measured else ""
            raise ValueError(
                f"{self.name}={number:g} is outside the trained range {self.low:g} to {self.high:g}{means}; "
                f"ask within it"
            )
        return number

    def label(self, number: float) -> float:
        """The value of a sound's label: the label itself, or for a descriptor its place on the slider from 0 to 1."""
        return number if self.measured is None else min(max(self.measured.slider(number), 0.0), 1.0)

    def encode(self, value: Value) -> np.ndarray:
        code = np.zeros(self.width, np.float32)
        number = float(value)
        right = min(max(bisect.bisect_left(self.knots, number), 1), self.width - 1) if self.width > 1 else 0
        if right == 0:
            code[0] = 1.0
            return code
        left = right - 1
        share = (number - self.knots[left]) / (self.knots[right] - self.knots[left])
        share = min(max(share, 0.0), 1.0)
        code[left], code[right] = 1.0 - share, share
        return code

    def to_dict(self) -> dict[str, Any]:
        """As JSON values, for a program that offers the range. Left out of a request, it is drawn: no default.

        `measured` says what 0 and 1 of a descriptor's slider stand for, or is None.
        """
        return {
            "name": self.name,
            "kind": self.type,
            "low": self.low,
            "high": self.high,
            "unit": self.unit,
            "default": None,
            "measured": asdict(self.measured) if self.measured else None,
        }


Condition = Annotated[Category | Scalar | Text, Field(discriminator="type")]


@dataclass(frozen=True)
class Schema:
    """The conditions of a model, in the order of their codes."""

    conditions: tuple[Condition, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(condition.name for condition in self.conditions)

    @property
    def width(self) -> int:
        """Length of a dense row: each condition's code and one flag that says whether it is known."""
        return sum(condition.width + 1 for condition in self.dense)

    @property
    def dense(self) -> tuple[Category | Scalar, ...]:
        """The conditions that have a code in the dense row, in its order."""
        return tuple(condition for condition in self.conditions if not isinstance(condition, Text))

    @property
    def texts(self) -> tuple[Text, ...]:
        """The conditions whose values are texts."""
        return tuple(condition for condition in self.conditions if isinstance(condition, Text))

    def __getitem__(self, name: str) -> Category | Scalar | Text:
        for condition in self.conditions:
            if condition.name == name:
                return condition
        if not self.conditions:
            raise ValueError(f"{name}: this model was trained without conditions; leave --with out")
        raise ValueError(f"the model has no condition {name!r}; {nearest(name, self.names)}")

    def check(self, asked: Mapping[str, Any]) -> dict[str, Value]:
        """What was asked, in the model's own spelling.

        Raises:
            ValueError: an unknown condition, an unknown value, or a number outside the trained range.
        """
        return {name: self[name].check(value) for name, value in asked.items()}

    def encode(self, known: Mapping[str, Value | None]) -> np.ndarray:
        """One dense row, (width,); a condition that is absent or None becomes zeros with flag 0."""
        row: list[np.ndarray] = []
        for condition in self.dense:
            value = known.get(condition.name)
            if value is None:
                row.append(np.zeros(condition.width + 1, np.float32))
            else:
                row.append(np.append(condition.encode(value), np.float32(1.0)))
        return np.concatenate(row) if row else np.zeros(0, np.float32)

    def tokens(self, known: Sequence[Mapping[str, Value | None]]) -> dict[str, Tokens]:
        """Token ids of each text condition for some clips; a text that is absent or None has length 0."""
        import torch

        found = {}
        for condition in self.texts:
            values = [row.get(condition.name) for row in known]
            ids = np.zeros((len(values), condition.longest), np.int64)
            for row, value in enumerate(values):
                ids[row] = 0 if value is None else condition.encode(value)
            found[condition.name] = Tokens(torch.from_numpy(ids), torch.from_numpy((ids > 0).sum(axis=1)))
        return found


def _spells(name: str, value: Any) -> bool:
    """Whether a name and a value are two ways to write one number."""
    try:
        return float(name) == float(value)
    except (TypeError, ValueError):
        return False


def knots_for(values: np.ndarray, most: int = 96) -> tuple[float, ...]:
    """Knots for a Scalar: the distinct values of the data, thinned evenly to at most `most`."""
    distinct = np.unique(np.asarray(values, np.float64))
    if len(distinct) > most:
        distinct = np.unique(np.quantile(distinct, np.linspace(0, 1, most)))
    return tuple(float(value) for value in distinct)


def measured_names(schema: Schema) -> tuple[str, ...]:
    """The conditions of a schema whose labels are measured in the sounds."""
    return tuple(each.name for each in schema.conditions if isinstance(each, Scalar) and each.measured)


SLIDER_KNOTS = tuple(float(knot) for knot in np.linspace(0, 1, 9))
QUANTILES = (0.01, 0.99)


def span(values: np.ndarray) -> tuple[float, float]:
    """The 1 % and 99 % quantiles of a descriptor's values: what a slider goes from and to."""
    zero, one = np.quantile(np.asarray(values, np.float64), QUANTILES)
    return float(f"{zero:.9g}"), float(f"{one:.9g}")


def slider(name: str, values: np.ndarray, unit: str = "") -> Scalar:
    """A condition from 0 to 1 for a descriptor: 0 is the 1 % quantile of its values, 1 the 99 % quantile.

    Args:
        values: over the training set.
        unit: of the values.

    Raises:
        ValueError: all values are the same.
    """
    zero, one = span(values)
    if not one > zero:
        raise ValueError(f"{name} is {zero:g} in all sounds, so it cannot be a condition; leave it out")
    return Scalar(name, SLIDER_KNOTS, measured=Measured(zero, one, unit))
