"""The layer of all stacks: a gated dilated convolution with a residual and a skip connection.

van den Oord et al. 2016, https://arxiv.org/abs/1609.03499, sections 2.1, 2.3 and 2.4
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import torch
from torch import Tensor, nn


class Convolution(nn.Conv1d):
    """A convolution along time with a bias."""

    bias: nn.Parameter


class GatedLayer(nn.Module):
    """z = tanh(W_f * x + a_f) sigmoid(W_g * x + a_g); the residual output is x + W_r z, the skip output W_s z."""

    def __init__(self, residual: int, gate: int, skip: int, kernel: int, dilation: int) -> None:
        super().__init__()
        self.widths = (residual, skip)
        self.reach = (kernel - 1) * dilation  # samples by which the output is shorter than the input
        self.dilated = Convolution(residual, 2 * gate, kernel, dilation=dilation)
        self.mix = Convolution(gate, residual + skip, 1)

    def forward(self, x: Tensor, added: Tensor | None, steps: int, begins: bool = False) -> tuple[Tensor, Tensor]:
        """Run one layer. Outputs that would need samples before the first one are left out, unless the clip `begins`.

        Args:
            x: (batch, residual, time).
            added: conditioning of the gates, (batch, 2 gate, 1), or as many as the last steps of x.
            steps: number of skip outputs, counted from the end.
            begins: whether the first sample repeats endlessly before the first one; then no output is left out.

        Returns:
            The residual output, (batch, residual, time - reach or time), and the skip output, (batch, skip, steps).
        """
        if begins:
            x = torch.cat((x[..., :1].expand(-1, -1, self.reach), x), dim=2)
        gates = self.dilated(x)
        if added is not None:
            gates = gates + (added if added.shape[-1] == 1 else added[..., -gates.shape[-1] :])
        filtered, gated = gates.chunk(2, dim=1)
        residual, skip = self.mix(torch.tanh(filtered) * torch.sigmoid(gated)).split(self.widths, dim=1)
        return x[..., self.reach :] + residual, skip[..., -steps:]


class Stack(nn.ModuleList):
    """Gated layers, first to last."""

    def __iter__(self) -> Iterator[GatedLayer]:
        return super().__iter__()  # type: ignore[return-value]

    @property
    def skip_scale(self) -> float:
        """Keeps the scale of the sum of all skips independent of the number of layers."""
        return 1 / math.sqrt(len(self))

    def forward(self, x: Tensor, added: Iterable[Tensor | None], steps: int, begins: bool = False) -> Tensor:
        """The scaled sum of all skip outputs, (batch, skip, steps); see `GatedLayer.forward`."""
        total: Tensor | float = 0.0
        for layer, more in zip(self, added, strict=True):
            x, skip = layer(x, more, steps, begins)
            total = total + skip
        return torch.as_tensor(total) * self.skip_scale
