"""Controls: the conditions in the form that the networks take, and the loss of the critic's estimate of them.

A condition row is wide: a Scalar's code has a number for each knot. The generator gets the value itself, from -1 at the
low end of the trained range to 1 at the high end.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from soundloom.conditions.schema import Category, Schema, Value
from soundloom.contract import Batch


class Controls(nn.Module):
    """Condition rows (batch, schema.width) to controls (batch, control): one-hot or value, then whether it is known."""

    from_row: Tensor  # (schema.width, control)

    def __init__(self, schema: Schema) -> None:
        super().__init__()
        self.schema = schema
        blocks: list[Tensor] = []
        for condition in schema.dense:
            if isinstance(condition, Category):
                code = torch.eye(condition.width)
            else:
                knots = torch.tensor(condition.knots, dtype=torch.float64)
                code = (2 * (knots - knots[0]) / (knots[-1] - knots[0]).clamp_min(1e-30) - 1).float()[:, None]
            blocks.append(_side_by_side(code, torch.ones(1, 1)))
        self.control_widths = tuple(block.shape[1] for block in blocks)
        self.width = sum(self.control_widths)
        self.estimates = self.width - len(blocks)  # dimensions of an estimate: no flags
        self.register_buffer("from_row", _side_by_side(*blocks), persistent=False)

    def forward(self, rows: Tensor) -> Tensor:
        return rows @ self.from_row

    def free(self, requested: Mapping[str, Value]) -> Tensor:
        """1 for the value of each slider that was not requested, (control,): a search may change it."""
        marks = [torch.zeros(width) for width in self.control_widths]
        for mark, condition in zip(marks, self.schema.dense, strict=True):
            if not isinstance(condition, Category) and condition.name not in requested:
                mark[0] = 1.0
        return torch.cat(marks) if marks else torch.zeros(0)

    def randomised(self, controls: Tensor, batch: Batch, share: float, name: str) -> Tensor:
        """Replace each known slider, independently, by a uniform draw in a share of the rows.

        Training sounds hold few combinations of sliders; a user who moves a single slider asks for others.
        """
        if not share or not self.width:
            return controls
        drawn = batch.uniform(2, len(self.control_widths), name=name)
        parts = list(torch.split(controls, list(self.control_widths), dim=1))
        for index, condition in enumerate(self.schema.dense):
            if not isinstance(condition, Category):
                value, known = parts[index].unbind(1)
                replaced = (drawn[:, 0, index] < share) & (known > 0)
                parts[index] = torch.stack((torch.where(replaced, 2 * drawn[:, 1, index] - 1, value), known), dim=1)
        return torch.cat(parts, dim=1)

    def estimation_loss(self, estimate: Tensor, controls: Tensor) -> tuple[Tensor, Tensor]:
        """Losses of an estimate of controls: cross entropy of categories in nats, squared error of scalars.

        Args:
            estimate: (batch, estimate): logits of each category, and for each scalar the logit of its value on 0 to 1.
            controls: (batch, control), the true ones.

        Returns:
            Two means over the rows, and over the categories and the scalars; unknown conditions cost nothing.
        """
        categories, scalars = list[Tensor](), list[Tensor]()
        logits = torch.split(estimate, [width - 1 for width in self.control_widths], dim=1)
        codes = torch.split(controls, list(self.control_widths), dim=1)
        for condition, logit, code in zip(self.schema.dense, logits, codes, strict=False):
            known = code[:, -1]
            if isinstance(condition, Category):
                wrong = -(code[:, :-1] * F.log_softmax(logit, dim=1)).sum(dim=1)
                categories.append((known * wrong).mean())
            else:
                wrong = (torch.sigmoid(logit[:, 0]) - (code[:, 0] + 1) / 2).square()
                scalars.append((known * wrong).mean())
        nothing = estimate.new_zeros(())
        return (
            torch.stack(categories).mean() if categories else nothing,
            torch.stack(scalars).mean() if scalars else nothing,
        )


def _side_by_side(*blocks: Tensor) -> Tensor:
    """A block-diagonal matrix."""
    whole = torch.zeros(sum(len(block) for block in blocks), sum(block.shape[1] for block in blocks))
    row = column = 0
    for block in blocks:
        whole[row : row + len(block), column : column + block.shape[1]] = block
        row, column = row + len(block), column + block.shape[1]
    return whole
