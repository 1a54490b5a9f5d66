"""Conditions made unknown in training, so that a model can be asked for some of them, or none."""

from __future__ import annotations

import torch
from torch import Tensor

from soundloom.conditions.schema import Schema


def hide(conditions: Tensor, drawn: Tensor, schema: Schema, share: float) -> Tensor:
    """Make each condition of a share of the rows unknown; `drawn` is uniform, (row, condition)."""
    widths = torch.tensor([condition.width + 1 for condition in schema.dense], dtype=torch.long, device=drawn.device)
    hidden = torch.repeat_interleave(drawn < share, widths, dim=1)
    return torch.where(hidden, torch.zeros_like(conditions), conditions) if schema.width else conditions
