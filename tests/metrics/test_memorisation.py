"""Copies that are planted are found, other sounds are not accused, and the detector knows how often it is right."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soundloom.data.clips import ClipStore, open_clips
from soundloom.data.cut import ClipSettings
from soundloom.metrics import fingerprints as prints
from soundloom.metrics import memorisation as copies
from soundloom.metrics.estimate import TooFew
from soundloom.metrics.memorisation import CopyDetector, Sounds, choose_threshold, correlation
from soundloom.metrics.synthetic_positives import kinds

DATA = os.environ.get("SOUNDLOOM_DATA")
RATE, SAMPLES = 8000, 4000


def drawn(first: int, count: int) -> np.ndarray:
    """Sounds that differ: decaying noises and chords of random colour, float32 (count, SAMPLES)."""
    moment = np.arange(SAMPLES) / RATE
    sounds = []
    for number in range(first, first + count):
        rng = np.random.default_rng(number)
        pitches = rng.uniform(80, 2500, 4)
        tones = (np.sin(2 * np.pi * pitches[:, None] * moment) * np.exp(-moment * rng.uniform(2, 25, (4, 1)))).sum(0)
        spectrum = np.fft.rfft(rng.standard_normal(SAMPLES))
        frequency = np.linspace(0, 1, len(spectrum))
        colour = np.exp(-(((frequency - rng.uniform(0, 1)) / rng.uniform(0.1, 0.5)) ** 2))
        noise = np.fft.irfft(spectrum * colour) * np.exp(-moment * rng.uniform(4, 30))
        sound = tones * rng.uniform(0.05, 1) + noise * rng.uniform(0.2, 4)
        sounds.append(0.4 * sound / np.abs(sound).max())
    return np.array(sounds, np.float32)


TRAINING, UNSEEN = drawn(0, 120), drawn(1000, 80)


@pytest.fixture
def few_planted(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests that do not look at the rates: planting takes most of the time."""
    monkeypatch.setattr(copies, "PLANTED", 12)


@lru_cache
def detector() -> CopyDetector:
    return CopyDetector.fit(Sounds(TRAINING, RATE), Sounds(UNSEEN, RATE))


@pytest.mark.parametrize("kind", list(kinds(RATE)))
def test_planted_copies_of_every_kind_are_found_and_named(kind: str):
    planted = kinds(RATE)[kind](TRAINING[:60], RATE, np.random.default_rng(5))
    found = detector().search(planted, RATE)
    assert found.copied.mean() >= 0.95
    assert (found.nearest == np.arange(60)).mean() >= 0.95


def test_sounds_that_are_no_copies_are_not_accused():
    assert detector().search(drawn(2000, 100), RATE).copied.mean() <= 0.02


def test_the_rates_say_what_was_measured_on_sounds_that_did_not_choose_the_threshold():
    rates = detector().rates
    assert rates.keeps_its_promise
    assert rates.detection.low <= rates.detection.value <= rates.detection.high
    assert set(rates.detection_by_kind) == set(kinds(RATE))
    assert (rates.planted, rates.unseen, rates.unseen_are_held_out, rates.twins) == (360, 80, True, 0)
    assert "of 360 planted copies" in rates.sentence()
    assert "of 80 unseen sounds (held-out sounds)" in rates.sentence()


def test_training_clips_are_at_no_distance_from_themselves():
    found = detector().search(TRAINING, RATE)
    assert (found.nearest == np.arange(len(TRAINING))).all()
    assert (found.distance_db == 0).all()
    assert found.copied.all()


@settings(max_examples=30, deadline=None)
@given(number=st.integers(0, 119), gain_db=st.floats(-6, 6), shift=st.integers(-160, 160))
def test_neither_gain_nor_shift_within_the_bounds_hides_a_copy(number: int, gain_db: float, shift: int):
    sound = np.pad(TRAINING[number], 160)[160 - shift : 160 - shift + SAMPLES] * np.float32(10 ** (gain_db / 20))
    found = detector().search(sound[None], RATE)
    assert found.copied[0]
    assert found.nearest[0] == number


@given(gain_db=st.floats(-30, 0))
@settings(max_examples=20, deadline=None)
def test_a_gain_alone_changes_a_distance_by_rounding_only(gain_db: float):
    found = detector().search(UNSEEN[:4] * np.float32(10 ** (gain_db / 20)), RATE)
    np.testing.assert_allclose(found.distance_db, detector().search(UNSEEN[:4], RATE).distance_db, atol=0.05)


