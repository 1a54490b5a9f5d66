"""Parameters as plain arrays, for loops that are compiled."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from soundloom.systems.wavenet.gated import Convolution

Floats = NDArray[np.float32]


def plain(tensor: Tensor) -> Floats:
    """The numbers of a tensor, contiguous, in single precision."""
    return np.ascontiguousarray(tensor.detach().to("cpu", torch.float32).numpy())


def matrix_of(layer: Convolution) -> Floats:
    """A convolution of one sample as a matrix, (input, output)."""
    return plain(layer.weight[:, :, 0].T)
