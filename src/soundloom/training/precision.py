"""bfloat16 where it is faster: measured on the first batch of each training, then kept."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch

TRIALS = 4  # of each, in turn; the best counts, so that other work on the machine decides less


def faster_precision(step: Callable[[], None], device: torch.device) -> str:
    """Time a step, forward and backward, in float32 and in bfloat16; returns the name of the faster.

    Processors without bfloat16 arithmetic emulate it, slowly; those that have it train about twice as fast.
    """
    seconds: dict[str, list[float]] = {"float32": [], "bfloat16": []}
    for _ in range(TRIALS):
        for name, times in seconds.items():
            begun = time.perf_counter()
            with autocast(name, device):
                step()
            if device.type == "cuda":
                torch.cuda.synchronize()
            times.append(time.perf_counter() - begun)
    return min(seconds, key=lambda name: min(seconds[name]))


def autocast(precision: str, device: torch.device) -> torch.autocast:
    """A context in which matrix products and convolutions run in `precision`."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16")