@pytest.mark.usefixtures("few_planted")
def test_silence_is_never_a_copy_not_even_of_a_silent_clip():
    with_silence = np.concatenate([TRAINING, np.zeros((2, SAMPLES), np.float32)])
    found = CopyDetector.fit(Sounds(with_silence, RATE), Sounds(UNSEEN, RATE)).search(
        np.stack([np.zeros(SAMPLES), np.full(SAMPLES, 5e-5), TRAINING[3]]), RATE
    )
    assert found.nearest.tolist() == [-1, -1, 3]
    assert found.copied.tolist() == [False, False, True]
    assert np.isinf(found.distance_db[:2]).all()


@pytest.mark.usefixtures("few_planted")
def test_without_held_out_sounds_training_clips_stand_in_for_them():
    alone = CopyDetector.fit(Sounds(TRAINING, RATE))
    assert not alone.rates.unseen_are_held_out
    assert alone.rates.unseen == len(TRAINING)
    assert alone.search(TRAINING[:50] * 0.5, RATE).copied.all()
    assert alone.search(UNSEEN, RATE).copied.mean() <= 0.02


def test_held_out_twins_are_counted_and_do_not_move_the_threshold():
    mixed = np.concatenate([UNSEEN, -0.4 * TRAINING[:30]])
    found = CopyDetector.fit(Sounds(TRAINING, RATE), Sounds(mixed, RATE))
    assert (found.rates.twins, found.rates.unseen) == (30, 80)
    assert found.threshold_db == pytest.approx(detector().threshold_db, abs=0.2)


@pytest.mark.usefixtures("few_planted")
def test_clips_of_one_group_are_not_asked_to_differ():
    class Kits(Sounds):
        @property
        def groups(self) -> list[str]:
            return [f"kit{number % 60}" for number in range(len(self))]

    takes = TRAINING[:60] + 0.5 * np.roll(TRAINING[:60], 700, axis=1)  # another take of each, no twin
    both = np.concatenate([TRAINING[:60], takes])
    grouped, ungrouped = CopyDetector.fit(Kits(both, RATE)), CopyDetector.fit(Sounds(both, RATE))
    assert grouped.rates.false_alarms.value <= ungrouped.rates.false_alarms.value
    assert grouped.threshold_db >= ungrouped.threshold_db


@pytest.mark.usefixtures("few_planted")
def test_the_same_seed_gives_the_same_detector_and_another_plants_other_copies():
    first, again, other = (CopyDetector.fit(Sounds(TRAINING[:40], RATE), Sounds(UNSEEN, RATE), s) for s in (1, 1, 2))
    assert first.threshold_db == again.threshold_db
    assert first.rates == again.rates
    assert first.threshold_db != other.threshold_db


def test_a_rough_search_in_blocks_finds_what_one_over_all_finds(monkeypatch):
    asked, stored = prints.fingerprints(UNSEEN[:20], RATE), prints.fingerprints(TRAINING, RATE)
    whole = np.sort(prints.candidates(asked, stored, 8), axis=1)
    monkeypatch.setattr(prints, "BLOCK", 7)
    monkeypatch.setattr(prints, "QUERIES", 3)
    assert (np.sort(prints.candidates(asked, stored, 8), axis=1) == whole).all()


def test_candidates_are_never_kin_and_run_out_where_all_are():
    stored = prints.fingerprints(TRAINING[:6], RATE)
    kin = np.array([0, 0, 0, 0, 0, 1])
    places = prints.candidates(stored, stored, 3, (kin, kin))
    assert (places[:5].max(axis=1) == 5).all()
    assert (np.sort(places[:5], axis=1)[:, :2] == -1).all()
    assert np.isinf(prints.decibels_apart(stored, stored, places)[:5].max(axis=1)).all()


def test_a_fingerprint_takes_5_kilobytes_for_a_second():
    assert prints.fingerprints(np.ones((2, 22050)), 22050)[0].nbytes < 5000


def test_a_waveform_correlates_with_its_twin_at_any_gain_and_small_shift_only():
    twin = np.stack([-0.3 * np.roll(UNSEEN[0], 100), np.roll(UNSEEN[0], 900), UNSEEN[1]])
    found = correlation(UNSEEN[0], twin, most=160)
    assert found[0] > 0.99
    assert (found[1:] < 0.9).all()
    assert correlation(UNSEEN[0], np.zeros((1, SAMPLES)), most=160) == 0


def test_a_threshold_lies_between_copies_and_others_and_gives_way_on_both_sides_where_they_cross():
    near = np.linspace(0, 1, 201)
    assert choose_threshold(near, near + 3) == pytest.approx((0.975 + 3.01) / 2)
    assert choose_threshold(near, near + 3, place=0.0) == pytest.approx(0.975)
    crossing = choose_threshold(near, near + 0.5)
    misses, accused = (near > crossing).mean(), (near + 0.5 <= crossing).mean()
    assert misses / 0.05 == pytest.approx(accused / 0.02, rel=0.1)


