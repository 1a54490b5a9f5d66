"""Trains as one of several processes and writes the weights that this one ends with, for tests of torchrun.

torchrun --nproc-per-node 2 together.py SYSTEM SOUNDS RUN STEPS
"""

from __future__ import annotations

import sys
from pathlib import Path

from safetensors.torch import save_file

import plugged
from soundloom.checkpoints.checkpoint import tensors
from soundloom.training import loop, train


class Keeping(loop.Training):
    """Training that also writes the weights of the processes that do not lead."""

    def train(self) -> loop.Outcome:
        outcome = super().train()
        save_file(tensors(self.system), self.run / f"rank{self.team.rank}.safetensors")
        return outcome


if __name__ == "__main__":
    plugged.plug_in()
    _, system, sounds, run, steps = sys.argv
    Path(run).mkdir(parents=True, exist_ok=True)
    loop.Training = Keeping  # type: ignore[misc]
    train(system, sounds, out=run, preset="tiny", steps=int(steps), precision="float32", preview_seconds=0.0)
