"""From clips to the batch that an objective sees: encoded by the stage, without gradients, on its device."""

from __future__ import annotations

import torch

from soundloom.conditions.text import Tokens
from soundloom.contract import Batch, ClipBatch, Stage


def batch_of(
    clips: ClipBatch,
    stage: Stage,
    device: torch.device,
    seed: int,
    step: int,
    first_row: int = 0,
    all_rows: int | None = None,
) -> Batch:
    """The batch of a step. What an earlier stage trained, such as a codec, gets no gradients."""
    with torch.no_grad():
        x = stage.representation.encode(clips.audio.to(device))
    texts = {name: Tokens(ids.to(device), lengths.to(device)) for name, (ids, lengths) in clips.texts.items()}
    begins, durations = (None if each is None else each.to(device) for each in (clips.begins, clips.durations))
    return Batch(x, clips.conditions.to(device), seed, step, first_row, all_rows, texts, begins, durations)
