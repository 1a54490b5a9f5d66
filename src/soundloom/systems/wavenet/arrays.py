"""Parameters as NumPy arrays, for compiled loops."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from soundloom.systems.wavenet.gated import Convolution

Floats = NDArray[np.float32]


def as_array(tensor: Tensor) -> Floats:
    """The numbers of a tensor, contiguous, in single precision."""
    return np.ascontiguousarray(tensor.detach().to("cpu", torch.float32).numpy())


def matrix_of(layer: Convolution) -> Floats:
    """A convolution of kernel size 1 as a matrix, (input, output)."""
    return as_array(layer.weight[:, :, 0].T)
