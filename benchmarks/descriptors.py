"""How fast descriptors are measured, on one processor.

    python benchmarks/descriptors.py [FOLDER] [--rate 22050] [--clips 256]

Without a folder the clips are decaying noise of a full second, the slowest there is: it has the most spectral peaks.
Goal: at least 50 clips of a second for each second of a processor's time, all descriptors together.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from soundloom.data.clips import ClipSettings, evenly, open_clips
from soundloom.descriptors import DESCRIPTORS, SEVEN, measure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--rate", type=int, default=22050)
    parser.add_argument("--clips", type=int, default=256)
    asked = parser.parse_args()
    audio = noise(asked.clips, asked.rate) if asked.folder is None else sounds_of(asked.folder, asked.clips, asked.rate)
    measure(audio[:2], asked.rate)  # compiles
    table = Table("descriptors", "ms a clip", "clips/s")
    for title, names in (("all", tuple(DESCRIPTORS)), ("timbre", SEVEN), *((name, (name,)) for name in DESCRIPTORS)):
        began = time.process_time()
        measure(audio, asked.rate, names)
        seconds = (time.process_time() - began) / len(audio)
        table.add_row(title, f"{1000 * seconds:.1f}", f"{1 / seconds:.0f}")
    Console().print(table)


def noise(clips: int, rate: int) -> np.ndarray:
    """Decaying noise, (clip, time)."""
    drawn = np.random.default_rng(0).standard_normal((clips, rate))
    return np.asarray(drawn * np.exp(-3 * np.arange(rate) / rate))


def sounds_of(folder: Path, clips: int, rate: int) -> np.ndarray:
    """Clips of a folder, evenly spread, (clip, time)."""
    store = open_clips(folder, ClipSettings(rate, 1.0))
    return store.audio(evenly(len(store), clips))[:, 0]


if __name__ == "__main__":
    main()
