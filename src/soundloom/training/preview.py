"""Previews: a few sounds and a picture while training goes on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from soundloom.audio import write
from soundloom.generation import Generated
from soundloom.generation.pictures import contact_sheet


def write_preview(folder: Path, sounds: Sequence[Generated]) -> None:
    """Write sounds as WAV files, and spectrograms.png, into a folder."""
    for index, sound in enumerate(sounds):
        write(folder / f"{index:02d}.wav", sound.audio)
    titles = [
        ", ".join(f"{value:.4g}" if isinstance(value, float) else value for value in sound.conditions.values())
        or f"{i:02d}"
        for i, sound in enumerate(sounds)
    ]
    contact_sheet(folder / "spectrograms.png", [sound.audio for sound in sounds], titles)
