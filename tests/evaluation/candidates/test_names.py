"""Names of candidates: what each stands for, and which are refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from soundloom.audio import Audio
from soundloom.evaluation.candidates.fitted_baselines import FITS
from soundloom.evaluation.candidates.names import (
    FITTED,
    Trained,
    check_names,
    full_name,
    is_folder_of_sounds,
    name_of,
)
from soundloom.systems.discovery import system_named

HUM = Audio(np.sin(np.arange(4000) / 9), 8000)


def test_every_name_of_a_fitted_baseline_has_its_fit():
    assert set(FITTED) == set(FITS)


def test_a_folder_of_sounds_is_told_from_a_run_and_from_a_shipped_model(sounds, trained):
    assert is_folder_of_sounds(str(sounds))
    assert not is_folder_of_sounds(str(trained("vae")))
    assert not is_folder_of_sounds("drums")


def test_a_trained_baseline_names_its_system_and_preset():
    assert Trained.parse("baseline:vae:tiny") == Trained("vae", "tiny")
    assert str(Trained("vae", "tiny")) == "baseline:vae:tiny"
    assert Trained.parse("baseline:pca") is None
    assert Trained.parse("C:/sounds") is None


def test_a_preset_that_one_system_has_is_completed_with_its_system():
    owners = [name for name in ("vae", "wavenet", "drumgan") if "course" in system_named(name).PRESETS]
    assert owners == ["vae"]
    assert full_name("baseline:course") == "baseline:vae:course"
    assert full_name("baseline:tiny") == "baseline:tiny"  # every system has one
    assert full_name("baseline:pca") == "baseline:pca"
    assert full_name("course") == "course"


def test_sounds_in_memory_are_named_by_their_samples_rates_and_order():
    other = Audio(HUM.samples * 0.5, 8000)
    names = [
        name_of(sounds)
        for sounds in ([HUM], [other], [HUM, other], [other, HUM], [Audio(HUM.samples, 16000)], [HUM, HUM])
    ]
    assert len(set(names)) == len(names)
    assert name_of([Audio(HUM.samples.copy(), 8000)]) == names[0]
    assert names[0].startswith("sounds-")


@pytest.mark.parametrize(
    ("sources", "message"),
    [
        (["baseline:nearst"], "baseline:nearest.*baseline:SYSTEM:PRESET"),
        (["baseline:tiny"], "baseline:SYSTEM:PRESET"),
        (["baseline:vae:cource"], "vae has no preset 'cource'; .*course"),
        (["baseline:vea:course"], "no system 'vea'; .*vae"),
        (["baseline:vae:"], "vae has no preset ''"),
        (["baseline:pca", "baseline:pca"], "2 times"),
        (["baseline:course", "baseline:vae:course"], "baseline:vae:course is named 2 times"),
        (["drum"], "drums"),
        ([[]], "holds no sounds"),
        ([[HUM, "kick.wav"]], "sound 1 of a candidate is 'kick.wav'; give Audio"),
        ([HUM], "give a list of them"),
        ([[HUM], [HUM]], "2 times"),
    ],
)
def test_what_is_no_candidate_is_refused_with_the_next_move(sources, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        check_names(sources, tmp_path)


def test_real_sounds_must_be_a_folder(tmp_path: Path):
    with pytest.raises(ValueError, match="name the folder of real sounds to compare with, last"):
        check_names(["baseline:pca"], tmp_path / "nowhere")
