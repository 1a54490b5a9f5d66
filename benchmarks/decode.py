"""How fast sounds become clips: the first time (decode, check, resample, cut, cache) and from the cache.

    python benchmarks/decode.py [FOLDER] [--minutes 20] [--rate 22050]

Without a folder it writes 44.1 kHz FLAC files of noisy tones into a temporary one. Everything runs on one processor.
Goals: at least 6 hours of audio a minute the first time, 100 hours a minute from the cache.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from soundloom.audio import Audio, mix_down, read, resample, write
from soundloom.data.clips import ClipSettings, ClipStore, open_clips, order
from soundloom.data.scan import scan

SOURCE_RATE = 44100
BATCH = 64


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--minutes", type=float, default=20.0, help="of sound to make where no folder is given")
    parser.add_argument("--rate", type=int, default=22050)
    asked = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory() as place:
        folder = asked.folder or made_up(Path(place) / "sounds", asked.minutes)
        report(folder, Path(place) / "cache", ClipSettings(asked.rate, 2.0, cut="windows"))


def made_up(folder: Path, minutes: float) -> Path:
    """Files of one minute: tones that move, under noise, so that FLAC has as much to do as with music."""
    rng = np.random.default_rng(0)
    moment = np.arange(60 * SOURCE_RATE) / SOURCE_RATE
    for number in range(max(1, round(minutes))):
        pitch = rng.uniform(80, 800)
        tone = np.sin(2 * np.pi * pitch * moment + 3 * np.sin(2 * np.pi * rng.uniform(0.1, 5) * moment))
        noise = rng.standard_normal(len(moment)) * np.abs(np.sin(np.pi * moment))
        write(folder / f"{number:04d}.flac", Audio((0.4 * tone + 0.03 * noise).astype(np.float32), SOURCE_RATE))
    return folder


def report(folder: Path, cache: Path, settings: ClipSettings) -> None:
    begun = time.perf_counter()
    clips = open_clips(folder, settings, cache=cache)
    first = time.perf_counter() - begun
    seconds = sum(entry.seconds for entry in clips.index.entries)
    rows = [("scan, decode, resample and cache, the first time", seconds / first, 6.0)]

    begun = time.perf_counter()
    clips = open_clips(folder, settings, cache=cache)
    opening = time.perf_counter() - begun
    begun = time.perf_counter()
    scan(folder, cache=cache)
    rescanning = time.perf_counter() - begun

    rows.append(("batches from the cache", len(clips) * settings.seconds / reading(clips), 100.0))
    rows.append(("read, mix down and resample only", by_ourselves(folder, clips, settings.sample_rate), None))
    rows.append(("librosa.load of the same files", by_librosa(folder, clips, settings.sample_rate), None))
    table = Table(
        title=f"{seconds / 60:.0f} min in {len(clips.index.entries)} files to {settings.sample_rate} Hz, one core"
    )
    for column in ("what", "hours of audio a minute", "goal", "times librosa"):
        table.add_column(column, justify="left" if column == "what" else "right")
    for what, speed, goal in rows:
        hours = speed * 60 / 3600
        table.add_row(what, f"{hours:.1f}", f"{goal:.0f}" if goal else "", f"{speed / rows[-1][1]:.1f}")
    console = Console()
    console.print(table)
    console.print(f"opening the cached clips: {opening * 1000:.0f} ms; scanning again: {rescanning * 1000:.0f} ms")


def reading(clips: ClipStore) -> float:
    """Seconds that one epoch in random order takes; the median of three."""
    times = []
    for epoch in range(3):
        steps = max(1, len(clips) // BATCH)
        begun = time.perf_counter()
        for step in range(epoch * steps, (epoch + 1) * steps):
            clips.audio(order(len(clips), BATCH, step))
        times.append((time.perf_counter() - begun) * len(clips) / (steps * BATCH))
    return statistics.median(times)


def by_ourselves(folder: Path, clips: ClipStore, rate: int) -> float:
    """Seconds of audio per second of what librosa.load does, done here: nothing is checked, cut or kept."""
    entries = clips.index.entries[:200]
    begun = time.perf_counter()
    for entry in entries:
        resample(mix_down(read(folder / entry.location)), rate)
    return sum(entry.seconds for entry in entries) / (time.perf_counter() - begun)


def by_librosa(folder: Path, clips: ClipStore, rate: int) -> float:
    """Seconds of audio per second of librosa.load, its first and slow call left out."""
    import librosa

    entries = clips.index.entries[:200]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        librosa.load(folder / entries[0].location, sr=rate)
        begun = time.perf_counter()
        for entry in entries:
            librosa.load(folder / entry.location, sr=rate)
    return sum(entry.seconds for entry in entries) / (time.perf_counter() - begun)


if __name__ == "__main__":
    main()
