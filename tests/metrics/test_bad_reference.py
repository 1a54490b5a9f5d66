"""Noise that has the envelopes of sounds has nothing else of them."""

from __future__ import annotations

import numpy as np
import pytest

from soundloom.metrics.bad_reference import noise_with_envelopes

RATE = 16000
WINDOW = 160  # 10 ms


def decaying_tone(hz: float = 500.0, seconds: float = 0.25) -> np.ndarray:
    moment = np.arange(round(seconds * RATE)) / RATE
    return (0.5 * np.sin(2 * np.pi * hz * moment) * np.exp(-12 * moment)).astype(np.float32)


def test_its_power_is_at_each_moment_that_of_the_sound_over_10_ms():
    tone, repeats = decaying_tone(), 2000
    power = np.square(noise_with_envelopes(np.tile(tone, (repeats, 1)), RATE).astype(np.float64)).mean(axis=0)
    asked = np.convolve(np.square(tone.astype(np.float64)), np.ones(WINDOW) / WINDOW, mode="same")
    inside = slice(WINDOW, -WINDOW)  # the other way of smoothing knows nothing beyond the ends
    assert np.abs(power / asked - 1)[inside].max() < 5.5 * np.sqrt(2 / repeats)
    assert (power / asked)[inside].mean() == pytest.approx(1, abs=0.01)


def test_it_is_as_loud_as_each_sound_as_a_whole():
    sounds = np.stack([decaying_tone() * level for level in (1.0, 0.1, 0.001)])
    noise = noise_with_envelopes(sounds, RATE)
    assert noise.dtype == np.float32
    assert np.linalg.norm(noise, axis=1) == pytest.approx(np.linalg.norm(sounds, axis=1), rel=0.15)


@pytest.mark.parametrize("hz", [200.0, 2000.0, 7000.0])
def test_it_is_white_whatever_the_pitch_of_the_sound(hz: float):
    power = np.square(np.abs(np.fft.rfft(noise_with_envelopes(np.tile(decaying_tone(hz), (50, 1)), RATE)))).sum(axis=0)
    quarters = np.array([quarter.mean() for quarter in np.array_split(power, 4)])
    assert quarters / quarters.mean() == pytest.approx(np.ones(4), abs=0.1)


def test_silence_stays_silent_alone_and_until_5_ms_before_and_after_a_sound():
    sounds = np.zeros((2, 6000), np.float32)
    sounds[1, 2000:4000] = decaying_tone(seconds=0.125)
    noise = noise_with_envelopes(sounds, RATE)
    assert not noise[0].any()
    assert np.abs(noise[1, : 2000 - WINDOW // 2]).max() < 1e-6
    assert np.abs(noise[1, 4000 + WINDOW // 2 :]).max() < 1e-6
    assert np.abs(noise[1, 2000 - WINDOW // 4 : 2000]).max() > 0.1
    assert np.abs(noise[1, 2000:2200]).max() > 0.1


def test_the_same_seed_gives_the_same_noise_also_when_sounds_follow_and_another_seed_another():
    sounds = np.stack([decaying_tone(hz) for hz in (300.0, 600.0, 900.0)])
    noise = noise_with_envelopes(sounds, RATE, seed=3)
    assert np.array_equal(noise_with_envelopes(sounds[:2], RATE, seed=3), noise[:2])
    assert np.abs(np.corrcoef(noise_with_envelopes(sounds, RATE, seed=4)[0], noise[0])[0, 1]) < 0.1
    assert np.abs(np.corrcoef(noise[0], noise[1])[0, 1]) < 0.1


def test_a_sound_shorter_than_10_ms_becomes_noise_of_its_length():
    short = decaying_tone()[:50]
    assert noise_with_envelopes(short[None], RATE).shape == (1, 50)
    loud = noise_with_envelopes(np.tile(short, (500, 1)), RATE)
    assert np.square(loud).mean() == pytest.approx(np.square(short).mean(), rel=0.2)
