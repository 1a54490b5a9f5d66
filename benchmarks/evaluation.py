"""How long an evaluation takes: 1,000 sounds of 1 s against 1,000, from samples to figures, and a whole evaluation.

    python benchmarks/evaluation.py [SOUNDS]

Made-up sounds, so that it runs anywhere, in a cache of its own, so that nothing was embedded before; with
SOUNDLOOM_DATA set also `evaluate` of the shipped drums on all drum sounds that it was not trained on.
"""

from __future__ import annotations

import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np

LIMIT_SECONDS = 90.0
RATE = 22050
Result = TypeVar("Result")


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    with tempfile.TemporaryDirectory() as cache:
        os.environ["SOUNDLOOM_CACHE"] = cache
        print(f"{count} sounds of 1 s against {count}, {os.cpu_count()} processors")
        total = figures(count)
        print(f"{'all figures':32} {total:7.1f} s  {total / LIMIT_SECONDS:5.2f} of the limit of {LIMIT_SECONDS:.0f} s")
        if "SOUNDLOOM_DATA" in os.environ:
            whole(Path(os.environ["SOUNDLOOM_DATA"]) / "drums", count)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"peak memory {peak:.2f} GB")


def figures(count: int) -> float:
    """Both sets embedded twice, all distances, memorisation; returns the seconds in all."""
    from soundloom.evaluation.distances import distances
    from soundloom.metrics import embeddings
    from soundloom.metrics.bins import fit_bins
    from soundloom.metrics.clips import Sounds
    from soundloom.metrics.embedding_store import EmbeddingStore
    from soundloom.metrics.memorisation import MemorisationDetector

    one, two, training = (bursts(count, seed) for seed in (1, 2, 3))
    store, total = EmbeddingStore(), 0.0
    for name in ("reference", "log-mel"):
        embedding = embeddings.load(name)
        sides, spent = timed(lambda e=embedding: [store.embed(e, audio, RATE) for audio in (one, two)])
        total += row(f"embed both sets: {name}", spent)
        _, again = timed(lambda e=embedding: [store.embed(e, audio, RATE) for audio in (one, two)])
        row("  the same from the cache", again)
        _, spent = timed(lambda s=sides: list(distances(s[0], s[1], fit_bins(s[0]), print)))
        total += row(f"distances: {name}", spent)
    detector, spent = timed(lambda: MemorisationDetector.fit(Sounds(training, RATE), Sounds(one[:200], RATE)))
    total += row("fit the memorisation detector", spent)
    _, spent = timed(lambda: detector.search(two, RATE))
    return total + row("search for memorised sounds", spent)


def whole(folder: Path, count: int) -> None:
    """`soundloom evaluate drums`, the report with it."""
    from soundloom.evaluation.comparison import evaluate
    from soundloom.evaluation.report.writing import write_report

    with tempfile.TemporaryDirectory() as out:
        results, spent = timed(lambda: evaluate("drums", folder, count=count, where={}))
        _, writing = timed(lambda: write_report(results, Path(out)))
    held_out = results.reference["held-out clips"]
    row(f"evaluate drums, {held_out} held out", spent + writing)


def bursts(count: int, seed: int) -> np.ndarray:
    """Tones in noise that die away, (sound, sample)."""
    rng = np.random.default_rng(seed)
    seconds = np.arange(RATE, dtype=np.float32) / RATE
    pitch, decay = 2 ** rng.uniform(6, 12, (count, 1)), rng.uniform(2, 40, (count, 1))
    tone = np.sin(2 * np.pi * pitch * seconds)
    noise = rng.standard_normal((count, RATE), np.float32)
    share = rng.uniform(0, 1, (count, 1))
    made: np.ndarray = ((share * tone + (1 - share) * noise) * np.exp(-decay * seconds) / 3).astype(np.float32)
    return made


def timed(work: Callable[[], Result]) -> tuple[Result, float]:
    begun = time.perf_counter()
    return work(), time.perf_counter() - begun


def row(name: str, seconds: float) -> float:
    print(f"{name:32} {seconds:7.1f} s", flush=True)
    return seconds


if __name__ == "__main__":
    main()
