"""Small labelled folders of sounds, made on the spot: two kinds that any ear tells apart, in kits and pitches."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import soundfile

RATE = 8000
KINDS = ("hiss", "thump")
PITCHES = tuple(range(36, 66, 3))
KITS = 5


def sound(number: int, kind: str, pitch: float) -> np.ndarray:
    """A decaying tone (thump) or noise (hiss), (time,); each number has its own length, decay and noise."""
    rng = np.random.default_rng([number, KINDS.index(kind)])
    moment = np.arange(round(RATE * rng.uniform(0.25, 0.45))) / RATE
    envelope = np.exp(-moment * rng.uniform(8, 16))
    if kind == "thump":
        wave = np.sin(2 * np.pi * 440 * 2 ** ((pitch - 69) / 12) * moment)
    else:
        wave = np.diff(rng.standard_normal(len(moment) + 1)) * 0.3
    return 0.5 * wave * envelope


def make_sounds(folder: Path, count: int = 40) -> Path:
    """Write `count` sounds and their metadata.csv (kind, kit, pitch); half of each kind, all different."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for number in range(count):
        kind, pitch = KINDS[number % 2], PITCHES[number // 2 % len(PITCHES)]
        name = f"{kind}-{number:03d}.wav"
        soundfile.write(folder / name, sound(number, kind, pitch), RATE, subtype="PCM_16")
        rows.append({"file_name": name, "kind": kind, "kit": f"kit{number // 2 % KITS}", "pitch": pitch})
    with (folder / "metadata.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return folder
