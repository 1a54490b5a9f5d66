"""Log-mel statistics are those of another library's mel spectrogram."""

from __future__ import annotations

import librosa
import numpy as np
import pytest
from synthesised import RATE, dull, sounds

from soundloom.metrics.embeddings import load
from soundloom.metrics.kernels import kid


def by_librosa(sound: np.ndarray) -> np.ndarray:
    """Mean, deviation and mean absolute change of each of 40 bands in dB."""
    amplitude = librosa.feature.melspectrogram(
        y=sound, sr=RATE, n_fft=1024, hop_length=256, n_mels=40, power=1.0, pad_mode="constant"
    )
    decibels = 20 * np.log10(np.maximum(amplitude, 10 ** (-75 / 20)))
    change = np.abs(np.diff(decibels, axis=1)).mean(axis=1)
    return np.concatenate((decibels.mean(axis=1), decibels.std(axis=1, ddof=1), change))


def test_the_120_numbers_are_those_of_librosa_s_mel_spectrogram():
    audio = sounds(6)
    vectors = load("log-mel")(audio)
    assert vectors.shape == (6, 120)
    for vector, sound in zip(vectors, audio, strict=True):
        assert vector == pytest.approx(by_librosa(sound), abs=0.02)


def test_silence_is_at_the_floor_and_never_moves():
    vector = load("log-mel")(np.zeros((1, RATE), np.float32))[0]
    assert vector[:40] == pytest.approx(np.full(40, -75.0))
    assert vector[40:] == pytest.approx(np.zeros(80), abs=1e-4)


def test_twice_the_level_is_6_db_more_in_the_means_and_the_same_in_the_rest():
    audio = np.random.default_rng(0).standard_normal((3, RATE)).astype(np.float32)
    one, two = load("log-mel")(0.1 * audio), load("log-mel")(0.2 * audio)
    assert two[:, :40] - one[:, :40] == pytest.approx(np.full((3, 40), 20 * np.log10(2)), abs=1e-2)
    assert two[:, 40:] == pytest.approx(one[:, 40:], abs=1e-2)


@pytest.mark.parametrize("samples", [1, 100, 255])
def test_a_sound_shorter_than_two_frames_is_followed_by_silence(samples: int):
    short = np.random.default_rng(0).standard_normal((2, samples)).astype(np.float32)
    assert np.array_equal(load("log-mel")(short), load("log-mel")(np.pad(short, ((0, 0), (0, 256 - samples)))))


def test_the_duller_sounds_are_the_further_they_are_from_other_sounds_of_their_kinds():
    embedding, audio = load("log-mel"), sounds(60, seed=2)
    reference = embedding(sounds(60, seed=1))
    cutoffs = (10000, 8000, 6000, 4000, 2000, 1000, 500)
    distances = [kid(reference, embedding(dull(audio, cutoff_hz))).value for cutoff_hz in cutoffs]
    assert distances == sorted(distances)
    assert distances[-1] > 100 * distances[1]
