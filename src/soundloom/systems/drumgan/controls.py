"""What was asked, as the networks are told it, and how well the critic reads it back.

A condition row is wide: a Scalar's code has a number for each knot. A generator of smooth sliders is told the value
itself, from -1 at the low end of the trained range to 1 at the high end.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from soundloom.conditions.schema import Category, Schema, Value
from soundloom.contract import Batch


class Controls(nn.Module):
    """Condition rows (batch, schema.width) to controls (batch, told): one-hot or value, then whether it is known."""

    shorten: Tensor  # (schema.width, told)

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
        self.told_widths = tuple(block.shape[1] for block in blocks)
        self.told = sum(self.told_widths)
        self.read = self.told - len(blocks)  # numbers that a reading of them takes
        self.register_buffer("shorten", _side_by_side(*blocks), persistent=False)

    def forward(self, rows: Tensor) -> Tensor:
        return rows @ self.shorten

    def free(self, asked: Mapping[str, Value]) -> Tensor:
        """1 for the value of each slider that was not asked for, (told,): a search may move it."""
        marks = [torch.zeros(width) for width in self.told_widths]
        for mark, condition in zip(marks, self.schema.dense, strict=True):
            if not isinstance(condition, Category) and condition.name not in asked:
                mark[0] = 1.0
        return torch.cat(marks) if marks else torch.zeros(0)

    def stray(self, told: Tensor, batch: Batch, share: float, name: str) -> Tensor:
        """Controls with each known slider moved anywhere, by itself, in a share of the rows.

        Training sounds hold few combinations of sliders; whoever moves one asks for others.
        """
        if not share or not self.told:
            return told
        drawn = batch.uniform(2, len(self.told_widths), name=name)
        moved = list(torch.split(told, list(self.told_widths), dim=1))
        for place, condition in enumerate(self.schema.dense):
            if not isinstance(condition, Category):
                value, known = moved[place].unbind(1)
                away = (drawn[:, 0, place] < share) & (known > 0)
                moved[place] = torch.stack((torch.where(away, 2 * drawn[:, 1, place] - 1, value), known), dim=1)
        return torch.cat(moved, dim=1)

    def misread(self, read: Tensor, told: Tensor) -> tuple[Tensor, Tensor]:
        """How far readings are from what was told: cross entropy of categories in nats, squared error of scalars.

        Args:
            read: (batch, read): logits of each category, the logit of each scalar's place between low and high.
            told: (batch, told).

        Returns:
            Two means over the rows, and over the categories and the scalars; what is unknown counts as read.
        """
        categories, scalars = list[Tensor](), list[Tensor]()
        logits = torch.split(read, [width - 1 for width in self.told_widths], dim=1)
        codes = torch.split(told, list(self.told_widths), dim=1)
        for condition, logit, code in zip(self.schema.dense, logits, codes, strict=False):
            known = code[:, -1]
            if isinstance(condition, Category):
                wrong = -(code[:, :-1] * F.log_softmax(logit, dim=1)).sum(dim=1)
                categories.append((known * wrong).mean())
            else:
                wrong = (torch.sigmoid(logit[:, 0]) - (code[:, 0] + 1) / 2).square()
                scalars.append((known * wrong).mean())
        nothing = read.new_zeros(())
        return (
            torch.stack(categories).mean() if categories else nothing,
            torch.stack(scalars).mean() if scalars else nothing,
        )


def _side_by_side(*blocks: Tensor) -> Tensor:
    """Matrices along the diagonal of one, zeros elsewhere; no rows and no columns for none."""
    whole = torch.zeros(sum(len(block) for block in blocks), sum(block.shape[1] for block in blocks))
    row = column = 0
    for block in blocks:
        whole[row : row + len(block), column : column + block.shape[1]] = block
        row, column = row + len(block), column + block.shape[1]
    return whole
