"""From bands back to the magnitudes under them: by pseudo-inverse, or as the nearest that are not negative."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def by_pseudo_inverse(weights: NDArray[np.float64], amplitude: Tensor) -> Tensor:
    """The smallest magnitudes that give the bands, negative ones set to 0, (..., frequency, frame)."""
    inverse = torch.from_numpy(np.linalg.pinv(weights)).to(amplitude.device, amplitude.dtype)
    return (inverse @ amplitude).clamp(min=0)


def nearest_magnitudes(weights: NDArray[np.float64], amplitude: Tensor) -> Tensor:
    return by_pseudo_inverse(weights, amplitude)
