"""Clips as images: every change to the transform is inverted."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from gans import bursts, gan_of

from soundloom.representations.complex import ComplexSpectrum
from soundloom.representations.rows import Dropped
from soundloom.systems.drumgan.layers import downsampled
from soundloom.systems.drumgan.plane import Plane

RATE = 8000


def plane_of(dropped: Dropped = "nyquist", samples: int = 4000, power: float = 0.5) -> Plane:
    return Plane(ComplexSpectrum(RATE, 256, 64, dropped), samples, multiple=8, power=power)


@pytest.mark.parametrize("power", [0.5, 1.0])
def test_a_clip_without_energy_in_the_dropped_row_is_restored(power: float) -> None:
    moment = torch.arange(4000) / RATE
    clip = (torch.sin(2 * torch.pi * 440 * moment) * torch.exp(-20 * moment))[None, None]
    plane = plane_of(power=power)
    plane.fit(clip)
    back = plane.decode(plane.encode(clip))
    assert back.shape[-1] == plane.spectrum.samples(plane.frames) >= 4000
    assert (back[..., :4000] - clip).abs().max() < 2e-3


def test_one_second_at_16_khz_is_an_image_of_512_by_64() -> None:
    plane = Plane(ComplexSpectrum(16000, 1024, 256, "nyquist"), 16000, multiple=32, power=0.5)
    image = plane.encode(bursts(1, 16000))
    assert image.shape == (1, 2, 512, 64)
    assert plane.decode(image).shape == (1, 1, 16383)  # of which 16000 are kept


def test_the_dropped_row_is_decoded_as_zeros() -> None:
    for dropped, row in (("dc", 0), ("nyquist", -1)):
        plane = plane_of(dropped)
        audio = plane.decode(torch.randn(1, 2, 128, plane.frames))
        quiet = plane.decode(torch.zeros(1, 2, 128, plane.frames))
        assert quiet.abs().max() == 0
        whole = np.abs(np.fft.rfft(audio[0, 0].numpy()))
        assert whole[:4].max() < whole.max() if row == 0 else whole[-4:].max() < whole.max()


def test_the_scale_makes_the_root_mean_square_of_training_images_1() -> None:
    plane = plane_of()
    clips = bursts(5)
    plane.fit(clips)
    assert plane.encode(clips).square().mean().sqrt() == pytest.approx(1.0, rel=1e-4)


def test_silence_gets_the_scale_1() -> None:
    plane = plane_of()
    plane.fit(torch.zeros(2, 1, 4000))
    assert plane.scale == 1
    assert plane.encode(torch.zeros(1, 1, 4000)).abs().max() == 0


def test_an_attack_at_the_start_has_the_same_phase_in_all_bins_and_frames() -> None:
    clip = torch.zeros(1, 1, 4000)
    clip[..., 0] = 1.0
    image = plane_of().encode(clip)
    assert image[0, 0, :, :2].min() > 0
    assert image[0, 1].abs().max() < 1e-4


def test_with_a_common_clock_more_than_30_percent_of_the_power_survives_averaging() -> None:
    image = plane_of().encode(bursts(8))
    kept = 4 * downsampled(image).square().sum() / image.square().sum()
    spectrum = plane_of().spectrum.encode(bursts(8))
    own_clock = 4 * downsampled(spectrum[..., :62]).square().sum() / spectrum.square().sum()
    assert kept > 0.3
    assert own_clock < 0.2


def test_gradients_are_finite_in_silence() -> None:
    image = torch.zeros(1, 2, 128, 64, requires_grad=True)
    plane_of().decode(image).square().sum().backward()
    assert image.grad is not None
    assert torch.isfinite(image.grad).all()


def test_the_number_of_frames_can_be_halved_at_each_level() -> None:
    gan = gan_of()
    assert gan.plane.frames % 2 ** (gan.levels - 1) == 0
    assert gan.plane.frames >= gan.representation.length(gan.samples)
