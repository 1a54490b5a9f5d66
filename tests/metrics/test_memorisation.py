"""Synthetic positives are found, other sounds are not, and the detector knows how often it is right."""

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
from soundloom.metrics import memorisation
from soundloom.metrics.clips import Sounds
from soundloom.metrics.estimate import TooFew
from soundloom.metrics.memorisation import MemorisationDetector, choose_threshold
from soundloom.metrics.near_duplicates import correlation
from soundloom.metrics.synthetic_positives import transforms

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
def few_positives(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests that do not look at the rates: synthetic positives take most of the time."""
    monkeypatch.setattr(memorisation, "POSITIVES", 12)


@lru_cache
def detector() -> MemorisationDetector:
    return MemorisationDetector.fit(Sounds(TRAINING, RATE), Sounds(UNSEEN, RATE))


@pytest.mark.parametrize("kind", list(transforms(RATE)))
def test_synthetic_positives_of_every_kind_are_found_with_their_training_clip(kind: str):
    positives = transforms(RATE)[kind](TRAINING[:60], RATE, np.random.default_rng(5))
    found = detector().search(positives, RATE)
    assert found.memorised.mean() >= 0.95
    assert (found.nearest == np.arange(60)).mean() >= 0.95


def test_unseen_sounds_are_not_called_memorised():
    assert detector().search(drawn(2000, 100), RATE).memorised.mean() <= 0.02


def test_the_rates_say_what_was_measured_on_sounds_that_did_not_choose_the_threshold():
    rates = detector().rates
    assert rates.within_limits
    assert rates.detection.low <= rates.detection.value <= rates.detection.high
    assert set(rates.detection_by_kind) == set(transforms(RATE))
    assert (rates.positives, rates.unseen, rates.unseen_are_held_out, rates.near_duplicates) == (360, 80, True, 0)
    assert "of 360 synthetic positives" in rates.sentence()
    assert "of 80 unseen sounds (held-out sounds)" in rates.sentence()


def test_training_clips_are_at_no_distance_from_themselves():
    found = detector().search(TRAINING, RATE)
    assert (found.nearest == np.arange(len(TRAINING))).all()
    assert (found.distance_db == 0).all()
    assert found.memorised.all()


@settings(max_examples=30, deadline=None)
@given(number=st.integers(0, 119), gain_db=st.floats(-6, 6), shift=st.integers(-160, 160))
def test_neither_gain_nor_shift_within_the_bounds_hides_a_memorised_sound(number: int, gain_db: float, shift: int):
    sound = np.pad(TRAINING[number], 160)[160 - shift : 160 - shift + SAMPLES] * np.float32(10 ** (gain_db / 20))
    found = detector().search(sound[None], RATE)
    assert found.memorised[0]
    assert found.nearest[0] == number


@given(gain_db=st.floats(-30, 0))
@settings(max_examples=20, deadline=None)
def test_a_gain_alone_changes_a_distance_by_rounding_only(gain_db: float):
    found = detector().search(UNSEEN[:4] * np.float32(10 ** (gain_db / 20)), RATE)
    np.testing.assert_allclose(found.distance_db, detector().search(UNSEEN[:4], RATE).distance_db, atol=0.05)


@pytest.mark.usefixtures("few_positives")
def test_silence_is_never_memorised_not_even_from_a_silent_clip():
    with_silence = np.concatenate([TRAINING, np.zeros((2, SAMPLES), np.float32)])
    found = MemorisationDetector.fit(Sounds(with_silence, RATE), Sounds(UNSEEN, RATE)).search(
        np.stack([np.zeros(SAMPLES), np.full(SAMPLES, 5e-5), TRAINING[3]]), RATE
    )
    assert found.nearest.tolist() == [-1, -1, 3]
    assert found.memorised.tolist() == [False, False, True]
    assert np.isinf(found.distance_db[:2]).all()


@pytest.mark.usefixtures("few_positives")
def test_without_held_out_sounds_training_clips_stand_in_for_them():
    without = MemorisationDetector.fit(Sounds(TRAINING, RATE))
    assert not without.rates.unseen_are_held_out
    assert without.rates.unseen == len(TRAINING)
    assert without.search(TRAINING[:50] * 0.5, RATE).memorised.all()
    assert without.search(UNSEEN, RATE).memorised.mean() <= 0.02


def test_held_out_near_duplicates_are_counted_and_do_not_move_the_threshold():
    mixed = np.concatenate([UNSEEN, -0.4 * TRAINING[:30]])
    found = MemorisationDetector.fit(Sounds(TRAINING, RATE), Sounds(mixed, RATE))
    assert (found.rates.near_duplicates, found.rates.unseen) == (30, 80)
    assert found.threshold_db == pytest.approx(detector().threshold_db, abs=0.2)


@pytest.mark.usefixtures("few_positives")
def test_clips_of_one_group_are_not_expected_to_differ():
    class Kits(Sounds):
        @property
        def groups(self) -> list[str]:
            return [f"kit{number % 60}" for number in range(len(self))]

    takes = TRAINING[:60] + 0.5 * np.roll(TRAINING[:60], 700, axis=1)  # another take of each, no near-duplicate
    both = np.concatenate([TRAINING[:60], takes])
    grouped, ungrouped = MemorisationDetector.fit(Kits(both, RATE)), MemorisationDetector.fit(Sounds(both, RATE))
    assert grouped.rates.false_alarms.value <= ungrouped.rates.false_alarms.value
    assert grouped.threshold_db >= ungrouped.threshold_db


@pytest.mark.usefixtures("few_positives")
def test_the_same_seed_gives_the_same_detector_and_another_draws_other_positives():
    first, again, other = (
        MemorisationDetector.fit(Sounds(TRAINING[:40], RATE), Sounds(UNSEEN, RATE), s) for s in (1, 1, 2)
    )
    assert first.threshold_db == again.threshold_db
    assert first.rates == again.rates
    assert first.threshold_db != other.threshold_db


def test_a_coarse_search_in_blocks_finds_what_one_over_all_clips_finds(monkeypatch):
    queries, stored = prints.fingerprints(UNSEEN[:20], RATE), prints.fingerprints(TRAINING, RATE)
    whole = np.sort(prints.candidates(queries, stored, 8), axis=1)
    monkeypatch.setattr(prints, "BLOCK", 7)
    monkeypatch.setattr(prints, "QUERIES", 3)
    assert (np.sort(prints.candidates(queries, stored, 8), axis=1) == whole).all()


def test_candidates_are_never_kin_and_run_out_where_all_are():
    stored = prints.fingerprints(TRAINING[:6], RATE)
    kin = np.array([0, 0, 0, 0, 0, 1])
    places = prints.candidates(stored, stored, 3, (kin, kin))
    assert (places[:5].max(axis=1) == 5).all()
    assert (np.sort(places[:5], axis=1)[:, :2] == -1).all()
    assert np.isinf(prints.decibels_apart(stored, stored, places)[:5].max(axis=1)).all()


def test_a_fingerprint_takes_5_kilobytes_for_a_second():
    assert prints.fingerprints(np.ones((2, 22050)), 22050)[0].nbytes < 5000


def test_a_waveform_correlates_with_its_duplicate_at_any_gain_and_small_shifts_only():
    duplicate = np.stack([-0.3 * np.roll(UNSEEN[0], 100), np.roll(UNSEEN[0], 900), UNSEEN[1]])
    found = correlation(UNSEEN[0], duplicate, most=160)
    assert found[0] > 0.99
    assert (found[1:] < 0.9).all()
    assert correlation(UNSEEN[0], np.zeros((1, SAMPLES)), most=160) == 0


def test_a_threshold_lies_between_positives_and_negatives_and_relaxes_both_bounds_where_they_cross():
    near = np.linspace(0, 1, 201)
    assert choose_threshold(near, near + 3) == pytest.approx((0.975 + 3.01) / 2)
    assert choose_threshold(near, near + 3, place=0.0) == pytest.approx(0.975)
    crossing = choose_threshold(near, near + 0.5)
    misses, false_alarms = (near > crossing).mean(), (near + 0.5 <= crossing).mean()
    assert misses / 0.05 == pytest.approx(false_alarms / 0.02, rel=0.1)


@pytest.mark.usefixtures("few_positives")
def test_too_few_clips_are_refused_with_the_number_that_is_needed():
    with pytest.raises(TooFew, match="at least 20 training clips that are not silent and was given 19"):
        MemorisationDetector.fit(Sounds(np.concatenate([TRAINING[:19], np.zeros((9, SAMPLES), np.float32)]), RATE))
    with pytest.raises(TooFew, match="given 0"):
        MemorisationDetector.fit(Sounds(TRAINING[:0], RATE))
    with pytest.raises(TooFew, match="sounds without a near-duplicate"):
        MemorisationDetector.fit(Sounds(np.concatenate([TRAINING[:20], TRAINING[:20] * 0.5]), RATE))


@pytest.mark.usefixtures("few_positives")
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
        MemorisationDetector.fit(Sounds(TRAINING, RATE), Sounds(UNSEEN, 16000))
    with pytest.raises(ValueError, match=r"held-out sounds last 0\.25 s"):
        MemorisationDetector.fit(Sounds(TRAINING, RATE), Sounds(UNSEEN[:, :2000], RATE))
    quiet_end = TRAINING[:1].copy()
    quiet_end[:, 3000:] = 0
    whole, cut = detector().search(quiet_end, RATE), detector().search(quiet_end[:, :3000], RATE)
    assert whole.distance_db == cut.distance_db


def test_a_search_for_no_sounds_finds_nothing():
    assert detector().search(np.zeros((0, SAMPLES)), RATE).memorised.shape == (0,)


@pytest.mark.parametrize("rate", [2000, 11025, 12345, 48000])
def test_every_sample_rate_has_fingerprints_and_synthetic_positives(rate: int):
    sounds = np.random.default_rng(0).standard_normal((3, rate // 2)).astype(np.float32) * 0.1
    stored = prints.fingerprints(sounds, rate)
    assert ("mp3" in transforms(rate)) == (rate in (11025, 48000))
    for change in transforms(rate).values():
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
def test_on_real_sounds_the_reported_detection_rate_holds_for_other_positives(name: str):
    training, held_out = real(name)
    detector = MemorisationDetector.fit(training, held_out)
    if name == "fsdd":  # drums: takes of one kit hide shifted clips, so the detector reports less than its limits
        assert detector.rates.within_limits, detector.rates
    rng = np.random.default_rng(11)
    rows = rng.permutation(len(training))[:50]
    found = [
        detector.search(change(training.audio(rows)[:, 0], training.sample_rate, rng), training.sample_rate).memorised
        for change in transforms(training.sample_rate).values()
    ]
    # What it reports of itself holds for other draws: 300 against 360, a standard error of 0.022 where 0.92 are found.
    assert abs(np.mean(found) - detector.rates.detection.value) < 0.09
    unseen = detector.search(held_out.audio(slice(None))[:, 0], training.sample_rate)
    duplicates = detector.rates.near_duplicates
    assert unseen.memorised.sum() <= duplicates + 0.02 * (len(held_out) - duplicates)
    assert (
        replace(detector, threshold_db=0.0).search(training.audio(rows[:9])[:, 0], detector.sample_rate).memorised.all()
    )
