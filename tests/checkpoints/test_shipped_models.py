"""The models that come along: small, documented, and sounding like what they are asked for."""

from __future__ import annotations

import librosa
import numpy as np
import pytest

from soundloom.checkpoints.catalogue import catalogue
from soundloom.checkpoints.checkpoint import SHIPPED, WEIGHTS, shipped
from soundloom.descriptors import SEVEN, measure
from soundloom.generation import Request, load
from soundloom.metrics.pitch import detect_pitch

MOST_BYTES = 6_000_000


def test_there_are_drums_and_notes_with_cards_and_credits():
    found = {entry["name"]: entry for entry in catalogue()}
    assert {"drums", "drumgan", "notes", "wavenet-drums"} <= set(found)
    for name in shipped():
        card = (SHIPPED / name / "README.md").read_text()
        assert all(part in card for part in ("## Conditions", "## Data and licence", "## Training", "## Figures"))
        assert (SHIPPED / name / WEIGHTS).stat().st_size <= MOST_BYTES
        model = load(name)
        assert (found[name]["seconds"], found[name]["longest_seconds"]) == (model.seconds, model.longest_seconds)


def centre_of_gravity(kind: str) -> float:
    """Median spectral centroid in Hz of 12 generated sounds, by librosa."""
    sounds = load("drums").generate(count=12, conditions={"kind": kind}, seed=3)
    rates = [librosa.feature.spectral_centroid(y=sound.samples[0], sr=sound.sample_rate)[0] for sound in sounds]
    return float(np.median([rate[:12].mean() for rate in rates]))


def test_a_kick_is_darker_than_a_snare_and_a_snare_than_a_closed_hat():
    assert centre_of_gravity("kick") < centre_of_gravity("snare") < centre_of_gravity("hat_closed")


def test_most_drums_begin_at_once_and_die_away():
    for made in load("drums").stream(Request(count=12, conditions={"kind": "snare"}, seed=5)):
        energy = np.square(made.audio.samples[0]).reshape(-1, 2205).sum(axis=1)
        assert energy[:3].sum() > 0.5 * energy.sum()


def test_no_drum_is_silent_or_clips():
    for sound in load("drums").generate(count=32, seed=16):
        assert 0.1 < sound.peak <= 1.0


@pytest.mark.parametrize("slider", ["brightness", "boominess"])
def test_a_slider_of_drumgan_moves_what_it_says_and_leaves_sounds_whole(slider):
    model, measured = load("drumgan"), {}
    row = {"kind": "snare", **dict.fromkeys(SEVEN, 0.5)}
    for level in (0.2, 0.8):
        asked = [Request(1, conditions={**row, slider: level}, seed=seed) for seed in range(16)]
        made = [each.audio for each in model.stream(asked)]
        assert all(0.1 < sound.peak <= 1.0 for sound in made)
        measured[level] = measure(np.stack([sound.samples[0] for sound in made]), model.sample_rate, [slider])[slider]
    assert np.mean(measured[0.8] > measured[0.2]) >= 0.85


@pytest.mark.parametrize("pitch", [48, 60, 72])
def test_notes_have_the_pitch_that_was_asked_for(pitch):
    pytest.importorskip("swift_f0", reason="needs soundloom[evaluate]")
    made = load("notes").generate(count=24, conditions={"pitch": pitch}, seed=2)
    detected = detect_pitch(np.stack([sound.samples[0] for sound in made]), made[0].sample_rate)
    assert np.mean(np.abs(detected - pitch) < 0.5) >= 0.8  # of recorded notes from 70 to 74 the detector finds 84 %
