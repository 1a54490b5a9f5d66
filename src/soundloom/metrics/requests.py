"""Requests that an evaluation makes of a model, and the reference for ones that are not followed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np

from soundloom.conditions.joint_distribution import Joint
from soundloom.conditions.schema import Category, Schema, Value

Row = TypeVar("Row", bound=Mapping[str, Value | None])


def independent_requests(schema: Schema, joint: Joint, count: int, rng: np.random.Generator) -> list[dict[str, Value]]:
    """Requests in which every condition is drawn without regard to the others, and each of its values as often.

    Where conditions go together in the training set, as a bass is low, this asks for what was never heard: it shows
    whether a model keeps its conditions apart, not how well it does what is usual.

    Args:
        schema: what can be asked for.
        joint: of the training set; only values that occur there are asked for, and of a Scalar its knots. A joint
            that was never fitted allows all values.
        count: of requests; the values of a condition occur equally often, to within one.
        rng: draws them.
    """
    columns: dict[str, list[Value]] = {}
    values: Sequence[Value]
    for place, condition in enumerate(schema.conditions):
        if isinstance(condition, Category):
            numbers = joint.rows[:, place]
            occurring = {int(number) for number in numbers[~numbers.isnan()]}
            values = [value for code, value in enumerate(condition.values) if code in occurring or not occurring]
        else:
            values = list(condition.knots)
        rounds = -(-count // len(values))
        drawn = [values[number] for _ in range(rounds) for number in rng.permutation(len(values))]
        columns[condition.name] = [drawn[number] for number in rng.permutation(count)]
    return [{name: column[number] for name, column in columns.items()} for number in range(count)]


def shuffled(conditions: Sequence[Row], rng: np.random.Generator) -> list[Row]:
    """The same rows of conditions in another order: how sounds obey requests that were made of other sounds."""
    return [conditions[number] for number in rng.permutation(len(conditions))]
