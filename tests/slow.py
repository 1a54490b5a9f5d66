"""A system that makes sounds as slowly as a test likes, several in one call: noise that depends on the stream alone."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Generator, Tensor

from soundloom.checkpoints.checkpoint import Checkpoint
from soundloom.conditions.joint_distribution import Joint
from soundloom.conditions.schema import Category, Schema, Value
from soundloom.contract.system import Report, Stage, System
from soundloom.generation.generate import Model
from soundloom.representations.waveform import Waveform
from soundloom.runtime.progress import Progress

RATE, SAMPLES, LONGEST, BLOCK = 8000, 800, 80_000, 100


class Slow(System):
    """Makes blocks of 100 samples, and follows what it is told after each.

    Args:
        together: clips that it makes most quickly.
        before_block: called before each; sleeps, or whatever a test wants to happen then.
    """

    continues = resembles = True

    def __init__(self, together: int, before_block: Callable[[], object]) -> None:
        super().__init__()
        self.representation, self.samples = Waveform(RATE), SAMPLES
        self.schema = Schema((Category("kind", ("hiss", "thump")),))
        self.joint = Joint(self.schema)
        self.together, self.before_block = together, before_block
        self.calls: list[int] = []  # clips of each
        self.running, self.lock = 0, threading.Lock()

    @property
    def longest(self) -> int:
        return LONGEST

    def stages(self) -> tuple[Stage, ...]:
        return ()

    def sample(
        self,
        length: int,
        *,
        conditions: Sequence[Mapping[str, Value]],
        prompt: Tensor | None,
        like: Sequence[Tensor],
        distance: float,
        temperature: float,
        rngs: Sequence[Generator],
        report: Report,
        progress: Progress,
        options: Mapping[str, Any],
    ) -> Tensor:
        with self.lock:
            self.calls.append(len(rngs))
            self.running += 1
        try:
            return self._made(length, conditions, prompt, bool(like) * distance, temperature, rngs, progress)
        finally:
            with self.lock:
                self.running -= 1

    def _made(
        self,
        length: int,
        conditions: Sequence[Mapping[str, Value]],
        prompt: Tensor | None,
        distance: float,
        temperature: float,
        rngs: Sequence[Generator],
        progress: Progress,
    ) -> Tensor:
        start = torch.zeros(1, 0) if prompt is None else prompt
        clips = [[start] for _ in rngs]
        done = start.shape[1]
        while done < length:
            self.before_block()
            block = min(BLOCK, length - done)
            for clip, rng, asked in zip(clips, rngs, conditions, strict=True):
                noise = 0.1 * temperature * torch.randn(1, block, generator=rng)
                clip.append(noise + 0.2 * (asked.get("kind") == "thump") + 0.3 * distance)
            done += block
            if not progress(done):
                break
        return torch.stack([torch.cat(clip, dim=1) for clip in clips])


def slow_model(
    together: int = 1, block_seconds: float = 0.0, before_block: Callable[[], object] | None = None
) -> Model:
    wait = before_block or (lambda: time.sleep(block_seconds))
    return Model(Checkpoint("slow", Path("slow"), Slow(together, wait), "0" * 16))
