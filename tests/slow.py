"""A system that makes sounds as slowly as a test likes, several in one call: noise that depends on the stream alone."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from soundloom.checkpoints.checkpoint import Checkpoint
from soundloom.conditions.joint_distribution import JointDistribution
from soundloom.conditions.schema import Category, Schema
from soundloom.contract import Sampling, Stage, System
from soundloom.generation import Model
from soundloom.representations.waveform import Waveform
from soundloom.runtime.progress import Progress

RATE, SAMPLES, LONGEST, BLOCK = 8000, 800, 80_000, 100


class Slow(System):
    """Makes blocks of 100 samples, and stops after one where the callback says so.

    Args:
        batch_size: clips that it makes most quickly.
        before_block: called before each; sleeps, or whatever a test wants to happen then.
    """

    continues = resembles = True

    def __init__(self, batch_size: int, before_block: Callable[[], object]) -> None:
        super().__init__()
        self.representation, self.samples = Waveform(RATE), SAMPLES
        self.schema = Schema((Category("kind", ("hiss", "thump")),))
        self.joint_distribution = JointDistribution(self.schema)
        self.sampling_batch_size, self.before_block = batch_size, before_block
        self.calls: list[int] = []  # clips of each
        self.running, self.lock = 0, threading.Lock()

    @property
    def longest(self) -> int:
        return LONGEST

    def stages(self) -> tuple[Stage, ...]:
        return ()

    def sample(self, call: Sampling, progress: Progress) -> Tensor:
        with self.lock:
            self.calls.append(call.count)
            self.running += 1
        try:
            return self._made(call, progress)
        finally:
            with self.lock:
                self.running -= 1

    def _made(self, call: Sampling, progress: Progress) -> Tensor:
        length, distance = call.length, bool(call.like) * call.distance
        start = torch.zeros(1, 0) if call.prompt is None else call.prompt
        clips = [[start] for _ in call.generators]
        done = start.shape[1]
        while done < length:
            self.before_block()
            block = min(BLOCK, length - done)
            for clip, rng, asked in zip(clips, call.generators, call.conditions, strict=True):
                noise = 0.1 * call.temperature * torch.randn(1, block, generator=rng)
                clip.append(noise + 0.2 * (asked.get("kind") == "thump") + 0.3 * distance)
            done += block
            if not progress((done - call.given) / max(1, length - call.given), done):
                break
        return torch.stack([torch.cat(clip, dim=1) for clip in clips])


def slow_model(
    batch_size: int = 1, block_seconds: float = 0.0, before_block: Callable[[], object] | None = None
) -> Model:
    wait = before_block or (lambda: time.sleep(block_seconds))
    return Model(Checkpoint("slow", Path("slow"), Slow(batch_size, wait), "0" * 16))
