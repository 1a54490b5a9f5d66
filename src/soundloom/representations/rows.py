"""Drop a row of the spectrum to make the number of frequencies even, and restore it as silence."""

from __future__ import annotations

from typing import Literal

import torch.nn.functional as F
from torch import Tensor

Dropped = Literal["nothing", "dc", "nyquist"]


def drop_row(x: Tensor, dropped: Dropped) -> Tensor:
    """(batch, channel, frequency, frame) without its first row (0 Hz) or its last one (half the sample rate)."""
    if dropped == "dc":
        return x[:, :, 1:]
    return x[:, :, :-1] if dropped == "nyquist" else x


def restore_row(x: Tensor, dropped: Dropped) -> Tensor:
    """Put back the row that `drop_row` removed, as zeros."""
    if dropped == "nothing":
        return x
    return F.pad(x, (0, 0, 1, 0) if dropped == "dc" else (0, 0, 0, 1))
