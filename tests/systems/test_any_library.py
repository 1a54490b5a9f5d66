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


@pytest.fixture(params=system_names())
def model(request: pytest.FixtureRequest, trained: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> Model:
    """A model whose calls to sample go through unsteady operations, in whatever thread they run."""
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
def test_a_sound_does_not_depend_on_how_libraries_round_a_batch(model: Model, given: str) -> None:
    decay = np.exp(-np.arange(1200) / 400)
    audio = Audio((0.3 * np.sin(np.arange(1200) / 9) * decay)[None].astype(np.float32), model.sample_rate)
    if given == "a prompt" and not model.system.continues:
        pytest.skip("this system cannot continue a prompt")
    if given == "a sound to be like" and not model.system.resembles:
        pytest.skip("this system cannot vary a sound")
    more = {"nothing": {}, "a prompt": {"prompt": audio}, "a sound to be like": {"like": (audio,)}}[given]
    count = 2 if given == "a prompt" else 5
    whole = sounds_of(model, Request(count=count, seed=5, **more), 1)
    assert len(set(whole)) == count
    assert sounds_of(model, Request(count=count, seed=5, **more), 2) == whole  # in smaller batches, one for each thread
