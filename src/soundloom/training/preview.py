"""Previews: a few sounds and a picture while training goes on, and the loss on clips that training never sees."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from soundloom.audio import write
from soundloom.contract.system import Batch, System
from soundloom.generation.generate import Made
from soundloom.generation.pictures import contact_sheet
from soundloom.training.feed import Feed


def preview(folder: Path, sounds: Sequence[Made]) -> None:
    """Write sounds as WAV files, and spectrograms.png, into a folder."""
    for index, sound in enumerate(sounds):
        write(folder / f"{index:02d}.wav", sound.audio)
    said = [
        ", ".join(f"{value:.4g}" if isinstance(value, float) else value for value in sound.conditions.values())
        or f"{i:02d}"
        for i, sound in enumerate(sounds)
    ]
    contact_sheet(folder / "spectrograms.png", [sound.audio for sound in sounds], said)


@torch.no_grad()
def held_out_loss(system: System, clips: Feed, device: torch.device) -> dict[str, float]:
    """Mean losses over held-out clips, by objective and part; the same draws each time, so that they compare."""
    totals: dict[str, float] = {}
    seen = 0
    for number, (audio, conditions) in enumerate(clips.some(system.measured).batches(64)):
        for stage in system.stages():
            batch = Batch(stage.representation.encode(audio.to(device)), conditions.to(device), seed=0, step=number)
            for objective in stage.objectives:
                loss = objective(batch, 1.0)
                for name, value in {"loss": loss.total, **loss.parts}.items():
                    key = f"{objective.name}.{name}"
                    totals[key] = totals.get(key, 0.0) + float(value) * len(audio)
        seen += len(audio)
    return {key: value / max(1, seen) for key, value in totals.items()}
