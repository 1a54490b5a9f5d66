"""Candidates bring their sounds to common terms: rate, length, count."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from soundloom.audio import Audio, read
from soundloom.data.clips import ClipSettings
from soundloom.evaluation.candidates.fitted_baselines import BaselineCandidate
from soundloom.evaluation.candidates.model import ModelCandidate
from soundloom.evaluation.candidates.protocol import BLOCK
from soundloom.evaluation.candidates.sounds import SoundsCandidate
from soundloom.evaluation.terms import Terms, to_terms
from soundloom.representations import build
from sounds import RATE

TERMS = Terms(RATE, 0.5, 20, seed=1)


def opened(folder: Path, terms: Terms = TERMS) -> SoundsCandidate:
    return SoundsCandidate.from_folder(folder, ClipSettings(terms.sample_rate, terms.seconds), terms)


def audio_of(candidate, terms=TERMS):
    return np.concatenate([block.audio for block in candidate.blocks(terms)])


def test_shorter_sounds_are_padded_and_longer_ones_cut():
    audio = to_terms([np.ones(100, np.float32), np.ones(9000, np.float32)], RATE, TERMS)
    assert audio.shape == (2, 4000)
    assert audio[0, :100].all()
    assert not audio[0, 100:].any()
    assert audio[1].all()


def test_a_tone_keeps_its_pitch_when_it_comes_at_another_rate():
    tone = np.sin(2 * np.pi * 440 * np.arange(22050) / 22050).astype(np.float32)
    audio = to_terms([tone], 22050, TERMS)[0]
    assert np.abs(np.fft.rfft(audio)).argmax() == 220  # 2 Hz a bin


def test_a_model_and_a_baseline_generate_on_common_terms(trained, data):
    from soundloom.generation import load

    model = ModelCandidate("m", load(trained("vae")))
    representation = build({"kind": "mel", "sample_rate": 4000, "bands": 32, "n_fft": 256, "hop": 128})
    training = data.at(4000, 0.5).training
    baseline = BaselineCandidate("baseline:pca", "pca", training, representation)
    for candidate in (model, baseline):
        assert audio_of(candidate).shape == (20, 4000)


def test_the_facts_of_a_model_are_its_size(trained):
    from soundloom.generation import load

    loaded = load(trained("vae"))
    facts = ModelCandidate("m", loaded).facts()
    assert facts["parameters"] == sum(each.numel() for each in loaded.system.parameters())
    assert facts["megabytes"] == round((trained("vae") / "weights.safetensors").stat().st_size / 1e6, 2)


def test_a_folder_with_more_sounds_than_the_count_gives_a_sample_of_all_of_them(many):
    candidate = opened(many)
    names = [file for block in candidate.blocks(TERMS) for file in block.files]
    assert len(set(names)) == 20
    assert 4 <= sum(name.startswith("hiss") for name in names) <= 16  # by name, the first 20 would all be


def test_the_same_seed_takes_the_same_sounds_of_a_folder_and_another_takes_others(many):
    first, second, other = (audio_of(opened(many), Terms(RATE, 0.5, 20, s)) for s in (1, 1, 2))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)


def test_a_sound_counts_as_often_as_a_folder_repeats_it(many, tmp_path):
    sound = sorted(many.glob("*.wav"))[0]
    for number in range(7):
        shutil.copy(sound, tmp_path / f"{number}.wav")
    audio = audio_of(opened(tmp_path))
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


def test_sounds_of_a_folder_are_cut_as_the_reference_is(data, many, tmp_path):
    for name in data.held_out.files[:5]:
        shutil.copy(many / name, tmp_path)
    candidate = SoundsCandidate.from_folder(tmp_path, data.held_out.settings, TERMS)
    clips = {clip.tobytes() for clip in data.held_out.audio(slice(0, 5))[:, 0]}
    assert {sound.tobytes() for sound in audio_of(candidate)} == clips


def test_a_folder_has_the_role_of_a_model(many: Path):
    assert opened(many).role == "model"


def test_sounds_in_memory_are_those_of_the_same_files_in_a_folder(fresh):
    files = sorted(fresh.glob("*.wav"))[:25]
    sounds = [read(file) for file in files]
    sounds += [sounds[0], Audio(np.zeros(4000), RATE)]
    candidate = SoundsCandidate.from_memory(sounds, ClipSettings(RATE, 0.5), TERMS)
    everything = Terms(RATE, 0.5, 27, seed=0)
    folder = opened(fresh)
    expected = {clip.tobytes() for clip in folder.store.audio(slice(None))[:, 0]}
    audio = audio_of(candidate, everything)
    assert len(audio) == 27
    assert sum(not sound.any() for sound in audio) == 1
    assert {sound.tobytes() for sound in audio if sound.any()} <= expected
    assert f"{candidate.name}: 1 files repeat the sound of another file; each counts" in candidate.remarks


def test_sounds_in_memory_may_be_stereo_and_of_several_rates_and_broken_ones_are_left_out():
    hum = np.sin(np.arange(8000) / 9)
    sounds = [Audio(np.stack([hum, hum]), 16000), Audio(hum, 4000), Audio(np.full(4000, np.nan), RATE)]
    candidate = SoundsCandidate.from_memory(sounds, ClipSettings(RATE, 0.5), TERMS)
    assert audio_of(candidate).shape == (2, 4000)
    assert any("left out: 1 " in remark for remark in candidate.remarks)
