"""Trains in child processes that are killed at chosen steps and random moments after them, until one finishes.

    python killing.py SYSTEM SOUNDS RUN STEPS SEED KILL_AT...

A script of its own because forking is only safe where nothing else runs; prints how each child ended, as JSON.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import threading
from pathlib import Path

import plugged
from soundloom.training import StepReport, train
from soundloom.training.loop import Training  # noqa: F401 - here, so that children need not import it
from soundloom.training.state import STATE


class Killer:
    """A watcher that kills its own process a moment after a step, wherever training is by then."""

    def __init__(self, at: int | None, delay: float) -> None:
        self.at, self.delay = at, delay

    def step(self, report: StepReport) -> None:
        if self.at is not None and report.step >= self.at:
            threading.Timer(self.delay, os.kill, (os.getpid(), signal.SIGKILL)).start()

    def message(self, text: str) -> None: ...


def main(system: str, sounds: str, run: Path, steps: int, seed: int, kill_at: list[int]) -> list[int]:
    rng = random.Random(seed)
    endings = []
    for at in (*kill_at, None):
        delay = rng.uniform(0, 0.06)  # a step and its save take about as long
        child = os.fork()
        if child == 0:
            train(
                system,
                sounds,
                out=run,
                preset=None if (run / STATE).exists() else "tiny",
                steps=steps,
                resume=(run / STATE).exists(),
                watcher=Killer(at, delay),
                precision="float32",
                preview_seconds=0.0,
                save_seconds=0.0,
            )
            os._exit(0)
        endings.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    return endings


if __name__ == "__main__":
    plugged.plug_in()
    _, system, sounds, run, steps, seed, *kill_at = sys.argv
    print(json.dumps(main(system, sounds, Path(run), int(steps), int(seed), [int(step) for step in kill_at])))
