"""What was asked, as the networks are told it, and how well the critic reads it back.

A condition row is wide: a Scalar's code has a number for each knot. A generator of smooth sliders is told the value
itself, from -1 at the low end of the trained range to 1 at the high end.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from soundloom.conditions import Category, Schema, Value
from soundloom.system import Batch


class Controls(nn.Module):
    """Condition rows (batch, schema.width) to controls (batch, told): one-hot or value, then whether it is known."""

    shorten: Tensor  # (schema.width, told)

    def __init__(self, schema: Schema) -> None:
        super().__init__()
        self.schema = schema
        blocks: list[Tensor] = []
        for condition in schema.conditions:
            if isinstance(condition, Category):
                code = torch.eye(condition.width)
            else:
                knots = torch.tensor(condition.knots, dtype=torch.float64)
                code = (2 * (knots - knots[0]) / (knots[-1] - knots[0]).clamp_min(1e-30) - 1).float()[:, None]
            blocks.append(torch.block_diag(code, torch.ones(1, 1)))
        self.told_widths = tuple(block.shape[1] for block in blocks)
        self.told = sum(self.told_widths)
        self.read = self.told - len(blocks)  # numbers that a reading of them takes
        shorten = torch.block_diag(*blocks) if blocks else torch.zeros(0, 0)
        self.register_buffer("shorten", shorten, persistent=False)

    def forward(self, rows: Tensor) -> Tensor:
        return rows @ self.shorten

    def free(self, asked: Mapping[str, Value]) -> Tensor:
        """1 for the value of each slider that was not asked for, (told,): a search may move it."""
        marks = [torch.zeros(width) for width in self.told_widths]
        for mark, condition in zip(marks, self.schema.conditions, strict=True):
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
        moved = list(told.split(self.told_widths, dim=1))
        for place, condition in enumerate(self.schema.conditions):
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
        categories, scalars = [read.new_zeros(())], [read.new_zeros(())]
        logits = read.split([width - 1 for width in self.told_widths], dim=1) if self.told else ()
        for condition, logit, code in zip(
            self.schema.conditions, logits, told.split(self.told_widths, dim=1) if self.told else (), strict=True
        ):
            known = code[:, -1]
            if isinstance(condition, Category):
                wrong = -(code[:, :-1] * F.log_softmax(logit, dim=1)).sum(dim=1)
                categories.append((known * wrong).mean())
            else:
                wrong = (torch.sigmoid(logit[:, 0]) - (code[:, 0] + 1) / 2).square()
                scalars.append((known * wrong).mean())
        return sum(categories) / max(1, len(categories) - 1), sum(scalars) / max(1, len(scalars) - 1)  # type: ignore[return-value]
