"""Spectrogram pictures: a contact sheet of many sounds, one look instead of many listenings."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from soundloom.audio import Audio
from soundloom.config import write_atomically

RANGE_DB = 80.0
COLUMNS = 4
MOST = 16


def contact_sheet(path: Path, sounds: Sequence[Audio], titles: Sequence[str]) -> None:
    """Draw the log-mel spectrograms of up to 16 sounds, on one scale of levels, into a PNG file."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    sounds, titles = sounds[:MOST], titles[:MOST]
    rows = max(1, math.ceil(len(sounds) / COLUMNS))
    figure = Figure(figsize=(3 * COLUMNS, 2.1 * rows + 0.3), layout="constrained")
    levels = [_decibels(sound) for sound in sounds]
    peak = max((float(level.max()) for level in levels), default=0.0)
    for place, (sound, level, title) in enumerate(zip(sounds, levels, titles, strict=True)):
        axes = figure.add_subplot(rows, COLUMNS, place + 1)
        axes.imshow(
            level,
            origin="lower",
            aspect="auto",
            cmap="magma",
            vmin=peak - RANGE_DB,
            vmax=peak,
            extent=(0, sound.seconds, 0, len(level)),
        )
        axes.set_title(title, fontsize=8)
        axes.tick_params(labelsize=6)
        _mark_hz(axes, sound.sample_rate, len(level))
    buffer = io.BytesIO()
    FigureCanvasAgg(figure).print_png(buffer)  # type: ignore[no-untyped-call]
    write_atomically(path, buffer.getvalue())


def _decibels(sound: Audio) -> np.ndarray:
    """Mel levels in dB, (band, frame)."""
    import torch

    from soundloom.representations import MelSpectrogram

    size = 1024 if sound.sample_rate >= 12000 else 512
    mel = MelSpectrogram(sound.sample_rate, size, size // 4, bands=64, norm="none", floor_db=-100.0, output="decibels")
    return mel.encode(torch.from_numpy(sound.samples[:1])[None])[0, 0].numpy()


def _mark_hz(axes: object, sample_rate: int, bands: int) -> None:
    from soundloom.representations.mel import mel_from_hz

    marks = np.array([hz for hz in (100, 300, 1000, 3000, 10000) if hz < sample_rate / 2], float)
    top = mel_from_hz(np.array([sample_rate / 2]), "slaney")[0]
    axes.set_yticks(mel_from_hz(marks, "slaney") / top * bands)  # type: ignore[attr-defined]
    axes.set_yticklabels([f"{hz / 1000:g}k" if hz >= 1000 else f"{hz:g}" for hz in marks])  # type: ignore[attr-defined]
