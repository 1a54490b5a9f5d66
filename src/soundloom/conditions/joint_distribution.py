"""The joint distribution of conditions in a training set: which values occur together, and how often."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Generator, Tensor, nn

from soundloom.conditions.schema import Category, Scalar, Schema, Value

FAR = 0.15  # of a slider: a request is far from the training set if no row is within this
NEIGHBOURS = 16  # rows that count as near where a descriptor is asked for


class JointDistribution(nn.Module):
    """The distinct combinations of categories and scalars in the training set, with their counts.

    Conditions that a request leaves out are drawn from here, given those that it names: a closed hi-hat keeps its
    kit, a low pitch its bass. Rows hold the place of a Category's value, the number of a Scalar, NaN for unknown.
    Texts are not kept: one that a request leaves out stays unknown.
    """

    rows: Tensor
    counts: Tensor

    def __init__(self, schema: Schema) -> None:
        super().__init__()
        self.schema = schema
        self.names = tuple(condition.name for condition in schema.dense)
        self.register_buffer("rows", torch.full((1, len(self.names)), torch.nan))
        self.register_buffer("counts", torch.ones(1))

    def fit(self, labels: Sequence[Mapping[str, Value | None]]) -> None:
        """Count the rows of a training set."""
        if not self.names or not labels:
            return
        table = torch.tensor([[self._number(name, row.get(name)) for name in self.names] for row in labels])
        missing = torch.nan_to_num(table, nan=-1e30)  # NaN equals nothing, so it cannot be counted
        distinct, counts = torch.unique(missing, dim=0, return_counts=True)
        self.rows = torch.where(distinct <= -1e29, torch.nan, distinct).float()
        self.counts = counts.float()

    def complete(self, asked: Mapping[str, Value], rng: Generator) -> dict[str, Value]:
        """Add the conditions that were left out, drawn from the rows that fit the others best."""
        if set(self.names) <= set(asked):
            return dict(asked)
        fit = self._near(asked, self._alike(asked))
        row = self.rows[int(torch.multinomial(fit, 1, generator=rng))]
        drawn = {name: self._value(name, float(row[column])) for column, name in enumerate(self.names)}
        known = {name: value for name, value in drawn.items() if value is not None}
        return {**known, **asked}

    def _alike(self, asked: Mapping[str, Value]) -> Tensor:
        """Counts of the rows that have the categories that were asked for; of all rows where none has."""
        fit = self.counts
        for column, name in enumerate(self.names):
            if name in asked and isinstance(self.schema[name], Category):
                fit = fit * (self.rows[:, column] == self._number(name, asked[name]))
        return fit if fit.sum() > 0 else self.counts

    def far_from(self, asked: Mapping[str, Value]) -> dict[str, float]:
        """The nearest row's values of the descriptors that were asked for, if no row is near them all; else empty.

        Each descriptor alone may be anywhere from 0 to 1, but some combinations never occur, such as bright and boomy.
        """
        names = [name for name in asked if isinstance(each := self.schema[name], Scalar) and each.measured]
        if len(names) < 2:
            return {}
        fit = self._alike(asked)
        columns = [self.names.index(name) for name in names]
        wanted = self.rows.new_tensor([float(asked[name]) for name in names])
        away = (self.rows[:, columns] - wanted).abs().amax(dim=1).nan_to_num(nan=torch.inf)
        away = away.where(fit > 0, torch.inf)
        row = int(away.argmin())
        if not FAR < away[row] < torch.inf:
            return {}
        return {name: float(self.rows[row, column]) for name, column in zip(names, columns, strict=True)}

    def _near(self, asked: Mapping[str, Value], fit: Tensor) -> Tensor:
        """Of those rows, the ones nearest to the numbers that were asked for.

        Measured numbers are hardly ever equal, so a few rows count as near, not only the nearest one.
        """
        distance, many = torch.zeros_like(self.counts), 1
        for column, condition in enumerate(self.schema.dense):
            if condition.name in asked and isinstance(condition, Scalar):
                span = condition.high - condition.low or 1.0
                away = (self.rows[:, column] - float(asked[condition.name])).abs() / span
                distance = distance + away.nan_to_num(nan=torch.inf)
                many = NEIGHBOURS if condition.measured else many
        distance = distance.where(fit > 0, torch.inf)
        bound = distance.sort().values[: min(many, int((fit > 0).sum()))].max()
        return fit * (distance <= bound + 1e-6) if bound.isfinite() else fit

    def _number(self, name: str, value: Value | None) -> float:
        if value is None:
            return float("nan")
        condition = self.schema[name]
        return float(condition.values.index(str(value))) if isinstance(condition, Category) else float(value)

    def _value(self, name: str, number: float) -> Value | None:
        if number != number:
            return None
        condition = self.schema[name]
        if isinstance(condition, Category):
            return condition.values[int(number)]
        assert isinstance(condition, Scalar)
        rounded = float(f"{number:.7g}")  # rows hold 32 bits: 0.1, not 0.1000000015
        return min(max(rounded, condition.low), condition.high)

    def _load_from_state_dict(self, state: dict[str, Tensor], prefix: str, *rest: object) -> None:
        for name in ("rows", "counts"):  # as many rows as the training set had
            if f"{prefix}{name}" in state:
                setattr(self, name, torch.empty_like(state[f"{prefix}{name}"]))
        super()._load_from_state_dict(state, prefix, *rest)
