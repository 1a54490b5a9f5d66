"""From names to contenders, and the course's network that is trained on the way."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from soundloom.evaluation import candidate_names as naming


@pytest.fixture
def trainings(monkeypatch, trained):
    """Trainings of the course's network that were asked for; each ends with the tiny model, or is stopped."""
    import shutil

    import soundloom.training

    asked: list[dict[str, object]] = []
    stops: list[bool] = []

    def train(system, folder, *, out, **more):
        asked.append({"system": system, "folder": folder, **more})
        shutil.copytree(trained("vae"), out)
        return SimpleNamespace(finished=not (stops and stops.pop()))

    monkeypatch.setattr(soundloom.training, "train", train)
    return SimpleNamespace(asked=asked, stops=stops)


def test_a_folder_of_sounds_is_a_contender_and_a_run_is_a_model(sounds, trained):
    assert naming.is_folder_of_sounds(str(sounds))
    assert not naming.is_folder_of_sounds(str(trained("vae")))
    assert not naming.is_folder_of_sounds("drums")
    loaded = naming.models([str(sounds), str(trained("vae")), "baseline:pca"])
    assert list(loaded) == [str(trained("vae"))]


def test_the_course_is_trained_once_and_then_taken_from_the_cache(monkeypatch, tmp_path, trainings, material):
    monkeypatch.setenv("SOUNDLOOM_CACHE", str(tmp_path))
    told: list[str] = []
    first = naming.course(material, 2.0, told.append)
    second = naming.course(material, 2.0, told.append)
    assert first.digest == second.digest
    assert told == ["training the course's network for 2 minutes, once"]
    assert (trainings.asked[0]["preset"], trainings.asked[0]["minutes"]) == ("course", 2.0)
    naming.course(material, 3.0, told.append)
    assert len(trainings.asked) == 2  # another time is another network


def test_a_course_that_was_stopped_stops_the_verdict_and_is_trained_anew(monkeypatch, tmp_path, trainings, material):
    monkeypatch.setenv("SOUNDLOOM_CACHE", str(tmp_path))
    trainings.stops.append(True)
    with pytest.raises(KeyboardInterrupt):
        naming.course(material, 1.0, lambda sentence: None)
    naming.course(material, 1.0, lambda sentence: None)
    assert len(trainings.asked) == 2


def test_baselines_need_training_sounds(material):
    empty = SimpleNamespace(training=[], held_out=material.held_out)
    with pytest.raises(ValueError, match="name the folder that the models were trained on"):
        naming.contender("baseline:pca", {}, empty, None, 1.0, lambda sentence: None)
