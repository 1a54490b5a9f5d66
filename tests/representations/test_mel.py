import math

import librosa
import numpy as np
import pytest
import scipy.fft
import scipy.optimize
import torch
from synthetic_sounds import RATE, one_shot

from soundloom.representations import LogFrequency, MelSpectrogram
from soundloom.representations.fidelity import spectral_convergence
from soundloom.representations.mel import hz_from_mel, mel_from_hz
from soundloom.representations.mel_inverse import Inverter, multiplicative_updates
from unsteady import Unsteady


@pytest.mark.parametrize("scale", ["slaney", "htk"])
@pytest.mark.parametrize("norm", ["slaney", "none"])
@pytest.mark.parametrize(
    ("rate", "n_fft", "bands", "low", "high"), [(22050, 1024, 80, 0, None), (16000, 512, 40, 50, 7600)]
)
def test_mel_filters_are_those_of_librosa(scale, norm, rate, n_fft, bands, low, high):
    ours = MelSpectrogram(rate, n_fft, bands=bands, scale=scale, norm=norm, low_hz=low, high_hz=high).bank.weights
    theirs = librosa.filters.mel(
        sr=rate,
        n_fft=n_fft,
        n_mels=bands,
        htk=scale == "htk",
        norm="slaney" if norm == "slaney" else None,
        fmin=low,
        fmax=high,
    )
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_mel_scales_are_those_of_their_tables():
    hz = np.array([0.0, 200.0, 1000.0, 6400.0])
    np.testing.assert_allclose(mel_from_hz(hz, "slaney"), [0, 3, 15, 42])
    np.testing.assert_allclose(mel_from_hz(np.array([700.0, 1000.0]), "htk"), [781.17, 999.99], atol=0.01)
    for scale in ("slaney", "htk"):
        np.testing.assert_allclose(hz_from_mel(mel_from_hz(hz, scale), scale), hz, atol=1e-9)


def test_a_mel_spectrogram_is_that_of_librosa():
    audio = one_shot()
    ours = MelSpectrogram(RATE, 256, 64, bands=32, output="ln").encode(audio)[0, 0]
    theirs = librosa.feature.melspectrogram(
        y=audio[0, 0].numpy(), sr=RATE, n_fft=256, hop_length=64, n_mels=32, power=1.0, pad_mode="constant"
    )
    np.testing.assert_allclose(ours, np.log(np.maximum(theirs, 1e-4)), atol=1e-3)


def test_bands_that_hold_no_frequency_are_refused_with_their_names_and_the_next_move():
    with pytest.raises(ValueError, match=r"3 of 128 bands.*band 0, 3, 8.*fewer bands, a larger n_fft"):
        MelSpectrogram(22050, 512, 128, bands=128, scale="htk")
    with pytest.raises(ValueError, match="larger n_fft"):
        LogFrequency(22050, 1024, 256, low_hz=30.0)
    assert (MelSpectrogram(16000, 512, 128, bands=80, scale="htk").bank.weights.sum(1) > 0).all()


@pytest.mark.parametrize("settings", [{"low_hz": 5000.0}, {"high_hz": 4001.0}, {"low_hz": -1.0}, {"bands": 0}])
def test_a_range_that_is_no_range_is_refused(settings):
    with pytest.raises(ValueError, match=r"low_hz or high_hz|bands is 0"):
        MelSpectrogram(RATE, 256, 64, **{"bands": 20, **settings})


def test_log_frequency_bands_lie_evenly_over_the_octave():
    value = LogFrequency(RATE, 2048, 512, per_octave=24)
    hz = np.arange(1025) * RATE / 2048
    centres = (value.bank.weights * hz).sum(1)
    np.testing.assert_allclose(value.bank.weights.sum(1), 1)
    steps = np.log2(centres[40:] / centres[39:-1])
    np.testing.assert_allclose(steps, 1 / 24, atol=0.2 / 24)
    assert math.isclose(centres[24], value.bottom_hz * 2, rel_tol=0.02)


def test_an_octave_up_is_a_shift_of_that_many_log_frequency_bands():
    value = LogFrequency(RATE, 2048, 512, low_hz=200.0)
    loudest = [
        int(value.encode(torch.sin(2 * math.pi * hz / RATE * torch.arange(8000))[None, None])[0, 0, :, 8].argmax())
        for hz in (500.0, 1000.0)
    ]
    assert loudest[1] - loudest[0] == 12


@pytest.mark.parametrize(("how", "bound"), [("em", -30), ("nnls", -25), ("pinv", -18)])
@pytest.mark.parametrize(
    "value", [MelSpectrogram(RATE, 512, 128, bands=64), LogFrequency(RATE, 1024, 256)], ids=["mel", "log-frequency"]
)
def test_magnitudes_found_for_bands_give_the_bands_and_are_not_negative(value, how, bound):
    amplitude = value.amplitude(one_shot(batch=2, channels=2))
    magnitude = value.bank.invert(amplitude, how)
    assert magnitude.min() >= 0
    assert spectral_convergence(amplitude, value.bank.apply(magnitude)).max() < bound


@pytest.mark.parametrize("how", ["em", "nnls", "pinv"])
def test_magnitudes_found_for_a_batch_are_those_of_each_clip(how):
    value = MelSpectrogram(RATE, 512, 128, bands=64)
    amplitude = value.amplitude(one_shot(batch=3, channels=2))
    with Unsteady():
        clips = torch.cat([value.bank.invert(clip[None], how) for clip in amplitude])
        assert torch.equal(value.bank.invert(amplitude, how), clips)


def test_em_and_nnls_come_closer_to_the_true_magnitudes_than_smooth_ones_and_em_than_pinv():
    value, audio = MelSpectrogram(22050, bands=64), one_shot(rate=22050)
    true = value.stft.encode(audio).abs()
    amplitude = value.amplitude(audio)
    em, nnls, pinv = (
        float(spectral_convergence(true, value.bank.invert(amplitude, how))) for how in ("em", "nnls", "pinv")
    )
    inverter = Inverter.of(value.bank.weights)
    smooth = torch.from_numpy(multiplicative_updates(inverter, amplitude[0, 0].numpy(), "em", updates=0))
    assert max(em, nnls) < float(spectral_convergence(true[0, 0], smooth)) - 1
    assert em <= pinv + 0.1


def test_many_least_squares_updates_reach_the_residual_of_scipy():
    rng = np.random.default_rng(0)
    value = MelSpectrogram(RATE, 256, 64, bands=24)
    impossible = rng.random((24, 3)).astype(np.float32)  # no magnitudes have such jagged bands
    impossible[::2] = 0
    found = multiplicative_updates(Inverter.of(value.bank.weights), impossible, "nnls", updates=3000)
    for ours, wanted in zip(found.T, impossible.T, strict=True):
        _, residual = scipy.optimize.nnls(value.bank.weights, wanted.astype(np.float64))
        assert np.linalg.norm(value.bank.weights @ ours - wanted) < residual * 1.02 + 1e-3


def test_as_many_cepstral_coefficients_as_bands_are_the_log_mel_and_thirteen_are_not():
    levels = MelSpectrogram(RATE, 512, 128, bands=64, output="decibels").encode(one_shot())[0, 0].numpy()
    cepstrum = scipy.fft.dct(levels, axis=0, norm="ortho")
    np.testing.assert_allclose(scipy.fft.idct(cepstrum, axis=0, norm="ortho"), levels, atol=1e-3)
    cepstrum[13:] = 0
    assert np.sqrt(np.mean((scipy.fft.idct(cepstrum, axis=0, norm="ortho") - levels) ** 2)) > 1
