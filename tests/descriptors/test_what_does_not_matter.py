"""Silence has numbers too, and gain, sign, silence around a sound and its neighbours in an array change nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from descriptors.synthetic import RATE, SOUNDS, decaying, noise, sine
from soundloom.descriptors import DESCRIPTORS, SEVEN, measure, named, summary

SHAPES = tuple(name for name, each in DESCRIPTORS.items() if not each.follows_gain)
SNARE = SOUNDS["snare"]


def described(*sounds: np.ndarray, rate: int = RATE) -> np.ndarray:
    """All descriptors, (sound, descriptor)."""
    return np.stack(list(measure(np.stack(sounds), rate).values()), axis=1)


@settings(max_examples=10, deadline=None)
@given(db=st.floats(-100, 40))
def test_a_gain_changes_loudness_by_as_many_db_and_nothing_else(db: float):
    before, after = (measure(SNARE[None] * gain, RATE) for gain in (1.0, 10 ** (db / 20)))
    for name in SHAPES:
        assert after[name] == pytest.approx(before[name], abs=1e-3)
    if before["loudness"][0] + db > -70:
        assert after["loudness"][0] - before["loudness"][0] == pytest.approx(db, abs=1e-6)


def test_silence_has_finite_descriptors_and_0_of_timbre():
    for silence in (np.zeros((2, RATE)), np.zeros((1, 1)), np.zeros((1, 0)), np.full((1, 100), 1e-12)):
        for name, values in measure(silence, RATE).items():
            assert np.isfinite(values).all(), name
            assert name not in SEVEN or not values.any(), name
        assert measure(silence, RATE, ("loudness",))["loudness"] == pytest.approx(-70)


@settings(max_examples=30, deadline=None)
@given(
    samples=st.integers(1, 6000),
    seed=st.integers(0, 2**32 - 1),
    per_second=st.floats(0, 2000),
    rate=st.sampled_from([8000, 16000, 22050, 44100, 48000]),
    sparse=st.booleans(),
)
def test_any_sound_has_finite_descriptors(samples: int, seed: int, per_second: float, rate: int, sparse: bool):
    rng = np.random.default_rng(seed)
    sound = rng.standard_normal(samples) * np.exp(-per_second * np.arange(samples) / rate)
    sound = sound * (rng.random(samples) < 0.01) if sparse else sound
    for name, values in measure(sound[None], rate).items():
        assert np.isfinite(values).all(), name


@pytest.mark.parametrize("sound", [np.eye(1, 100)[0], np.ones(5000), np.ones(5000) * -1e30, np.eye(1, RATE, 9999)[0]])
def test_clicks_and_constants_have_finite_descriptors(sound: np.ndarray):
    assert np.isfinite(described(sound)).all()


def test_silence_before_and_after_a_sound_is_no_part_of_it():
    around = np.pad(SNARE[: RATE // 2], (1234, 20000))
    assert described(around) == pytest.approx(described(SNARE[: RATE // 2]), abs=1e-6)


def test_a_sound_is_described_alike_alone_and_among_others_and_upside_down():
    sounds = list(SOUNDS.values())
    together = described(*sounds, np.zeros(RATE), *sounds)
    assert together[: len(sounds)] == pytest.approx(together[len(sounds) + 1 :], abs=1e-9)
    assert described(SNARE)[0] == pytest.approx(together[list(SOUNDS).index("snare")], abs=1e-6)
    assert described(-SNARE) == pytest.approx(described(SNARE), abs=1e-6)


def test_a_sound_at_another_rate_is_nearly_the_same_sound():
    high = decaying(noise(50, 6000)) + decaying(sine(200))
    low = np.fft.irfft(np.fft.rfft(high)[: 22050 // 2 + 1], 22050) / 2
    names = tuple(name for name in SEVEN if name != "warmth")  # whose line ends where a rate does
    before, after = measure(high[None], RATE, names), measure(low[None], 22050, names)
    for name in names:
        assert after[name] == pytest.approx(before[name], abs=1.5), name


def test_what_is_no_sound_is_refused_with_its_shape_or_number():
    with pytest.raises(ValueError, match=r"shape \(10,\).*\(sound, time\)"):
        measure(np.zeros(10), RATE)
    with pytest.raises(ValueError, match="1 of 2 sounds hold NaN or infinity"):
        measure(np.stack([SNARE, np.where(np.arange(RATE) == 7, np.nan, SNARE)]), RATE)
    with pytest.raises(ValueError, match="rate of 0 Hz"):
        measure(SNARE[None], 0)


def test_an_unknown_descriptor_names_the_nearest_and_timbre_stands_for_seven():
    assert named(("timbre", "loudness", "depth")) == (*SEVEN, "loudness")
    assert len(SEVEN) == 7
    with pytest.raises(ValueError, match="did you mean 'brightness'"):
        named(("brigthness",))


def test_no_sounds_have_no_values():
    assert all(values.shape == (0,) for values in measure(np.zeros((0, 100)), RATE).values())


def test_a_summary_holds_the_quantiles_and_the_unit():
    row = summary({"decay_time": np.linspace(0, 1, 101)})["decay_time"]
    assert (row["unit"], row["1 %"], row["median"], row["99 %"]) == ("s", 0.01, 0.5, 0.99)
