"""The detected pitch is that of the tone, at any level, rate and harmonics; sounds without a pitch have none."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from soundloom.metrics import pitch
from soundloom.metrics.pitch import detect_pitch, detectable, midi_of

PITCHES = np.array([33.0, 45.5, 57.0, 60.25, 69.0, 81.0, 93.0])
SINES = 60  # MIDI: of lower sines the detector is not sure, as voices and instruments have harmonics there


@pytest.fixture
def _detector():
    pytest.importorskip("swift_f0", reason="needs soundloom[evaluate]")


def tones(midi: np.ndarray, rate: int, harmonics: int, level: float = 0.3) -> np.ndarray:
    """Half a second of each pitch, harmonics falling by 1 / n below half the rate."""
    seconds, hz = np.arange(rate // 2) / rate, 440 * 2 ** ((midi - 69) / 12)
    numbers = np.arange(1, harmonics + 1)
    gains = (hz[:, None] * numbers < rate / 2) / numbers
    waves = np.sin(2 * np.pi * hz[:, None, None] * numbers[None, :, None] * seconds)
    return (level * (gains[:, :, None] * waves).sum(axis=1)).astype(np.float32)


@pytest.mark.usefixtures("_detector")
@pytest.mark.parametrize(("rate", "harmonics"), [(16000, 1), (16000, 10), (22050, 6), (8000, 4)])
def test_a_tone_is_detected_at_its_pitch(rate: int, harmonics: int):
    pitches = PITCHES[PITCHES >= SINES] if harmonics == 1 else PITCHES
    error = 100 * np.abs(detect_pitch(tones(pitches, rate, harmonics), rate) - pitches)
    assert np.median(error) < 10
    assert error.max() < 35


@pytest.mark.usefixtures("_detector")
def test_the_level_changes_nothing():
    loud = tones(PITCHES, 16000, 5)
    np.testing.assert_allclose(detect_pitch(loud * 1e-4, 16000), detect_pitch(loud, 16000), atol=0.01)


@pytest.mark.usefixtures("_detector")
def test_silence_noise_clicks_and_no_samples_have_no_pitch():
    rng = np.random.default_rng(0)
    clicks = np.zeros(8000)
    clicks[::3001] = 1.0
    found = detect_pitch(np.stack([np.zeros(8000), 0.2 * rng.normal(size=8000), clicks]), 16000)
    assert np.isnan(found).all()
    assert np.isnan(detect_pitch(np.zeros((2, 0)), 16000)).all()
    assert detect_pitch(np.zeros((0, 8000)), 16000).shape == (0,)


@pytest.mark.usefixtures("_detector")
def test_samples_that_are_no_numbers_are_refused():
    with pytest.raises(ValueError, match="1 sounds hold NaN or infinity; leave them out"):
        detect_pitch(np.array([[0.0, np.nan], [0.0, 1.0]]), 16000)
    with pytest.raises(ValueError, match=r"shape \(5,\); give \(sound, time\)"):
        detect_pitch(np.zeros(5), 16000)


def test_the_detector_hears_from_47_to_2094_hz_with_room_on_either_side():
    assert midi_of(440.0) == 69
    assert detectable(np.array([30.0, 30.8, 60.0, 95.0, 96.0])).tolist() == [False, True, True, True, False]


def test_without_the_detector_the_extra_to_install_is_named(monkeypatch: pytest.MonkeyPatch):
    pitch._detector.cache_clear()
    monkeypatch.setitem(sys.modules, "swift_f0", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'soundloom\[evaluate\]'"):
        detect_pitch(np.zeros((1, 100)), 16000)
