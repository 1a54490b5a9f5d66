"""Where weights meet the columns of condition rows: what fine-tuning on other labels must rearrange."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class ConditionInput:
    """An axis of a weight along which condition columns lie, one after another.

    Args:
        weight: its name in the state of the system.
        axis: along which the columns lie.
        first: place of the first condition column on that axis.
        layout: "rows" are columns as in a condition row: each condition's code, then its flag; "values" has one column
            for a Scalar's value instead of one for each knot; "readings" are values without flags.
    """

    weight: str
    axis: int
    first: int = 0
    layout: Literal["rows", "values", "readings"] = "rows"
