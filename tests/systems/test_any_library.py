"""Sounds of all systems above numerical libraries that round one clip differently in every batch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from soundloom.audio import Audio
from soundloom.generation import Model, Request, load
from soundloom.systems.discovery import system_names
from unsteady import Unsteady

BATCH = 3


@pytest.fixture(params=system_names())
def model(request: pytest.FixtureRequest, trained: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> Model:
    """A model that is sampled in batches, through unsteady operations, in whatever thread it runs."""
    model = load(trained(request.param))
    sample = model.system.sample

    def unsteadily(*asked: Any, **named: Any) -> Any:
        with Unsteady():
            return sample(*asked, **named)

    monkeypatch.setattr(model.system, "sample", unsteadily)
    return model


def sounds_of(model: Model, request: Request, jobs: int) -> list[bytes]:
    return [audio.samples.tobytes() for audio in model.generate(request, jobs=jobs)]


@pytest.mark.parametrize("given", ["nothing", "a prompt", "a sound to be like"])
def test_a_sound_does_not_depend_on_how_libraries_round_a_batch(
    model: Model, given: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    decay = np.exp(-np.arange(1200) / 400)
    audio = Audio((0.3 * np.sin(np.arange(1200) / 9) * decay)[None].astype(np.float32), model.sample_rate)
    if given == "a prompt" and (not model.system.continues or model.system.sampling_batch_size == 1):
        pytest.skip("this system continues prompts one at a time, or not at all")
    if given == "a sound to be like" and not model.system.resembles:
        pytest.skip("this system cannot vary a sound")
    monkeypatch.setattr(model.system, "sampling_batch_size", BATCH)
    more = {"nothing": {}, "a prompt": {"prompt": audio}, "a sound to be like": {"like": (audio,)}}[given]
    batch, singles = (sounds_of(model, Request(count=BATCH, seed=5, **more), jobs) for jobs in (1, BATCH))
    assert batch == singles  # three threads have a clip each
    assert len(set(batch)) == BATCH
