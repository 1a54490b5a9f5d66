"""Trained baselines: trained once for each training set and time, then taken from the cache."""

from __future__ import annotations

import shutil
from types import SimpleNamespace

import pytest

from soundloom.evaluation.candidates import trained_baseline as module
from soundloom.evaluation.candidates.names import Trained
from soundloom.evaluation.candidates.trained_baseline import native_of, train_baseline
from soundloom.evaluation.monitor import Monitor

TINY = Trained("vae", "tiny")


@pytest.fixture
def trainings(monkeypatch, tmp_path, trained):
    """Trainings that were started; each ends with the tiny model, or is interrupted."""
    started: list[dict[str, object]] = []
    interruptions: list[bool] = []

    def train(system, folder, *, out, **settings):
        started.append({"system": system, "folder": folder, **settings})
        shutil.copytree(trained("vae"), out)
        return SimpleNamespace(finished=not (interruptions and interruptions.pop()))

    monkeypatch.setenv("SOUNDLOOM_CACHE", str(tmp_path))
    monkeypatch.setattr(module, "train", train)
    return SimpleNamespace(started=started, interruptions=interruptions)


def test_a_baseline_is_trained_once_and_then_taken_from_the_cache(trainings, data):
    messages: list[str] = []
    first, second = (train_baseline(TINY, data, 2.0, Monitor(messages.append)) for _ in range(2))
    assert first.model.digest == second.model.digest
    assert (first.name, first.role) == ("baseline:vae:tiny", "baseline")
    assert messages == ["training baseline:vae:tiny for 2 minutes, once"]
    assert (trainings.started[0]["preset"], trainings.started[0]["minutes"]) == ("tiny", 2.0)
    train_baseline(TINY, data, 3.0, Monitor())
    train_baseline(Trained("vae", "course"), data, 3.0, Monitor())
    assert len(trainings.started) == 3  # another time and another preset are other baselines


def test_an_interrupted_training_ends_the_evaluation_and_begins_again_next_time(trainings, data):
    trainings.interruptions.append(True)
    with pytest.raises(KeyboardInterrupt):
        train_baseline(TINY, data, 1.0, Monitor())
    train_baseline(TINY, data, 1.0, Monitor())
    assert len(trainings.started) == 2


def test_rate_and_length_of_a_baseline_are_those_of_its_preset(trained):
    from soundloom.generation import load

    model = load(trained("vae"))  # of the same preset
    assert native_of(TINY) == (model.sample_rate, model.seconds)
    assert native_of(Trained("vae", "course")) == (22050, 0.74)
