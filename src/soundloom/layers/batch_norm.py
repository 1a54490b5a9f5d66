"""The running statistics of batch normalisation, which change while a network trains."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


def running_statistics(network: nn.Module) -> Iterator[Tensor]:
    """The running means and variances of every batch normalisation in a network."""
    for module in network.modules():
        if isinstance(module, _BatchNorm) and module.running_mean is not None and module.running_var is not None:
            yield module.running_mean
            yield module.running_var
