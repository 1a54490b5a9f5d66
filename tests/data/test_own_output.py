"""What soundloom has written into a folder of sounds is not taken for sounds of the user."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from soundloom.data.scan import scan
from soundloom.data.skips import SkipCode
from soundloom.data.walk import walk
from sounds import make_sounds


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Eight sounds of the user."""
    return make_sounds(tmp_path / "mine", count=8)


def add_run(folder: Path) -> Path:
    """What a training leaves in its run folder."""
    (folder / "previews" / "step-000001").mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "training.json").write_text(json.dumps({"system": "vae", "where": {}, "training": {}}))
    return folder


def copy_sound(source: Path, target: Path) -> None:
    """Another sound than those of the user: its own bytes."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(next(iter(sorted(source.glob("*.wav")))), target)


def listed(folder: Path) -> set[str]:
    return {found.location for found in walk(folder).files}


def test_a_run_folder_is_skipped_whole_and_named_once(folder):
    before = listed(folder)
    run = add_run(folder / "runs" / "vae-mine")
    copy_sound(folder, run / "previews" / "step-000001" / "00.wav")
    assert listed(folder) == before
    index = scan(folder)
    assert len(index.entries) == 8
    (skipped,) = [each for each in index.skipped if each.code == SkipCode.SOUNDLOOM_OUTPUT]
    assert skipped.path == "runs/vae-mine"
    assert "not training data" in skipped.reason


def test_training_into_the_folder_of_sounds_itself_leaves_its_sounds_in_use(folder):
    run = add_run(folder)
    copy_sound(folder, run / "previews" / "step-000001" / "00.wav")
    index = scan(folder)
    assert {entry.path for entry in index.entries} == {path.name for path in folder.glob("*.wav")}
    assert [each.path for each in index.skipped if each.code == SkipCode.SOUNDLOOM_OUTPUT] == ["previews"]


@pytest.mark.parametrize("record", ["request.json", "reconstruct.json"])
@pytest.mark.parametrize("place", ["", "out/drums-7"])
def test_sounds_beside_a_record_of_how_they_were_made_are_skipped_one_by_one(folder, record, place):
    target = folder / place
    copy_sound(folder, target / "made.wav")
    (target / record).write_text(json.dumps({"soundloom": "0.1.0", "files": [{"file": "made.wav"}]}))
    index = scan(folder)
    made = f"{place}/made.wav" if place else "made.wav"
    assert len(index.entries) == 8
    assert [each.path for each in index.skipped if each.code == SkipCode.SOUNDLOOM_OUTPUT] == [made]


def test_a_folder_of_made_sounds_alone_is_listed_where_it_is_named_itself(folder, tmp_path):
    made = tmp_path / "made"
    copy_sound(folder, made / "a.wav")
    (made / "request.json").write_text(json.dumps({"soundloom": "0.1.0", "files": [{"file": "a.wav"}]}))
    assert listed(made) == {"a.wav", "request.json"}


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"files": 3, "soundloom": 1}', '{"files": [{"file": "x"}]}'])
def test_files_of_these_names_that_others_wrote_hide_nothing(folder, text):
    sounds = listed(folder)
    for name in ("request.json", "config.json", "training.json"):
        (folder / name).write_text(text)
    assert listed(folder) - {"request.json", "config.json", "training.json"} == sounds
