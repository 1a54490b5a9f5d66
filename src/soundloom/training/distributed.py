"""Several processes as one: torchrun starts them, each takes its rows of every batch."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn


@dataclass(frozen=True)
class Team:
    """This process's place among those that train together."""

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """The first process alone writes, reports and decides."""
        return self.rank == 0

    def rows(self, batch_size: int) -> slice:
        """This process's rows of a batch.

        Raises:
            ValueError: the batch cannot be shared out evenly.
        """
        if batch_size % self.size:
            raise ValueError(
                f"a batch of {batch_size} clips cannot be shared by {self.size} processes; "
                f"use --set batch_size={-(-batch_size // self.size) * self.size}"
            )
        share = batch_size // self.size
        return slice(self.rank * share, (self.rank + 1) * share)

    def agree(self, value: Any) -> Any:
        """The first process's value, on all of them."""
        if self.size == 1:
            return value
        box = [value]
        dist.broadcast_object_list(box, src=0)
        return box[0]

    def sum(self, sums: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Tensors added up over all processes; each process must have the same names and shapes."""
        found = {name: sums[name].detach().clone() for name in sorted(sums)}
        if self.size > 1:
            for value in found.values():
                dist.all_reduce(value)
        return found

    def wrap(self, module: nn.Module, device: torch.device) -> nn.Module:
        """The module with its gradients averaged over the team."""
        if self.size == 1:
            return module
        return nn.parallel.DistributedDataParallel(
            module,
            device_ids=[device] if device.type == "cuda" else None,
            find_unused_parameters=getattr(module, "unused_parameters", False),
        )


def device_for(choice: str) -> torch.device:
    """This process's device: "cpu", "cuda" (its own card, where torchrun started several) or "auto"."""
    if choice == "cpu" or (choice == "auto" and not torch.cuda.is_available()):
        return torch.device("cpu")
    if not torch.cuda.is_available():
        raise ValueError("device is cuda but torch finds no CUDA card here; leave the device out, or say cpu")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")) % torch.cuda.device_count())


@contextmanager
def team(device: torch.device) -> Iterator[Team]:
    """Join the processes that torchrun started, or be a team of one."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if device.type == "cuda":
        torch.cuda.set_device(device)
    if size == 1:
        yield Team()
        return
    # gloo between processors, nccl between GPUs
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield Team(dist.get_rank(), dist.get_world_size())
    finally:
        dist.destroy_process_group()
