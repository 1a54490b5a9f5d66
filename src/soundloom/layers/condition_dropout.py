"""Condition dropout: hide conditions in training, so that a model can be sampled with only some of them, or none."""

from __future__ import annotations

import torch
from torch import Tensor

from soundloom.conditions.schema import Schema


def hide(conditions: Tensor, uniform: Tensor, schema: Schema, share: float) -> Tensor:
    """Make each condition unknown in a share of the rows.

    Args:
        conditions: encoded rows, (row, width).
        uniform: random numbers in [0, 1), (row, condition).
        schema: describes the conditions.
        share: probability with which a condition becomes unknown, 0 to 1.

    Returns:
        Rows of the same shape, with zeros where a condition is unknown.
    """
    widths = torch.tensor([condition.width + 1 for condition in schema.dense], dtype=torch.long, device=uniform.device)
    hidden = torch.repeat_interleave(uniform < share, widths, dim=1)
    return torch.where(hidden, torch.zeros_like(conditions), conditions) if schema.width else conditions
