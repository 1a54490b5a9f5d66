"""Which sounds a verdict rests on: what was trained on and what was not, told by content, not by name."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from soundloom.data.clips import ClipSettings, open_clips
from soundloom.data.provenance import Provenance, digests, short
from soundloom.evaluation.reference_data import gather
from sounds import RATE

SETTINGS = ClipSettings(RATE, 0.5)


def contents(clips) -> set[str]:
    return {short(entry.digest) for entry in clips.entries}


@pytest.fixture
def provenance(trained) -> Provenance:
    found = Provenance.read(trained("vae"))
    assert found is not None
    return found


def test_sides_are_those_of_the_training(trained, provenance, sounds):
    found = gather(sounds, [provenance], SETTINGS)
    data = json.loads((trained("vae") / "data.json").read_text())
    assert set(found.training.files) == set(data["training"])
    assert set(found.held_out.files) == set(data["held_out"])
    assert found.remarks == ()


def test_sides_go_by_what_a_sound_is_and_not_by_what_it_is_called(provenance, sounds, tmp_path):
    for number, path in enumerate(sorted(sounds.glob("*.wav"), reverse=True)):
        shutil.copy(path, tmp_path / f"{number}.wav")
    found = gather(tmp_path, [provenance], SETTINGS)
    assert (contents(found.training), contents(found.held_out)) == (provenance.training, provenance.held_out)


def test_sounds_that_training_never_saw_are_held_out(provenance, sounds, many, tmp_path):
    folder = Path(shutil.copytree(sounds, tmp_path / "more"))
    shutil.copy(next(many.glob("*.wav")), folder)
    found = gather(folder, [provenance], SETTINGS)
    assert len(found.held_out) == len(provenance.held_out) + 1


def test_of_two_models_only_what_neither_has_seen_is_held_out(provenance, sounds):
    swapped = Provenance(provenance.held_out, provenance.training)
    with pytest.raises(ValueError, match=r"all 40 clips .* were trained on"):
        gather(sounds, [provenance, swapped], SETTINGS)
    part = frozenset(sorted(provenance.held_out)[:3])
    found = gather(sounds, [provenance, Provenance(provenance.training | part, provenance.held_out - part)], SETTINGS)
    assert contents(found.held_out) == provenance.held_out - part
    assert "held out is what none of them has seen, 5 clips" in found.remarks[0]


def test_a_model_that_does_not_say_what_it_saw_is_named_and_a_split_is_made(sounds):
    found = gather(sounds, [None], SETTINGS)
    assert "1 of the models do not say what they were trained on" in found.remarks[0]
    assert "held out here: 8 of 40 clips" in found.remarks[1]
    assert not set(found.training.groups) & set(found.held_out.groups)


def test_the_choice_of_files_is_that_of_the_first_training_unless_another_is_made(provenance, sounds):
    chosen = replace(provenance, where={"kind": "hiss"})
    assert {labels["kind"] for labels in gather(sounds, [chosen], SETTINGS).training.labels} == {"hiss"}
    assert {row["kind"] for row in gather(sounds, [chosen], SETTINGS, {"kind": "thump"}).training.labels} == {"thump"}


def test_another_rate_and_length_keep_every_file_on_its_side(provenance, sounds):
    found = gather(sounds, [provenance], SETTINGS)
    other = found.at(4000, 0.25)
    assert other.held_out.files == found.held_out.files
    assert other.training.files == found.training.files
    assert other.held_out.audio([0]).shape == (1, 1, 1000)
    assert found.at(RATE, 0.5) is found


# One long recording, of which windows lie on both sides

WINDOWS = ClipSettings(RATE, 0.5, cut="windows")


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recording")
    soundfile.write(folder / "long.wav", np.random.default_rng(0).normal(0, 0.1, 20 * RATE), RATE)
    return folder


@pytest.fixture(scope="module")
def split_provenance(recording, tmp_path_factory) -> Provenance:
    """What a training on the recording writes: its last tenth is held out."""
    run = tmp_path_factory.mktemp("run")
    ours, held_out = open_clips(recording, WINDOWS).split(0.1, seed=0)
    (run / "data.json").write_text(json.dumps(digests(ours, held_out, {})))
    found = Provenance.read(run)
    assert found is not None
    return found


def test_an_account_says_from_where_on_a_recording_was_held_out(split_provenance):
    assert list(split_provenance.shared.values()) == [18.0]
    assert split_provenance.training == split_provenance.held_out == set(split_provenance.shared)


def test_windows_of_one_recording_are_held_out_from_the_border_on(recording, split_provenance):
    found = gather(recording, [split_provenance], WINDOWS)
    assert found.held_out.begins.tolist() == [18.0, 18.5, 19.0, 19.5]
    assert (len(found.training), found.training.begins.max()) == (36, 17.5)


@pytest.mark.parametrize("seconds", [0.4, 0.7])
def test_windows_of_another_length_never_cross_to_the_other_side(recording, split_provenance, seconds):
    for found in (
        gather(recording, [split_provenance], replace(WINDOWS, seconds=seconds)),
        gather(recording, [split_provenance], WINDOWS).at(4000, seconds),
        gather(recording, [], WINDOWS).at(4000, seconds),
    ):
        assert found.held_out.begins.min() >= 18.0 - 1e-3
        assert found.training.begins.max() + seconds <= 18.0 + 1e-3
        assert len(found.training) > 20
        assert len(found.held_out) >= 2


def test_one_sound_that_gives_one_clip_leaves_nothing_to_judge_by(recording):
    with pytest.raises(ValueError, match="holds one sound, so none can be held out"):
        gather(recording, [], SETTINGS)


def test_an_account_that_cannot_be_read_is_none(tmp_path):
    for text in ("", "[]", "{}", '{"digests": {"training": 3}}', '{"digests": {"training": [], "shared": 1}}'):
        (tmp_path / "data.json").write_text(text)
        assert Provenance.read(tmp_path) is None
    assert Provenance.read(tmp_path / "nowhere") is None


def test_descriptors_that_models_can_be_asked_for_are_measured_on_both_sides_and_at_other_lengths(provenance, sounds):
    found = gather(sounds, [provenance], SETTINGS, measured=("brightness",))
    assert all("brightness" in labels for side in (found.training, found.held_out) for labels in side.labels)
    assert list(found.at(RATE, 0.25).held_out.measured) == ["brightness"]