@pytest.mark.usefixtures("few_planted")
def test_too_few_clips_are_refused_with_the_number_that_is_needed():
    with pytest.raises(TooFew, match="at least 20 training clips that can be heard and was given 19"):
        CopyDetector.fit(Sounds(np.concatenate([TRAINING[:19], np.zeros((9, SAMPLES), np.float32)]), RATE))
    with pytest.raises(TooFew, match="given 0"):
        CopyDetector.fit(Sounds(TRAINING[:0], RATE))
    with pytest.raises(TooFew, match="sounds without a twin"):
        CopyDetector.fit(Sounds(np.concatenate([TRAINING[:20], TRAINING[:20] * 0.5]), RATE))


@pytest.mark.usefixtures("few_planted")
def test_sounds_that_do_not_fit_the_training_clips_are_refused_and_short_ones_padded():
    with pytest.raises(ValueError, match="16000 Hz, training clips 8000 Hz; resample"):
        detector().search(UNSEEN, 16000)
    with pytest.raises(ValueError, match=r"4001 samples, training clips 4000; cut"):
        detector().search(np.zeros((1, 4001)), RATE)
    with pytest.raises(ValueError, match=r"shape \(4000,\)"):
        detector().search(UNSEEN[0], RATE)
    with pytest.raises(ValueError, match="NaN"):
        detector().search(np.full((1, SAMPLES), np.nan), RATE)
    with pytest.raises(ValueError, match="held-out sounds have 16000 Hz"):
        CopyDetector.fit(Sounds(TRAINING, RATE), Sounds(UNSEEN, 16000))
    with pytest.raises(ValueError, match=r"held-out sounds last 0\.25 s"):
        CopyDetector.fit(Sounds(TRAINING, RATE), Sounds(UNSEEN[:, :2000], RATE))
    quiet_end = TRAINING[:1].copy()
    quiet_end[:, 3000:] = 0
    whole, cut = detector().search(quiet_end, RATE), detector().search(quiet_end[:, :3000], RATE)
    assert whole.distance_db == cut.distance_db


def test_to_search_for_no_sounds_gives_no_copies():
    assert detector().search(np.zeros((0, SAMPLES)), RATE).copied.shape == (0,)


@pytest.mark.parametrize("rate", [2000, 11025, 12345, 48000])
def test_every_sample_rate_has_its_fingerprints_and_its_kinds_of_copies(rate: int):
    sounds = np.random.default_rng(0).standard_normal((3, rate // 2)).astype(np.float32) * 0.1
    stored = prints.fingerprints(sounds, rate)
    assert ("mp3" in kinds(rate)) == (rate in (11025, 48000))
    for change in kinds(rate).values():
        changed = change(sounds, rate, np.random.default_rng(0))
        assert changed.shape == sounds.shape
        apart = prints.decibels_apart(prints.fingerprints(changed, rate), stored, np.tile(np.arange(3), (3, 1)))
        assert (apart.argmin(axis=1) == np.arange(3)).all()


def real(name: str) -> tuple[ClipStore, ClipStore]:
    """Training and held-out clips: kits on one side, of digits the indices 0 to 4."""
    folder = Path(str(DATA)) / name
    if name == "drums":
        return open_clips(folder, ClipSettings(22050, 1.0), where={"permissive": "yes"}).split(0.1, seed=0)
    clips = open_clips(folder, ClipSettings(8000, 0.8))
    aside = np.array([int(labels["index"]) < 5 for labels in clips.labels])
    return clips.subset(~aside), clips.subset(aside)


@pytest.mark.skipif(DATA is None, reason="SOUNDLOOM_DATA does not name a folder of real sounds")
@pytest.mark.parametrize("name", ["drums", "fsdd"])
def test_on_real_sounds_copies_are_found_and_unseen_sounds_let_be(name: str):
    training, held_out = real(name)
    judge = CopyDetector.fit(training, held_out)
    assert judge.rates.keeps_its_promise, judge.rates
    rng = np.random.default_rng(11)
    rows = rng.permutation(len(training))[:50]
    found = [
        judge.search(change(training.audio(rows)[:, 0], training.sample_rate, rng), training.sample_rate).copied
        for change in kinds(training.sample_rate).values()
    ]
    assert np.mean(found) >= 0.95
    heard = judge.search(held_out.audio(slice(None))[:, 0], training.sample_rate)
    twins = judge.rates.twins
    assert heard.copied.sum() <= twins + 0.02 * (len(held_out) - twins)
    assert replace(judge, threshold_db=0.0).search(training.audio(rows[:9])[:, 0], judge.sample_rate).copied.all()
