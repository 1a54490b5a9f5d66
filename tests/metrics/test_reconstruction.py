"""Figures of pairs: nothing where nothing differs, the closed form for a change of level, and other libraries' sums."""

from __future__ import annotations

import librosa
import numpy as np
import pytest
import scipy.signal
import torch

from soundloom.metrics.estimate import TooFew
from soundloom.metrics.reconstruction import compare_pairs, multi_resolution_distance

RATE = 22050


def noises(count: int = 9, samples: int = 6000, seed: int = 0) -> np.ndarray:
    return (0.1 * np.random.default_rng(seed).standard_normal((count, samples))).astype(np.float32)


def plucked(count: int = 9, samples: int = 6000) -> np.ndarray:
    """Decaying harmonic tones over a breath of noise."""
    moment, numbers = np.arange(samples) / RATE, np.arange(1, 9)
    waves = [
        (np.sin(2 * np.pi * 110 * 2 ** (step / 4) * numbers[:, None] * moment) / numbers[:, None]).sum(axis=0)
        for step in range(count)
    ]
    return (0.2 * np.stack(waves) * np.exp(-8 * moment) + 0.001 * noises(count, samples)).astype(np.float32)


def distance(real: np.ndarray, reconstructed: np.ndarray) -> np.ndarray:
    return multi_resolution_distance(torch.from_numpy(real), torch.from_numpy(reconstructed)).numpy()


