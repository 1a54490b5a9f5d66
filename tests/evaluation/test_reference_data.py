"""The real sounds of an evaluation: trained on or not, recognised by content and not by file name."""

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
from soundloom.evaluation.reference_data import open_reference
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
    found = open_reference(sounds, [provenance], SETTINGS)
    data = json.loads((trained("vae") / "data.json").read_text())
    assert set(found.training.files) == set(data["training"])
    assert set(found.held_out.files) == set(data["held_out"])
    assert found.remarks == ()


def test_sides_depend_on_the_content_of_a_sound_and_not_on_its_file_name(provenance, sounds, tmp_path):
    for number, path in enumerate(sorted(sounds.glob("*.wav"), reverse=True)):
        shutil.copy(path, tmp_path / f"{number}.wav")
    found = open_reference(tmp_path, [provenance], SETTINGS)
    assert (contents(found.training), contents(found.held_out)) == (provenance.training, provenance.held_out)


def test_sounds_that_training_never_saw_are_held_out(provenance, sounds, many, tmp_path):
    folder = Path(shutil.copytree(sounds, tmp_path / "more"))
    shutil.copy(next(many.glob("*.wav")), folder)
    found = open_reference(folder, [provenance], SETTINGS)
    assert len(found.held_out) == len(provenance.held_out) + 1


def test_of_two_models_only_what_neither_has_seen_is_held_out(provenance, sounds):
    swapped = Provenance(provenance.held_out, provenance.training)
    with pytest.raises(ValueError, match=r"all 40 clips .* were trained on"):
        open_reference(sounds, [provenance, swapped], SETTINGS)
    part = frozenset(sorted(provenance.held_out)[:3])
    found = open_reference(
        sounds, [provenance, Provenance(provenance.training | part, provenance.held_out - part)], SETTINGS
    )
    assert contents(found.held_out) == provenance.held_out - part
    assert "5 clips are held out, which none of them has seen" in found.remarks[0]


def test_without_a_known_training_set_a_split_is_made_with_a_remark(sounds):
    found = open_reference(sounds, [None], SETTINGS)
    assert "the training set of 1 model is not known" in found.remarks[0]
    assert "held out for this evaluation: 8 of 40 clips" in found.remarks[1]
    assert not set(found.training.groups) & set(found.held_out.groups)


def test_files_are_selected_as_in_the_first_training_unless_where_is_given(provenance, sounds):
    chosen = replace(provenance, where={"kind": "hiss"})
    assert {labels["kind"] for labels in open_reference(sounds, [chosen], SETTINGS).training.labels} == {"hiss"}
    assert {row["kind"] for row in open_reference(sounds, [chosen], SETTINGS, {"kind": "thump"}).training.labels} == {
        "thump"
    }


def test_another_rate_and_length_keep_every_file_on_its_side(provenance, sounds):
    found = open_reference(sounds, [provenance], SETTINGS)
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


def test_the_provenance_has_the_time_from_which_a_recording_was_held_out(split_provenance):
    assert list(split_provenance.shared.values()) == [18.0]
    assert split_provenance.training == split_provenance.held_out == set(split_provenance.shared)


def test_windows_of_one_recording_are_held_out_from_the_border_on(recording, split_provenance):
    found = open_reference(recording, [split_provenance], WINDOWS)
    assert found.held_out.begins.tolist() == [18.0, 18.5, 19.0, 19.5]
    assert (len(found.training), found.training.begins.max()) == (36, 17.5)


@pytest.mark.parametrize("seconds", [0.4, 0.7])
def test_windows_of_another_length_never_cross_to_the_other_side(recording, split_provenance, seconds):
    for found in (
        open_reference(recording, [split_provenance], replace(WINDOWS, seconds=seconds)),
        open_reference(recording, [split_provenance], WINDOWS).at(4000, seconds),
        open_reference(recording, [], WINDOWS).at(4000, seconds),
    ):
        assert found.held_out.begins.min() >= 18.0 - 1e-3
        assert found.training.begins.max() + seconds <= 18.0 + 1e-3
        assert len(found.training) > 20
        assert len(found.held_out) >= 2


def test_one_sound_that_gives_one_clip_is_refused(recording):
    with pytest.raises(ValueError, match="holds one sound, so none can be held out"):
        open_reference(recording, [], SETTINGS)


def test_provenance_that_cannot_be_read_is_none(tmp_path):
    for text in ("", "[]", "{}", '{"digests": {"training": 3}}', '{"digests": {"training": [], "shared": 1}}'):
        (tmp_path / "data.json").write_text(text)
        assert Provenance.read(tmp_path) is None
    assert Provenance.read(tmp_path / "nowhere") is None


def test_descriptors_that_models_are_conditioned_on_are_measured_on_both_sides_and_at_other_lengths(provenance, sounds):
    found = open_reference(sounds, [provenance], SETTINGS, measured=("brightness",))
    assert all("brightness" in labels for side in (found.training, found.held_out) for labels in side.labels)
    assert list(found.at(RATE, 0.25).held_out.measured) == ["brightness"]


def test_a_filter_of_the_model_holds_only_where_the_folder_has_its_label(provenance, sounds):
    theirs = replace(provenance, where={"kind": "hiss", "permissive": "yes"})
    found = open_reference(sounds, [theirs], SETTINGS)
    assert found.where == {"kind": "hiss"}
    assert {entry.labels["kind"] for entry in found.held_out.entries} == {"hiss"}
    assert "only on files with permissive=yes" in found.remarks[0]
    everything = open_reference(sounds, [theirs], SETTINGS, where={})
    assert {entry.labels["kind"] for entry in everything.held_out.entries} == {"hiss", "thump"}
    assert everything.remarks == ()
