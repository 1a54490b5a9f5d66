"""Equal terms: loudness is that of another library and of the standard, and nothing but loudness and rate changes."""

from __future__ import annotations

import numpy as np
import pyloudnorm
import pytest
import scipy.signal

from soundloom.metrics.level_matching import loudness, match_level_and_rate, resampled


def some(rate: int, seconds: float = 0.5, count: int = 6, seed: int = 0) -> np.ndarray:
    """Decaying noise and tones (sound, sample) at very different levels."""
    rng = np.random.default_rng(seed)
    moment = np.arange(round(rate * seconds)) / rate
    tones = np.sin(2 * np.pi * rng.uniform(60, 0.3 * rate, (count, 1)) * moment)
    noise = rng.standard_normal((count, len(moment)))
    envelopes = np.exp(-moment * rng.uniform(0, 20, (count, 1)))
    levels = 10 ** rng.uniform(-2, 0, (count, 1))
    return (levels * envelopes * np.where(np.arange(count)[:, None] % 2, tones, noise)).astype(np.float32)


def metered(sound: np.ndarray, rate: int) -> float:
    """By the other library, in one block as long as the sound."""
    return float(pyloudnorm.Meter(rate, block_size=len(sound) / rate).integrated_loudness(sound.astype(np.float64)))


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 44100, 48000])
def test_loudness_is_what_another_library_measures_in_one_block(rate: int):
    sounds = some(rate)
    assert loudness(sounds, rate) == pytest.approx([metered(sound, rate) for sound in sounds], abs=0.01)


def test_a_full_scale_tone_of_997_hz_has_the_loudness_that_the_standard_says():
    tone = np.sin(2 * np.pi * 997 * np.arange(48000) / 48000)
    assert loudness(tone[None], 48000)[0] == pytest.approx(-3.01, abs=0.05)


@pytest.mark.parametrize(("rate", "to_rate"), [(22050, 22050), (44100, 22050), (16000, 48000)])
def test_every_sound_comes_out_at_minus_23_lufs(rate: int, to_rate: int):
    even = match_level_and_rate(some(rate), rate, to_rate)
    assert even.dtype == np.float32
    assert [metered(sound, to_rate) for sound in even] == pytest.approx([-23.0] * len(even), abs=0.01)


@pytest.mark.parametrize("gain", [0.05, 0.999, 7.0, 1e3])
@pytest.mark.parametrize("to_rate", [22050, 16000])
def test_a_louder_or_quieter_version_comes_out_the_same(gain: float, to_rate: int):
    sounds = some(22050)
    apart = match_level_and_rate(sounds * np.float32(gain), 22050, to_rate) - match_level_and_rate(
        sounds, 22050, to_rate
    )
    assert np.abs(apart).max() < 1e-5


def test_only_the_level_of_a_sound_changes_when_the_rate_is_the_same():
    sounds = some(22050)
    before = sounds.copy()
    even = match_level_and_rate(sounds, 22050, 22050)
    assert np.array_equal(sounds, before)
    for sound, other in zip(sounds, even, strict=True):
        assert other @ sound / np.linalg.norm(other) / np.linalg.norm(sound) == pytest.approx(1, abs=1e-6)


def test_silence_stays_silent_and_what_is_quieter_than_minus_90_lufs_is_left_as_it_is():
    loud = some(22050, count=1)
    quiet, barely = (loud * np.float32(10 ** ((level - loudness(loud, 22050)[0]) / 20)) for level in (-91, -89))
    sounds = np.concatenate((np.zeros_like(loud), quiet, barely))
    even = match_level_and_rate(sounds, 22050, 22050)
    assert not even[0].any()
    assert np.array_equal(even[1], sounds[1])
    assert loudness(even[2:], 22050)[0] == pytest.approx(-23, abs=0.01)
    assert loudness(sounds[:1], 22050)[0] == -np.inf


@pytest.mark.parametrize(("rate", "to_rate"), [(44100, 22050), (16000, 22050), (48000, 16000)])
def test_a_tone_at_another_rate_is_the_same_tone_and_what_another_library_makes_of_it(rate: int, to_rate: int):
    hz, inside = 1234.5, slice(to_rate // 10, -to_rate // 10)  # at the ends each filter rings in its own way
    tone = np.sin(2 * np.pi * hz * np.arange(rate) / rate).astype(np.float32)
    moved = resampled(tone[None], rate, to_rate)[0]
    common = np.gcd(rate, to_rate)
    other = scipy.signal.resample_poly(tone, to_rate // common, rate // common, window=("kaiser", 12.0))
    assert len(moved) == to_rate
    assert np.abs(moved - np.sin(2 * np.pi * hz * np.arange(to_rate) / to_rate))[inside].max() < 1e-3
    assert np.abs(moved - other)[inside].max() < 1e-2


def test_a_tone_that_the_new_rate_cannot_hold_is_gone():
    tone = np.sin(2 * np.pi * 10000 * np.arange(44100) / 44100).astype(np.float32)
    assert np.abs(resampled(tone[None], 44100, 16000)[0, 1600:-1600]).max() < 1e-4


def test_many_sounds_keep_their_order_and_each_comes_out_as_it_does_alone():
    sounds = some(16000, seconds=0.05, count=300)
    batch = resampled(sounds, 16000, 22050)
    for row in (0, 1, 77, 299):
        assert np.array_equal(batch[row], resampled(sounds[row : row + 1], 16000, 22050)[0])


def test_one_axis_or_three_are_refused_with_what_to_do():
    with pytest.raises(ValueError, match=r"1 axes but must have two.*mix each down to mono"):
        match_level_and_rate(np.zeros(100, np.float32), 22050, 22050)
    with pytest.raises(ValueError, match=r"3 axes but must have two"):
        match_level_and_rate(np.zeros((2, 1, 100), np.float32), 22050, 22050)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_samples_that_are_no_numbers_are_refused_with_how_many_sounds_have_them(bad: float):
    sounds = some(22050)
    sounds[[1, 1, 4], [3, 5, 0]] = bad
    with pytest.raises(ValueError, match="2 of 6 sounds hold NaN or infinity"):
        match_level_and_rate(sounds, 22050, 16000)


@pytest.mark.parametrize("shape", [(0, 100), (3, 0)])
@pytest.mark.parametrize("to_rate", [22050, 16000])
def test_nothing_is_refused_at_any_rate(shape: tuple[int, int], to_rate: int):
    with pytest.raises(ValueError, match=f"{shape[0]} sounds of {shape[1]} samples are nothing to compare"):
        match_level_and_rate(np.zeros(shape, np.float32), 22050, to_rate)
