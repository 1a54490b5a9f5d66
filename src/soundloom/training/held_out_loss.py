"""The losses of a stage on clips that training never sees."""

from __future__ import annotations

import torch

from soundloom.contract import Clips, Stage
from soundloom.training.batches import batch_of


@torch.no_grad()
def held_out_loss(stage: Stage, clips: Clips, device: torch.device) -> dict[str, float]:
    """Mean losses over held-out clips, by objective and part; with the same draws each time, so that they compare."""
    totals: dict[str, float] = {}
    seen = 0
    for number, some in enumerate(clips.batches(64)):
        batch = batch_of(some, stage, device, seed=0, step=number)
        for objective in stage.objectives:
            loss = objective(batch, 1.0)
            for name, value in {"loss": loss.total, **loss.parts}.items():
                key = f"{objective.name}.{name}"
                totals[key] = totals.get(key, 0.0) + float(value) * len(some)
        seen += len(some)
    return {key: value / max(1, seen) for key, value in totals.items()}
