"""The compiled heap integration against a slow one that is easy to read."""

import heapq
import math

import numpy as np
import pytest
import torch
from synthetic_sounds import RATE, chirp, one_shot

from soundloom.representations import STFT
from soundloom.representations.phase.pghi import HANN_GAMMA, integrate_slopes, polar


def readable_integration(magnitude: np.ndarray, stft: STFT, tolerance: float) -> np.ndarray:
    """Phase in turns (frame, frequency), NaN where it is not decided: the paper's algorithm with a heap of tuples."""
    frames, bins = magnitude.shape
    level = np.log(np.maximum(magnitude.astype(np.float64), 1e-10))
    gamma = HANN_GAMMA * stft.n_fft**2
    mirrored = np.pad(level, ((0, 0), (1, 1)), mode="reflect")
    in_time = stft.hop * stft.n_fft / (2 * gamma) * (mirrored[:, 2:] - mirrored[:, :-2])
    in_time += 2 * math.pi * stft.hop * np.arange(bins) / stft.n_fft
    rise = 2 * np.gradient(level, axis=0) if frames > 1 else np.zeros_like(level)
    in_frequency = -gamma / (2 * stft.hop * stft.n_fft) * rise
    phase = np.full(magnitude.shape, np.nan)
    wanted = magnitude > tolerance
    while wanted.any():
        seed = np.unravel_index(np.argmax(np.where(wanted, magnitude, -1)), magnitude.shape)
        phase[seed], wanted[seed] = 0, False
        heap = [(-magnitude[seed], *seed)]
        while heap:
            _, n, m = heapq.heappop(heap)
            for a, b, slope in (
                (n + 1, m, in_time),
                (n - 1, m, -in_time),
                (n, m + 1, in_frequency),
                (n, m - 1, -in_frequency),
            ):
                if 0 <= a < frames and 0 <= b < bins and wanted[a, b]:
                    phase[a, b] = phase[n, m] + (slope[n, m] + slope[a, b]) / 2
                    wanted[a, b] = False
                    heapq.heappush(heap, (-magnitude[a, b], a, b))
    return phase / (2 * math.pi)


def unit_magnitude(audio: torch.Tensor, stft: STFT) -> np.ndarray:
    magnitude = stft.encode(audio.float()).abs()[0, 0].T.contiguous().numpy()
    return magnitude / magnitude.max()


@pytest.mark.parametrize("tolerance", [1e-1, 1e-3, 1e-6])
@pytest.mark.parametrize("sound", ["chirp", "one-shot", "noise", "one frame"])
def test_compiled_integration_is_the_plain_one(sound, tolerance):
    stft = STFT(RATE, 128, 32)
    audio = {
        "chirp": chirp(2000),
        "one-shot": one_shot(seconds=0.2),
        "noise": torch.randn((1, 1, 1500), generator=torch.Generator().manual_seed(1)),
        "one frame": one_shot()[..., :20],
    }[sound]
    magnitude = unit_magnitude(audio, stft)
    turns, known = integrate_slopes(magnitude, stft, tolerance)
    expected = readable_integration(magnitude, stft, tolerance)
    assert np.array_equal(known, ~np.isnan(expected))
    apart = (turns - expected)[known]
    assert np.abs(apart - np.round(apart)).max() < 1e-3


def test_the_slopes_of_a_steady_tone_are_its_frequency():
    stft, hz = STFT(RATE, 512, 64), 1000.0
    audio = torch.sin(2 * math.pi * hz / RATE * torch.arange(8000))[None, None]
    turns, _ = integrate_slopes(unit_magnitude(audio, stft), stft, 1e-3)
    steps = np.diff(turns[20:-20, round(hz * 512 / RATE)])
    expected = hz * 64 / RATE
    assert np.abs((steps - expected) - np.round(steps - expected)).max() < 1e-3


def test_a_phase_from_the_middle_of_a_frame_is_zero_for_a_click_there():
    stft = STFT(RATE, 64, 16)
    click = torch.zeros(1, 1, 257)
    click[..., 128] = 1
    spectrum = stft.encode(click)[0, 0, :, 8].numpy()
    built = polar(np.abs(spectrum)[None], np.zeros((1, 33), np.float32))[0]
    np.testing.assert_allclose(built, spectrum, atol=1e-6)
