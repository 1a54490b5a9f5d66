import math

import librosa
import numpy as np
import pytest
import scipy.signal
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic_sounds import RATE, one_shot, tone

from soundloom.representations import STFT, ComplexSpectrum, InstantaneousFrequency
from soundloom.representations.stft import hann
from unsteady import Unsteady

SIZES = [(256, 64), (512, 128), (512, 64), (1024, 256), (2048, 512), (300, 75), (64, 7)]


@pytest.mark.parametrize(("n_fft", "hop"), SIZES)
def test_a_sound_comes_back_whole_edges_and_odd_lengths_included(n_fft, hop):
    stft = STFT(RATE, n_fft, hop)
    for samples in (1, 2, hop, hop + 1, 999, 4000):
        audio = torch.rand((2, 2, samples), generator=torch.Generator().manual_seed(0)) - 0.5
        decoded = stft.decode(stft.encode(audio), samples)
        assert (decoded - audio).abs().max() < 3e-6  # single precision, two transforms of up to 11 stages each


@settings(max_examples=30, deadline=None)
@given(half=st.integers(4, 200), fraction=st.floats(0, 1), samples=st.integers(1, 1500))
def test_any_size_with_an_overlap_of_three_inverts(half, fraction, samples):
    n_fft = 2 * half
    stft = STFT(RATE, n_fft, max(1, int(fraction * n_fft / 3)))
    audio = torch.rand((1, 1, samples), generator=torch.Generator().manual_seed(samples), dtype=torch.float64)
    assert (stft.decode(stft.encode(audio), samples) - audio).abs().max() < 1e-9


def test_half_overlap_inverts_up_to_the_last_samples():
    stft = STFT(RATE, 512, 256)
    audio = torch.rand((1, 1, 16317), generator=torch.Generator().manual_seed(0)) - 0.5
    decoded = stft.decode(stft.encode(audio), 16317)
    assert (decoded - audio)[..., :-64].abs().max() < 1e-5
    assert decoded.abs().max() <= 0.51


@pytest.mark.parametrize(("n_fft", "hop"), SIZES)
def test_squared_windows_overlap_to_a_constant_where_the_hop_divides(n_fft, hop):
    window = hann(n_fft, torch.device("cpu"), torch.float64).numpy()
    assert scipy.signal.check_NOLA(window, n_fft, n_fft - hop)
    assert scipy.signal.check_COLA(window**2, n_fft, n_fft - hop) == (n_fft % hop == 0 and n_fft // hop > 2)


def test_the_transform_is_that_of_librosa_and_scipy():
    audio = one_shot(seconds=0.3)
    ours = STFT(RATE, 256, 64).encode(audio)[0, 0].numpy()
    theirs = librosa.stft(audio[0, 0].numpy(), n_fft=256, hop_length=64, pad_mode="constant")
    np.testing.assert_allclose(ours, theirs, atol=1e-4)
    window = scipy.signal.get_window("hann", 256)
    scipys = scipy.signal.ShortTimeFFT(window, 64, RATE, fft_mode="onesided", phase_shift=None)
    padded = np.pad(audio[0, 0].double().numpy(), 128)
    frames = scipys.stft(
        padded, p0=2, p1=2 + ours.shape[1]
    )  # slice p is centred on sample 64 p: 128 is the first of ours
    np.testing.assert_allclose(ours, frames, atol=1e-4)


def test_the_inverse_of_a_spectrum_of_no_sound_is_that_of_torch():
    stft = STFT(RATE, 256, 64)
    spectra = torch.randn((1, 1, 129, 20), dtype=torch.complex64, generator=torch.Generator().manual_seed(0))
    theirs = torch.istft(spectra[0], 256, 64, window=torch.hann_window(256), center=True)
    torch.testing.assert_close(stft.decode(spectra)[0, :, : theirs.shape[-1]], theirs, atol=1e-5, rtol=1e-4)


def test_a_batch_of_spectra_is_inverted_to_the_same_bytes_as_each_of_them():
    stft = STFT(RATE, 256, 64)
    spectra = torch.randn((3, 2, 129, 20), dtype=torch.complex64, generator=torch.Generator().manual_seed(0))
    with Unsteady():
        assert torch.equal(stft.decode(spectra), torch.cat([stft.decode(one[None]) for one in spectra]))


def test_a_sine_peaks_at_its_frequency_with_a_quarter_of_the_frame():
    magnitude = STFT(RATE, 256, 64).encode(2 * tone(1000)).abs()[0, 0, :, 20]
    assert magnitude.argmax() == 1000 * 256 // RATE
    assert math.isclose(magnitude.max(), 256 / 4, rel_tol=1e-3)


@pytest.mark.parametrize(
    ("sizes", "message"),
    [((0, 256, 64), "sample_rate is 0"), ((8000, 255, 64), "n_fft is 255"), ((8000, 256, 129), "hop is 129.*1 to 128")],
)
def test_sizes_without_an_inverse_are_refused(sizes, message):
    with pytest.raises(ValueError, match=message):
        STFT(*sizes)


def test_a_spectrum_of_another_size_is_refused_with_the_size_that_fits():
    with pytest.raises(ValueError, match=r"129 frequencies but an n_fft of 512 has 257.*n_fft 256"):
        STFT(RATE, 512, 128).decode(torch.zeros(1, 1, 129, 4, dtype=torch.complex64))
    with pytest.raises(ValueError, match="256 samples asked for but 4 frames of hop 64 hold 0 to 255"):
        STFT(RATE, 256, 64).decode(torch.zeros(1, 1, 129, 4, dtype=torch.complex64), 256)


@pytest.mark.parametrize(("dropped", "row"), [("dc", 0), ("nyquist", -1)])
def test_a_dropped_row_comes_back_as_zeros(dropped, row):
    kept = ComplexSpectrum(RATE, 256, 64, dropped=dropped)
    x = kept.encode(one_shot())
    assert x.shape[1:3] == (2, 128)
    sound = kept.decode(x)
    whole = STFT(RATE, 256, 64).encode(one_shot())
    whole[:, :, row] = 0
    torch.testing.assert_close(sound, STFT(RATE, 256, 64).decode(whole))


def test_the_instantaneous_frequency_of_a_tone_is_its_phase_step():
    hz = 1234.0
    x = InstantaneousFrequency(RATE, 256, 64, dropped="nothing").encode(tone(hz))
    bin_of_tone = round(hz * 256 / RATE)
    expected = math.remainder(2 * math.pi * hz * 64 / RATE, 2 * math.pi) / math.pi
    steady = x[0, 1, bin_of_tone, 4:-4]
    torch.testing.assert_close(steady, torch.full_like(steady, expected), atol=1e-4, rtol=0)


def test_a_complex_spectrum_survives_as_level_and_instantaneous_frequency():
    stft, split = STFT(RATE, 256, 64), InstantaneousFrequency(RATE, 256, 64, dropped="nothing", floor_db=-140.0)
    audio = one_shot()
    before = stft.encode(audio)
    x = split.encode(audio)
    level, step = x[:, :1], x[:, 1:]
    after = torch.polar(split.from_level(level), step.double().cumsum(-1).mul(math.pi).remainder(2 * math.pi).float())
    assert (after - before).abs().max() < 1e-4 * before.abs().max()
