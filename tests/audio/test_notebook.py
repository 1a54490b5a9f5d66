"""What a notebook shows of a sound: data that an independent reader plays back, and a picture of what is in it."""

from __future__ import annotations

import base64
import io
import re
import sys

import matplotlib.image
import numpy as np
import pytest
import soundfile

from soundloom.audio import Audio
from soundloom.audio.notebook import HIGHEST_RATE, LOWEST_RATE

RATE = 22_050


def tone(hz: float, seconds: float = 1.0, rate: int = RATE, level: float = 0.5) -> np.ndarray:
    return (level * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def embedded(html: str, kind: str) -> bytes:
    (data,) = re.findall(rf'src="data:{kind};base64,([^"]+)"', html)
    return base64.b64decode(data, validate=True)


def played(audio: Audio) -> tuple[np.ndarray, int]:
    """The samples (channel, time) and the rate that a player gets."""
    samples, rate = soundfile.read(io.BytesIO(embedded(audio._repr_html_(), "audio/wav")), always_2d=True)
    return samples.T, rate


def picture(audio: Audio) -> np.ndarray:
    return matplotlib.image.imread(io.BytesIO(embedded(audio._repr_html_(), "image/png")), format="png")


def test_the_player_gets_the_samples_within_half_a_16_bit_step():
    sound = Audio(np.stack([tone(440), tone(220)]), RATE)
    samples, rate = played(sound)
    assert rate == RATE
    assert np.abs(samples - sound.samples).max() <= 1 / 2**15


@pytest.mark.parametrize(("rate", "expected"), [(4000, LOWEST_RATE), (16_000, 16_000), (96_000, HIGHEST_RATE)])
def test_a_rate_that_some_browser_refuses_is_resampled_and_the_pitch_stays(rate, expected):
    samples, found = played(Audio(tone(1000, rate=rate), rate))
    assert found == expected
    spectrum = np.abs(np.fft.rfft(samples[0] * np.hanning(samples.shape[1])))
    assert spectrum.argmax() * found / samples.shape[1] == pytest.approx(1000, abs=2)


def test_more_than_two_channels_are_mixed_down_to_one():
    samples, _ = played(Audio(np.stack([tone(440)] * 3), RATE))
    assert len(samples) == 1


def test_a_sound_beyond_full_scale_is_scaled_down_instead_of_clipped():
    samples, _ = played(Audio(tone(440, level=4.0), RATE))
    assert np.abs(samples - tone(440, level=1.0)).max() < 1e-3


def test_of_a_long_sound_the_first_minute_is_embedded_and_a_note_says_so():
    sound = Audio(np.zeros(8000 * 61, np.float32), 8000)
    samples, rate = played(sound)
    assert samples.shape[1] == 60 * rate
    assert "61.00 s, 8000 Hz, 1 channel; the first 60 s are shown" in sound._repr_html_()


def test_the_picture_is_bright_where_the_tone_is():
    """Above 1 kHz is the upper half of the picture, below it the lower half."""
    high, low = picture(Audio(tone(6000), RATE)), picture(Audio(tone(120), RATE))
    middle = high.shape[0] // 2
    brightness = [image[..., :3].mean(axis=(1, 2)) for image in (high - low, low - high)]
    assert brightness[0][:middle].mean() > 0.005 > -0.005 > brightness[0][middle:].mean()
    assert brightness[1][:middle].mean() < -0.005 < 0.005 < brightness[1][middle:].mean()


@pytest.mark.parametrize("samples", [0, 1, 5, 700])
def test_a_sound_of_any_length_is_shown(samples):
    html = Audio(np.full((1, samples), 0.1), RATE)._repr_html_()
    assert ("no samples to play" in html) == (samples == 0)


def test_samples_that_are_not_finite_are_reported_and_not_played():
    html = Audio(np.array([0.0, np.nan]), RATE)._repr_html_()
    assert "some samples are NaN or infinite" in html
    assert "<audio" not in html


def test_the_picture_is_drawn_without_pyplot(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)  # any import of it raises
    assert "<img" in Audio(tone(440), RATE)._repr_html_()
