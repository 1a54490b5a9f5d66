"""Spectrogram pictures: a contact sheet of many sounds, seen at a glance."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from soundloom.audio import Audio
from soundloom.runtime.files import write_atomically

RANGE_DB = 80.0
COLUMNS, ROWS = 4, 4
MOST = COLUMNS * ROWS
LONGEST_TITLE = 40  # letters that fit above a picture
MOST_COLUMNS = 16  # of a sweep
WIDEST = 4096  # frames of a picture; of longer sounds several frames become one, the loudest
PIECE = 2**20  # samples that are transformed at once, so that an hour takes no more memory than a minute


class ContactSheet:
    """The log-mel spectrograms of up to 16 sounds, on one scale of levels; the sounds themselves are not kept.

    Args:
        columns: in a row; a sheet has four rows.
    """

    def __init__(self, columns: int = COLUMNS) -> None:
        self.columns = min(columns, MOST_COLUMNS)
        self.cells: list[_Cell] = []

    @property
    def full(self) -> bool:
        return len(self.cells) >= ROWS * self.columns

    def add(self, sound: Audio, title: str) -> None:
        """Add a sound; those after the fourth row are left out."""
        if not self.full:
            short = title if len(title) <= LONGEST_TITLE else f"{title[:LONGEST_TITLE]} ..."
            self.cells.append(_Cell(short, sound.seconds, sound.sample_rate, _decibels(sound)))

    def write(self, path: Path) -> None:
        """Draw all into a PNG file."""
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        columns = self.columns
        rows = max(1, math.ceil(len(self.cells) / columns))
        figure = Figure(figsize=(3 * columns, 2.1 * rows + 0.3), layout="constrained")
        peak = max((float(cell.level.max()) for cell in self.cells), default=0.0)
        for place, cell in enumerate(self.cells):
            axes = figure.add_subplot(rows, columns, place + 1)
            axes.imshow(
                cell.level,
                origin="lower",
                aspect="auto",
                cmap="magma",
                vmin=peak - RANGE_DB,
                vmax=peak,
                extent=(0, cell.seconds, 0, len(cell.level)),
            )
            axes.set_title(cell.title, fontsize=8)
            axes.tick_params(labelsize=6)
            _mark_hz(axes, cell.sample_rate, len(cell.level))
        buffer = io.BytesIO()
        FigureCanvasAgg(figure).print_png(buffer)  # type: ignore[no-untyped-call]
        write_atomically(path, buffer.getvalue())


class _Cell(NamedTuple):
    title: str
    seconds: float
    sample_rate: int
    level: np.ndarray  # (band, frame)


def contact_sheet(path: Path, sounds: Sequence[Audio], titles: Sequence[str]) -> None:
    """Draw up to 16 sounds into a PNG file, see `ContactSheet`."""
    sheet = ContactSheet()
    for sound, title in zip(sounds, titles, strict=True):
        sheet.add(sound, title)
    sheet.write(path)


def _decibels(sound: Audio) -> np.ndarray:
    """Mel levels in dB, (band, frame)."""
    import torch

    from soundloom.representations import MelSpectrogram

    size = 1024 if sound.sample_rate >= 12000 else 512
    hop = size // 4
    mel = MelSpectrogram(sound.sample_rate, size, hop, bands=64, norm="none", floor_db=-100.0, output="decibels")
    samples = torch.from_numpy(sound.samples[:1])
    merged = math.ceil(samples.shape[1] / hop / WIDEST)  # frames of a column
    piece = PIECE // (hop * merged) * hop * merged or hop * merged
    levels = []
    for begin in range(0, samples.shape[1], piece):
        level = mel.encode(samples[None, :, begin : begin + piece])[0, 0].numpy()
        if begin + piece < samples.shape[1]:
            level = level[:, : piece // hop]  # a spectrogram has a frame more, which begins the next
        levels.append(np.maximum.reduceat(level, np.arange(0, level.shape[1], merged), axis=1))
    return np.concatenate(levels, axis=1)


def _mark_hz(axes: object, sample_rate: int, bands: int) -> None:
    from soundloom.representations.mel import mel_from_hz

    marks = np.array([hz for hz in (100, 300, 1000, 3000, 10000) if hz < sample_rate / 2], float)
    top = mel_from_hz(np.array([sample_rate / 2]), "slaney")[0]
    axes.set_yticks(mel_from_hz(marks, "slaney") / top * bands)  # type: ignore[attr-defined]
    axes.set_yticklabels([f"{hz / 1000:g}k" if hz >= 1000 else f"{hz:g}" for hz in marks])  # type: ignore[attr-defined]