def transformed(sound: np.ndarray, n_fft: int, hop: int, window: int) -> np.ndarray:
    """Magnitudes (frame, frequency) by numpy alone: mirrored ends, the window in the middle of each frame."""
    mirrored = np.pad(sound.astype(np.float64), n_fft // 2, mode="reflect")
    shape, left = scipy.signal.get_window("hann", window), (n_fft - window) // 2
    weights = np.pad(shape, (left, n_fft - window - left))
    frames = np.lib.stride_tricks.sliding_window_view(mirrored, n_fft)[::hop]
    return np.maximum(np.abs(np.fft.rfft(frames * weights)), 1e-5)


def test_a_sound_against_itself_differs_by_nothing():
    found = compare_pairs(plucked(), plucked(), RATE)
    assert found.spectral_convergence == (-300.0, -300.0, -300.0)
    assert found.log_spectral_distance == found.multi_resolution == found.mel_error == (0.0, 0.0, 0.0)


@pytest.mark.parametrize("decibels", [-6.0, -1.0, 3.0])
def test_a_change_of_level_shows_as_its_decibels(decibels: float):
    gain = 10 ** (decibels / 20)
    found = compare_pairs(noises(), noises() * np.float32(gain), RATE)
    assert found.spectral_convergence.value == pytest.approx(20 * np.log10(abs(1 - gain)), abs=1e-3)
    assert found.log_spectral_distance.value == pytest.approx(abs(decibels), rel=1e-3)
    assert found.mel_error.value == pytest.approx(abs(decibels), rel=1e-3)
    assert found.multi_resolution.value == pytest.approx(abs(1 - gain) + abs(np.log(gain)), rel=1e-3)


def test_the_multi_resolution_distance_is_that_of_its_definition_in_numpy():
    real = plucked(4)
    reconstructed = 0.8 * real + 0.05 * noises(4, seed=1)
    for pair in zip(real, reconstructed, strict=True):
        total = 0.0
        for resolution in ((512, 50, 240), (1024, 120, 600), (2048, 240, 1200)):
            x, y = (transformed(side, *resolution) for side in pair)
            total += np.linalg.norm(x - y) / np.linalg.norm(x) + np.abs(np.log(x) - np.log(y)).mean()
        found = distance(pair[0][None], pair[1][None])
        assert found == pytest.approx([total / 3], rel=1e-4)


def test_the_other_figures_are_what_librosa_s_spectra_give():
    real = plucked()
    reconstructed = 0.9 * real + 0.02 * noises(seed=1)

    def spectra(sounds: np.ndarray) -> np.ndarray:
        return np.abs(librosa.stft(sounds.astype(np.float64), n_fft=1024, hop_length=256, pad_mode="constant"))

    x, y = spectra(real), spectra(reconstructed)
    bands = librosa.filters.mel(sr=RATE, n_fft=1024, n_mels=80)
    mel_levels = [20 * np.log10(np.maximum(bands @ side, 10 ** (-60 / 20))) for side in (x, y)]
    floor = x.max(axis=(1, 2), keepdims=True) * 1e-4
    levels = [20 * np.log10(np.maximum(side, floor)) for side in (x, y)]
    convergence = np.linalg.norm((x - y).reshape(9, -1), axis=1) / np.linalg.norm(x.reshape(9, -1), axis=1)
    found = compare_pairs(real, reconstructed, RATE)
    assert found.spectral_convergence.value == pytest.approx(np.median(20 * np.log10(convergence)), abs=1e-3)
    distances = np.sqrt(np.square(levels[0] - levels[1]).mean(axis=1)).mean(axis=1)
    assert found.log_spectral_distance.value == pytest.approx(np.median(distances), rel=1e-3)
    errors = np.sqrt(np.square(mel_levels[0] - mel_levels[1]).mean(axis=(1, 2)))
    assert found.mel_error.value == pytest.approx(np.median(errors), rel=1e-3)


def test_more_noise_is_further_away_by_every_figure():
    real = plucked()
    by_level = [compare_pairs(real, real + 10 ** (level / 20) * noises(seed=1), RATE) for level in (-40, -25, -10, 5)]
    for figure in zip(*by_level, strict=True):
        values = [estimate.value for estimate in figure]
        assert values == sorted(set(values))


def test_a_figure_is_the_median_of_the_sounds_for_any_number_of_them():
    real = noises(150, samples=1500)
    reconstructed = real + np.linspace(0.01, 1, 150, dtype=np.float32)[:, None] * noises(150, samples=1500, seed=1)
    found = compare_pairs(real, reconstructed, RATE)
    assert found.multi_resolution.value == pytest.approx(np.median(distance(real, reconstructed)), rel=1e-5)


def test_sounds_that_are_silent_are_left_out_whatever_came_back():
    real, reconstructed = plucked(), plucked() + 0.1 * noises(seed=1)
    silent = np.zeros_like(real[:4])
    with_silence = compare_pairs(np.concatenate((silent, real)), np.concatenate((noises(4), reconstructed)), RATE)
    assert np.ravel(with_silence) == pytest.approx(np.ravel(compare_pairs(real, reconstructed, RATE)), rel=1e-5)


def test_a_sound_that_came_back_silent_counts():
    found = compare_pairs(noises(), np.zeros_like(noises()), RATE)
    assert found.spectral_convergence.value == pytest.approx(0, abs=1e-4)
    assert found.log_spectral_distance.value > 50


@pytest.mark.parametrize("samples", [300, 1024, 1025])
def test_sounds_shorter_than_the_longest_transform_have_figures_too(samples: int):
    real = noises(samples=samples)
    near, far = (compare_pairs(real, real + level * noises(samples=samples, seed=1), RATE) for level in (0.1, 1))
    assert compare_pairs(real, real, RATE).multi_resolution.value == 0
    assert 0 < near.multi_resolution.value < far.multi_resolution.value


def test_too_few_sounds_or_only_silence_are_refused():
    with pytest.raises(TooFew, match="needs at least 6 values and was given 5"):
        compare_pairs(noises(5), noises(5), RATE)
    with pytest.raises(TooFew, match="was given 0"):
        compare_pairs(np.zeros((9, 2000), np.float32), noises(9, samples=2000), RATE)


def test_shapes_that_do_not_fit_are_refused_with_both():
    with pytest.raises(ValueError, match=r"shape \(9, 6000\) and their reconstructions \(9, 5999\)"):
        compare_pairs(noises(), noises()[:, 1:], RATE)
    with pytest.raises(ValueError, match="1 axes but must have two"):
        compare_pairs(noises()[0], noises()[0], RATE)
