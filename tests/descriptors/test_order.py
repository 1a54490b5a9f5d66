"""Descriptors put sounds in the order that their makers intended."""

from __future__ import annotations

import numpy as np
import pytest

from descriptors.synthetic import RATE, TIME, decaying, noise, sine, slow
from soundloom.descriptors import measure


def ordered(name: str, *sounds: np.ndarray) -> bool:
    """Whether each sound has more of a descriptor than the one before."""
    return bool((np.diff(measure(np.stack(sounds), RATE, (name,))[name]) > 1.0).all())


HISS, MIDDLE, RUMBLE = decaying(noise(5000, 12000)), decaying(noise(500, 4000)), decaying(noise(40, 400))
CLICK = np.where(TIME < 0.002, noise(), 0.0)


@pytest.mark.parametrize("name", ["brightness", "sharpness"])
def test_high_noise_is_brighter_and_sharper_than_low_noise(name: str):
    assert ordered(name, RUMBLE, MIDDLE, HISS)


def test_low_noise_is_warmer_than_high_noise():
    assert ordered("warmth", HISS, RUMBLE)
    assert ordered("warmth", MIDDLE, RUMBLE)


@pytest.mark.parametrize("name", ["boominess", "depth", "warmth"])
def test_a_low_tone_booms_and_is_deeper_and_warmer_than_a_higher_one(name: str):
    assert ordered(name, decaying(sine(2000)), decaying(sine(400)), decaying(sine(60)))


def test_a_low_tone_that_lasts_is_deeper_than_one_that_does_not():
    assert ordered("depth", decaying(sine(60), 60), decaying(sine(60), 5))


def test_a_click_is_harder_than_the_same_noise_faded_in():
    assert ordered("hardness", slow(noise(), 0.5), decaying(noise(), 20))
    assert ordered("hardness", slow(noise(100, 2000), 0.5), CLICK)


def test_two_partials_close_together_are_rougher_than_one_and_than_two_far_apart():
    one, close, far = sine(1000), sine(1000) + sine(1050), sine(1000) + sine(3000)
    assert ordered("roughness", one, close)
    assert ordered("roughness", far, close)
    assert measure(one[None], RATE, ("roughness",))["roughness"] == 0


def test_a_longer_attack_has_a_longer_attack_time():
    times = measure(np.stack([slow(sine(500), each) for each in (0.01, 0.1, 0.5)]), RATE, ("log_attack_time",))
    assert 10 ** times["log_attack_time"] == pytest.approx([0.008, 0.08, 0.4], rel=0.2)  # 10 to 90 % of a line


@pytest.mark.parametrize("per_second", [10.0, 20.0, 40.0])
def test_the_decay_time_of_an_exponential_is_what_40_db_take(per_second: float):
    seconds = measure(decaying(sine(1000), per_second)[None], RATE, ("decay_time",))["decay_time"][0]
    assert seconds == pytest.approx(np.log(100) / per_second, abs=0.012)  # two steps of the envelope


def test_the_centre_of_a_steady_sound_is_its_middle_and_of_a_decaying_one_1_over_its_rate():
    found = measure(np.stack([sine(500), decaying(sine(500), 20)]), RATE, ("temporal_centroid",))
    assert found["temporal_centroid"] == pytest.approx([0.5, 1 / 20], rel=0.05)


def test_noise_is_flat_and_a_tone_is_not():
    flat, tone = measure(np.stack([noise(), sine(1000)]), RATE, ("spectral_flatness",))["spectral_flatness"]
    assert flat > 0.9
    assert tone < 1e-3
