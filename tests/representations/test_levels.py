import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from synthetic_sounds import RATE, one_shot

from soundloom.representations import PCM, LogMagnitude, MelSpectrogram, MuLaw, Waveform
from soundloom.representations.fidelity import log_spectral_distance, spectral_convergence

LOG = LogMagnitude(RATE, 256, 64)


@given(st.floats(1.01e-3, 99))
def test_a_level_becomes_its_amplitude_again(amplitude):
    for output in ("unit", "decibels", "ln"):
        value = LogMagnitude(RATE, output=output)
        single = torch.tensor([amplitude], dtype=torch.float64)
        assert math.isclose(value.from_level(value.to_level(single)), amplitude, rel_tol=1e-6)


def test_the_floor_is_zero_the_peak_is_one_and_silence_stays_silent():
    levels = LOG.to_level(torch.tensor([0.0, 1e-3, 1e2]))
    torch.testing.assert_close(levels, torch.tensor([0.0, 0.0, 1.0]), atol=1e-6, rtol=0)
    assert torch.equal(LOG.from_level(torch.tensor([-1.0, 0.0])), torch.zeros(2))


def test_the_scale_is_global_so_that_a_quieter_clip_reads_lower():
    loud, quiet = LOG.encode(one_shot()), LOG.encode(0.1 * one_shot())
    assert math.isclose((loud - quiet).max(), 20 / (LOG.peak_db - LOG.floor_db), rel_tol=1e-4)


def test_levels_are_those_of_numpy():
    magnitude = LOG.stft.encode(one_shot()).abs()
    decibels = LogMagnitude(RATE, 256, 64, output="decibels").encode(one_shot())
    nepers = LogMagnitude(RATE, 256, 64, output="ln").encode(one_shot())
    expected = 20 * np.log10(np.maximum(magnitude.numpy(), 1e-3))
    np.testing.assert_allclose(decibels, expected, atol=1e-4)
    np.testing.assert_allclose(nepers, np.log(np.maximum(magnitude.numpy(), 1e-3)), atol=1e-5)


def test_fitting_puts_the_loudest_of_a_training_set_at_the_peak_and_keeps_the_range():
    clips = [one_shot(seed) for seed in range(3)]
    fitted = LOG.fitted(clips)
    assert math.isclose(max(fitted.encode(clip).max() for clip in clips), 1, abs_tol=1e-3)
    assert math.isclose(fitted.peak_db - fitted.floor_db, LOG.peak_db - LOG.floor_db, abs_tol=0.02)
    assert LOG.fitted([torch.zeros(1, 1, 500)]) == LOG


def test_a_log_magnitude_with_the_phase_it_had_is_the_sound_to_sixty_decibels():
    audio = one_shot()
    value = LogMagnitude(RATE, 512, 128, floor_db=-80.0)
    spectrum = value.stft.encode(audio)
    amplitude = value.from_level(value.encode(audio))
    decoded = value.stft.decode(torch.polar(amplitude, spectrum.angle()), audio.shape[-1])
    assert 20 * torch.log10(audio.norm() / (decoded - audio).norm()) > 60


def test_a_floor_above_the_peak_is_refused():
    with pytest.raises(ValueError, match="floor_db is 50 but must be below peak_db, 40"):
        MelSpectrogram(RATE, 256, 64, bands=32, floor_db=50.0, peak_db=40.0)


def test_an_unknown_phase_method_is_refused_when_the_value_is_made():
    with pytest.raises(ValueError, match="did you mean 'pghi'"):
        LogMagnitude(RATE, phase="pghy")


@pytest.mark.parametrize("levels", [2, 16, 256, 65536])
def test_every_mu_law_class_comes_back_as_itself(levels):
    value = MuLaw(RATE, levels)
    classes = torch.arange(levels)[None, None]
    assert torch.equal(value.encode(value.decode(classes).double()), classes)


def test_mu_law_classes_rise_with_the_sample_and_mirror_about_silence():
    value = MuLaw(RATE)
    classes = value.encode(torch.linspace(-1, 1, 100_000, dtype=torch.float64)[None, None])
    assert torch.equal(classes.unique_consecutive(), torch.arange(256))
    assert torch.equal(classes.flip(2), 255 - classes)
    levels = value.decode(torch.arange(256))
    torch.testing.assert_close(levels.flip(0), -levels, rtol=0, atol=1e-6)
    assert math.isclose(levels[-1], 1, abs_tol=1e-6)


@given(st.floats(-1, 1))
def test_decoding_an_encoded_sample_restores_it_within_one_level(sample):
    value = MuLaw(RATE)
    (code,) = value.encode(torch.tensor([sample], dtype=torch.float64))
    around = value.decode(torch.tensor([max(0, int(code) - 1), min(255, int(code) + 1)]))
    assert around[0] - 1e-6 <= sample <= around[1] + 1e-6


def test_mu_law_keeps_38_decibels_of_a_loud_sound_and_clips_beyond_full_scale():
    value, audio = MuLaw(RATE), 0.5 * torch.sin(torch.arange(8000) * 0.1)[None, None]
    error = value.decode(value.encode(audio)) - audio
    assert 36 < 20 * torch.log10(audio.norm() / error.norm()) < 40
    assert value.encode(torch.tensor([-7.0, 7.0])).tolist() == [0, 255]


@pytest.mark.parametrize("bits", [1, 2, 8, 16])
def test_every_pcm_level_comes_back_as_itself_and_they_lie_evenly_from_minus_one_to_one(bits):
    value = PCM(RATE, bits)
    levels = torch.arange(2**bits)[None, None]
    decoded = value.decode(levels)
    assert value.levels == 2**bits
    assert torch.equal(value.encode(decoded), levels)
    torch.testing.assert_close(decoded[0, 0].double(), torch.linspace(-1, 1, 2**bits, dtype=torch.float64))


@given(st.floats(-1, 1, width=32), st.integers(1, 16))
def test_decoding_an_encoded_sample_of_pcm_is_off_by_half_a_level_at_most(sample, bits):
    value = PCM(RATE, bits)
    back = value.decode(value.encode(torch.tensor([sample])))
    assert abs(float(back) - sample) <= 1 / (2**bits - 1) + 1e-7


def test_pcm_clips_beyond_full_scale_and_refuses_more_bits_than_single_precision_tells_apart():
    assert PCM(RATE).encode(torch.tensor([-7.0, -1.0, 0.0, 1.0, 7.0])).tolist() == [0, 0, 32768, 65535, 65535]
    with pytest.raises(ValueError, match="bits is 24 but must be 1 to 16"):
        PCM(RATE, 24)


@given(st.floats(width=32, allow_nan=False))
def test_a_waveform_keeps_every_sample_as_it_is(sample):
    value = Waveform(RATE)
    assert float(value.decode(value.encode(torch.tensor([sample])))) == sample


def test_spectral_convergence_of_half_the_magnitude_is_minus_six_decibels():
    reference = torch.rand(2, 1, 65, 10, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(spectral_convergence(reference, reference / 2), torch.full((2, 1), -6.0206).double())
    assert (spectral_convergence(reference, reference) == -300).all()


def test_log_spectral_distance_of_half_the_magnitude_is_six_decibels_and_of_silence_nothing():
    reference = 0.5 + torch.rand(1, 1, 65, 10, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(log_spectral_distance(reference, reference / 2), torch.full((1, 1), 6.0206).double())
    assert log_spectral_distance(torch.zeros(5, 4), torch.zeros(5, 4)) == 0
