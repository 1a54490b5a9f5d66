"""Noise before a hit is no part of it; what rises by itself is."""

from __future__ import annotations

import numpy as np
import pytest

from soundloom.audio import onset_after_noise

RATE = 22050


def hit(seconds: float = 0.5) -> np.ndarray:
    moment = np.arange(round(seconds * RATE)) / RATE
    return np.exp(-12 * moment) * np.cos(2 * np.pi * 180 * moment)


def noise(seconds: float, decibels: float, seed: int = 0) -> np.ndarray:
    return 10 ** (decibels / 20) * np.random.default_rng(seed).standard_normal(round(seconds * RATE))


def after(lead: np.ndarray, seconds: float = 0.5, floor_db: float | None = None) -> np.ndarray:
    """A lead-in and a hit, (1, time), with noise under all of it where a level is given."""
    sound = np.concatenate([lead, hit(seconds)])
    if floor_db is not None:
        sound += noise(len(sound) / RATE, floor_db)[: len(sound)]
    return sound[None]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("seconds", [0.3, 1.5, 4.0])
@pytest.mark.parametrize("decibels", [-75, -60, -45])
def test_a_sound_begins_at_its_onset_after_steady_noise(seed: int, seconds: float, decibels: float):
    lead = noise(seconds, decibels, seed)
    onset = onset_after_noise(after(lead), RATE)
    assert len(lead) - 0.01 * RATE <= onset <= len(lead)


def test_hum_and_a_constant_offset_are_noise_too():
    moment = np.arange(RATE) / RATE
    for lead in (0.004 * np.sin(2 * np.pi * 50 * moment), np.full(RATE, 0.004)):
        assert RATE - 0.01 * RATE <= onset_after_noise(after(lead), RATE) <= RATE


def test_short_noise_counts_only_where_the_sound_never_gets_quieter():
    lead = noise(0.2, -50)
    quieter_later = after(lead, seconds=2.0)  # as an s before a vowel
    assert onset_after_noise(quieter_later, RATE) == 0
    in_a_room = after(np.zeros(len(lead)), seconds=2.0, floor_db=-50)
    assert len(lead) - 0.01 * RATE <= onset_after_noise(in_a_room, RATE) <= len(lead)


@pytest.mark.parametrize(
    "lead",
    [
        pytest.param(np.zeros(0), id="nothing"),
        pytest.param(noise(0.1, -50), id="too short"),
        pytest.param(noise(1.0, -20), id="too loud"),
        pytest.param(np.linspace(0, 0.9, RATE) * np.sin(np.arange(RATE) / 9), id="a soft attack"),
        pytest.param(np.geomspace(1e-3, 0.9, RATE) * np.sin(np.arange(RATE) / 9), id="a swell"),
        pytest.param(np.tile(0.02 * hit(0.5), 2), id="quiet hits"),
    ],
)
def test_what_is_no_steady_noise_is_kept(lead: np.ndarray):
    assert onset_after_noise(after(lead), RATE) == 0


def test_silence_and_a_few_samples_begin_where_they_begin():
    assert onset_after_noise(np.zeros((1, RATE)), RATE) == 0
    assert onset_after_noise(np.ones((1, 3)), RATE, 2) == 2
    assert onset_after_noise(np.zeros((2, 0)), RATE) == 0
