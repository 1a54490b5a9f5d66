"""The requests that an evaluation sends to a model, and the chance level of conditioning accuracy: shuffled labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np

from soundloom.conditions.joint_distribution import JointDistribution
from soundloom.conditions.schema import Category, Schema, Value

Row = TypeVar("Row", bound=Mapping[str, Value | None])


def independent_requests(
    schema: Schema, distribution: JointDistribution, count: int, rng: np.random.Generator
) -> list[dict[str, Value]]:
    """Requests whose conditions are drawn independently of each other, each value equally often.

    Conditions that are correlated in the training set (a bass is low) are combined in new ways. So this shows whether a
    model keeps its conditions apart, not how well it follows usual requests.

    Args:
        schema: the conditions.
        distribution: of the training set. Only values that occur there are requested, and the knots of a Scalar;
            one that was never fitted allows all values.
        count: how many; the values of a condition occur equally often, to within one.
        rng: draws them.
    """
    columns: dict[str, list[Value]] = {}
    values: Sequence[Value]
    for place, condition in enumerate(schema.dense):
        if isinstance(condition, Category):
            numbers = distribution.rows[:, place]
            occurring = {int(number) for number in numbers[~numbers.isnan()]}
            values = [value for code, value in enumerate(condition.values) if code in occurring or not occurring]
        else:
            values = list(condition.knots)
        rounds = -(-count // len(values))
        drawn = [values[number] for _ in range(rounds) for number in rng.permutation(len(values))]
        columns[condition.name] = [drawn[number] for number in rng.permutation(count)]
    return [{name: column[number] for name, column in columns.items()} for number in range(count)]


def shuffled(conditions: Sequence[Row], rng: np.random.Generator) -> list[Row]:
    """The same rows in random order: conditioning accuracy against them is the chance level."""
    return [conditions[number] for number in rng.permutation(len(conditions))]
