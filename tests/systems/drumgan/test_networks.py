"""Generator and critic at every level, and while a level is faded in."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from gans import GROWTHS, LABELS, batch_of, gan_of, image_of

from soundloom.representations import build
from soundloom.systems.drumgan import DrumGAN
from soundloom.systems.drumgan.generator import as_image, on_sphere
from soundloom.systems.drumgan.growth import Growth
from soundloom.systems.drumgan.layers import coarser, finer
from soundloom.systems.drumgan.objectives import at_level
from soundloom.systems.drumgan.rendering import Renderer
from soundloom.systems.drumgan.settings import PRESETS


def inputs_of(gan: DrumGAN, rows: int = 4) -> tuple[torch.Tensor, torch.Tensor]:
    return on_sphere(torch.randn(rows, gan.config.latent)), gan.controls(batch_of(gan, rows).conditions)


@pytest.mark.parametrize("growth", GROWTHS)
def test_generator_and_critic_have_the_size_of_the_level(growth: Growth) -> None:
    gan = gan_of()
    image = gan.generator(*inputs_of(gan), growth)
    assert image.shape == (4, 2, 16 << growth.level, 4 << growth.level)
    assert at_level(image_of(gan, batch_of(gan, 4).x), growth, gan.levels).shape == image.shape
    output = gan.critic(image, growth)
    assert output.score.shape == (4,)
    assert output.controls.shape == (4, gan.controls.estimates) == (4, 3)


@torch.no_grad()
def test_a_fade_goes_from_the_upsampled_level_below_to_the_new_level() -> None:
    gan = gan_of()
    code, controls = inputs_of(gan)
    below, above = (gan.generator(code, controls, Growth(level)) for level in (1, 2))
    assert torch.equal(gan.generator(code, controls, Growth(2, 0.0)), finer(below))
    torch.testing.assert_close(gan.generator(code, controls, Growth(2, 0.3)), torch.lerp(finer(below), above, 0.3))


@torch.no_grad()
def test_at_the_start_of_a_fade_the_critic_sees_the_level_below() -> None:
    gan = gan_of()
    image = torch.randn(4, 2, 64, 16)
    before, after = gan.critic(coarser(image), Growth(1)), gan.critic(image, Growth(2, 0.0))
    assert torch.equal(before.score, after.score)
    assert torch.equal(before.controls, after.controls)
    assert not torch.equal(gan.critic(image, Growth(2, 0.5)).score, after.score)


@torch.no_grad()
def test_real_images_are_faded_as_generated_ones_are() -> None:
    image = torch.randn(2, 2, 128, 32)
    level = coarser(image)
    assert torch.equal(at_level(image, Growth(2), 4), level)
    assert torch.equal(at_level(image, Growth(2, 0.0), 4), finer(coarser(level)))
    torch.testing.assert_close(at_level(image, Growth(2, 0.3), 4), torch.lerp(finer(coarser(level)), level, 0.3))
    assert torch.equal(at_level(image, Growth(3), 4), image)


@pytest.mark.parametrize("patch", [1, 2, 4])
@pytest.mark.parametrize("gated", [True, False])
def test_a_position_holds_a_square_of_the_image_and_a_gate_for_each_value(patch: int, gated: bool) -> None:
    torch.manual_seed(0)
    out = torch.randn(2, (3 if gated else 2) * patch**2, 3, 5)
    image = as_image(out, patch)
    assert image.shape == (2, 2, 3 * patch, 5 * patch)
    for row, column in ((0, 0), (patch - 1, 0), (patch - 1, patch - 1)):
        place = row * patch + column
        parts, gate = out[:, [place, patch**2 + place]], out[:, [2 * patch**2 + place]] if gated else 0 * out[:, :1]
        torch.testing.assert_close(image[:, :, row::patch, column::patch], parts * 2 / (1 + torch.exp(-gate)))


@pytest.mark.parametrize("patch", [1, 2, 4])
def test_the_patch_does_not_change_the_size_of_the_image(patch: int) -> None:
    gan = gan_of(widths=(8, 8), shares=(0.5, 0.5), patch=patch)
    batch = batch_of(gan, 4)
    full = gan.generator(*inputs_of(gan), Growth(1))
    assert full.shape == image_of(gan, batch.x).shape == (4, 2, 128, 32)
    assert gan.generator(*inputs_of(gan), Growth(0)).shape == (4, 2, 64, 16)
    assert gan.critic(full, Growth(1)).score.shape == (4,)


def test_the_critic_sees_every_value_of_a_patch() -> None:
    gan = gan_of(widths=(8, 8), shares=(0.5, 0.5), patch=4)
    image = torch.randn(1, 2, 128, 32, requires_grad=True)
    (slope,) = torch.autograd.grad(gan.critic(image, Growth(1)).score.sum(), image)
    assert (slope != 0).float().mean() > 0.99


def test_controls_keep_their_scale_whatever_the_code() -> None:
    code = on_sphere(torch.randn(5, 8) * 100)
    torch.testing.assert_close(code.square().mean(dim=1), torch.ones(5))
    gan = gan_of()  # controls are appended to a code after it is normalised
    assert gan.generator.begin.weight.shape[1] == gan.config.latent + gan.controls.width


@torch.no_grad()
@pytest.mark.parametrize("growth", GROWTHS)
@pytest.mark.parametrize("settings", [{}, {"gated": False}, {"patch": 2}])
def test_four_small_convolutions_equal_upsampling_and_a_large_one(growth: Growth, settings: dict[str, Any]) -> None:
    gan = gan_of(**settings)
    for bias in (layer.bias for layer in gan.generator.modules() if hasattr(layer, "scale")):
        bias.normal_()
    code, controls = inputs_of(gan)
    expected = gan.generator(code, controls, growth)
    torch.testing.assert_close(Renderer(gan.generator, growth)(code, controls), expected, rtol=1e-4, atol=1e-4)


def test_a_changed_weight_changes_the_rendered_image() -> None:
    gan = gan_of().eval()
    gan.growth.number.fill_(3.0)
    point = inputs_of(gan, 1)
    before = gan.renderer()(*point)
    assert torch.equal(gan.renderer()(*point), before)
    with torch.no_grad():
        gan.generator.first.weight.mul_(-1)
    assert not torch.equal(gan.renderer()(*point), before)


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_can_be_built(preset: str) -> None:
    config = replace(PRESETS[preset], widths=tuple(4 for _ in PRESETS[preset].widths))
    gan = DrumGAN(config, build(config.representation), LABELS)
    assert gan.plane.frequencies >> (gan.levels - 1) >= 1


def test_the_drums_preset_takes_under_8_megabytes_and_1_2_billion_multiply_adds() -> None:
    config = PRESETS["drums"]
    gan = DrumGAN(config, build(config.representation), LABELS)
    assert 2 * sum(parameter.numel() for parameter in gan.generator.parameters()) < 7.5e6
    widths, places = config.widths, [32 << 2 * level for level in range(6)]
    products = 9 * widths[0] ** 2 * places[0]
    for level in range(1, 6):
        products += (4 * widths[level - 1] + 9 * widths[level]) * widths[level] * places[level]
    assert products < 1.2e9


@torch.no_grad()
def test_the_condition_inputs_of_the_critic_are_the_weights_of_its_estimate() -> None:
    gan = gan_of()
    for each in gan.condition_inputs():
        if each.weight.startswith("critic."):
            assert each.axis == 0
            gan.get_parameter(each.weight)[each.first : each.first + gan.controls.estimates] = 0.0
    output = gan.critic(torch.randn(4, 2, 128, 32), Growth(3))
    assert not output.controls.any()
    assert output.score.all()
