"""The lecture's network against the numbers of the lecture, and TensorFlow's padding."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn

from soundloom.conditions.schema import Schema
from soundloom.representations import build
from soundloom.systems.vae import SpectrogramVAE
from soundloom.systems.vae.course import CourseDecoder, CourseEncoder, CourseNetwork
from soundloom.systems.vae.settings import COURSE_NOISE, PRESETS

CHANNELS = (1, 512, 256, 128, 64, 32)


def trainable(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def convolution(before: int, after: int) -> int:
    """Weights and biases of a 3 x 3 convolution."""
    return 9 * before * after + after


@pytest.fixture(scope="module")
def encoder() -> CourseEncoder:
    return CourseEncoder().eval()


@pytest.fixture(scope="module")
def decoder() -> CourseDecoder:
    return CourseDecoder(0.1).eval()


def test_the_encoder_has_the_parameters_of_the_course(encoder: CourseEncoder) -> None:
    convolutions = sum(convolution(*pair) for pair in pairwise(CHANNELS))
    norms = sum(2 * width for width in CHANNELS[1:])
    dense = 2 * (1024 * 128 + 128)
    assert trainable(encoder) == convolutions + norms + dense == 1_836_704
    assert round(trainable(encoder) / 1e6, 3) == 1.837  # as the course's summary rounds it


def test_the_decoder_has_the_parameters_of_the_course(decoder: CourseDecoder) -> None:
    widths = (32, 32, 64, 128, 256, 1)
    convolutions = sum(convolution(*pair) for pair in pairwise(widths))
    norms = sum(2 * width for width in widths[1:-1])
    assert trainable(decoder) == convolutions + norms + 128 * 1024 + 1024 == 532_129
    assert round(trainable(decoder) / 1e6, 3) == 0.532


def test_the_layers_have_the_sizes_of_the_course(encoder: CourseEncoder) -> None:
    sizes = []
    for norm in encoder.norms:
        norm.register_forward_hook(lambda module, given, made: sizes.append(tuple(made.shape[1:])))
    with torch.no_grad():
        code = encoder(torch.rand(1, 256, 64))
    assert sizes == [(512, 128, 32), (256, 64, 16), (128, 32, 8), (64, 16, 4), (32, 8, 4)]
    assert code.mean.shape == code.log_variance.shape == (1, 128)


def test_the_encoder_has_the_multiply_adds_of_the_course(encoder: CourseEncoder) -> None:
    sizes = ((128, 32), (64, 16), (32, 8), (16, 4), (8, 4))
    products = sum(
        9 * before * after * rows * columns
        for before, after, (rows, columns) in zip(CHANNELS, CHANNELS[1:], sizes, strict=False)
    )
    weights = [layer.weight.numel() for layer in encoder.convolutions]
    measured = sum(weight * rows * columns for weight, (rows, columns) in zip(weights, sizes, strict=True))
    assert measured == products
    assert round((measured + 2 * 1024 * 128) / 1e9, 2) == 1.31


def test_a_stride_of_two_pads_after_the_image_only_as_tensorflow_does(encoder: CourseEncoder) -> None:
    x = torch.rand(1, 256, 64, requires_grad=True)
    first: list[torch.Tensor] = []
    hook = encoder.convolutions[0].register_forward_hook(lambda module, given, made: first.append(made))
    encoder(x)
    hook.remove()
    (seen,) = torch.autograd.grad(first[0][0, :, 0, 0].sum(), x)
    assert seen[0].nonzero().amax(dim=0).tolist() == [2, 2]
    assert (seen[0, :3, :3] != 0).all()  # nothing was padded before: all nine weights read the image


def test_the_decoder_gives_a_spectrogram_between_0_and_1(decoder: CourseDecoder) -> None:
    with torch.no_grad():
        mean, log_spread = decoder(3 * torch.randn(4, 128))
    assert mean.shape == (4, 256, 64)
    assert 0 <= mean.min() < mean.max() <= 1
    torch.testing.assert_close(log_spread.exp(), torch.full_like(mean, 0.1))


def test_the_nyquist_bin_is_dropped_and_restored_as_silence() -> None:
    network = CourseNetwork(0.1).eval()
    x, none = torch.rand(2, 257, 64), torch.zeros(2, 0)
    louder = x.clone()
    louder[:, 256] += 1
    with torch.no_grad():
        code, same = network.encode(x, none), network.encode(louder, none)
        out = network.decode(code.mean, none)
    assert torch.equal(code.mean, same.mean)
    assert out.mean.shape == (2, 257, 64)
    assert (out.mean[:, 256] == 0).all()


def test_the_noise_of_the_course_is_7_2_decibels_of_its_80() -> None:
    assert pytest.approx(0.0905, abs=5e-5) == COURSE_NOISE
    assert round(80 * COURSE_NOISE, 1) == 7.2


def test_the_preset_makes_64_frames_of_256_bins_and_nyquist_from_16317_samples() -> None:
    config = PRESETS["course"]
    vae = SpectrogramVAE(config, build(config.representation), Schema())
    assert vae.samples == 16_317
    assert vae.representation.encode(torch.zeros(1, 1, vae.samples)).shape == (1, 1, 257, 64)
    assert trainable(vae) == 1_836_704 + 532_129 + 1  # and the fixed noise level
    assert {name for name, p in vae.named_parameters() if not p.requires_grad} == {"observation.noise"}


def test_the_course_network_refuses_other_sizes_and_names_an_alternative() -> None:
    from dataclasses import replace

    config = replace(PRESETS["course"], latent=64)
    with pytest.raises(ValueError, match=r"257 bins, 64 frames and 128 latent .*, not 257, 64 and 64; use --preset"):
        SpectrogramVAE(config, build(config.representation), Schema())


def test_sampling_does_not_change_the_batch_statistics_of_the_course_network() -> None:
    config = PRESETS["course"]
    vae = SpectrogramVAE(config, build(config.representation), Schema()).eval()
    before = {key: value.clone() for key, value in vae.state_dict().items()}
    from soundloom.generation import Request, generate_from

    (made,) = generate_from(vae, Request(count=1, options={"prior": "normal"}))
    assert made.audio.samples.shape == (1, 16_317)
    assert np.isfinite(made.audio.samples).all()
    assert all(torch.equal(before[key], value) for key, value in vae.state_dict().items())
