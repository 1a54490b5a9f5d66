"""Contenders bring their sounds onto common terms: rate, length, count."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from soundloom.data.clips import ClipSettings
from soundloom.evaluation.candidates import BLOCK, BaselineContender, FolderContender, ModelContender, Terms, on_terms
from soundloom.representations import build
from sounds import RATE

TERMS = Terms(RATE, 0.5, 20, seed=1)


def opened(folder: Path, terms: Terms = TERMS) -> FolderContender:
    return FolderContender.open(str(folder), ClipSettings(terms.sample_rate, terms.seconds), terms)


def heard(contender, terms=TERMS):
    return np.concatenate([block.audio for block in contender.blocks(terms)])


def test_shorter_sounds_are_padded_and_longer_ones_cut():
    audio = on_terms([np.ones(100, np.float32), np.ones(9000, np.float32)], RATE, TERMS)
    assert audio.shape == (2, 4000)
    assert audio[0, :100].all()
    assert not audio[0, 100:].any()
    assert audio[1].all()


def test_a_tone_keeps_its_pitch_when_it_comes_at_another_rate():
    tone = np.sin(2 * np.pi * 440 * np.arange(22050) / 22050).astype(np.float32)
    audio = on_terms([tone], 22050, TERMS)[0]
    assert np.abs(np.fft.rfft(audio)).argmax() == 220  # 2 Hz a bin


def test_a_model_and_a_baseline_make_what_is_asked_for(trained, material):
    from soundloom.generation import load

    model = ModelContender("m", load(trained("vae")))
    representation = build({"kind": "mel", "sample_rate": 4000, "bands": 32, "n_fft": 256, "hop": 128})
    for contender in (model, BaselineContender("baseline:pca", material, representation)):
        assert heard(contender).shape == (20, 4000)


def test_a_model_says_how_large_it_is(trained):
    from soundloom.generation import load

    loaded = load(trained("vae"))
    facts = ModelContender("m", loaded).facts()
    assert facts["parameters"] == sum(each.numel() for each in loaded.system.parameters())
    assert facts["megabytes"] == round((trained("vae") / "weights.safetensors").stat().st_size / 1e6, 2)


def test_a_folder_with_more_sounds_than_are_asked_for_gives_a_sample_of_all_of_them(many):
    contender = opened(many)
    names = [file for block in contender.blocks(TERMS) for file in block.files]
    assert len(set(names)) == 20
    assert 4 <= sum(name.startswith("hiss") for name in names) <= 16  # by name, the first 20 would all be


def test_the_same_seed_takes_the_same_sounds_of_a_folder_and_another_takes_others(many):
    first, second, other = (heard(opened(many), Terms(RATE, 0.5, 20, s)) for s in (1, 1, 2))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)


def test_a_folder_that_repeats_one_sound_is_heard_as_often_as_it_repeats_it(many, tmp_path):
    sound = sorted(many.glob("*.wav"))[0]
    for number in range(7):
        shutil.copy(sound, tmp_path / f"{number}.wav")
    audio = heard(opened(tmp_path))
    assert len(audio) == 7
    assert (audio == audio[0]).all()


def test_files_and_labels_stay_with_their_sounds(many):
    for block in opened(many).blocks(TERMS):
        for row, file, labels in zip(block.audio, block.files, block.conditions, strict=True):
            assert file.startswith(str(labels["kind"]))
            assert not row[soundfile.info(many / file).frames :].any()


def test_a_folder_without_a_usable_sound_is_refused(tmp_path):
    (tmp_path / "text.wav").write_text("no sound")
    with pytest.raises(ValueError, match=r"no sound in .* can be used"):
        opened(tmp_path)


def test_sounds_come_in_blocks(many):
    terms = Terms(RATE, 0.1, 300, 0)
    sizes = [len(block.audio) for block in opened(many, terms).blocks(terms)]
    assert sizes == [BLOCK, BLOCK, 300 - 2 * BLOCK]


def test_sounds_of_a_folder_are_cut_as_the_reference_is(material, many, tmp_path):
    for name in material.held_out.files[:5]:
        shutil.copy(many / name, tmp_path)
    contender = FolderContender.open(str(tmp_path), material.held_out.settings, TERMS)
    clips = {clip.tobytes() for clip in material.held_out.audio(slice(0, 5))[:, 0]}
    assert {sound.tobytes() for sound in heard(contender)} == clips


def test_a_contender_of_a_folder_is_judged_as_a_model_is(many: Path):
    assert opened(many).role == "model"
