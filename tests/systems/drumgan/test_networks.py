"""Generator and critic at every level, and while a level comes in."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from gans import GROWTHS, LABELS, batch_of, gan_of

from soundloom.representations import build
from soundloom.systems.drumgan import DrumGAN
from soundloom.systems.drumgan.generator import as_image, on_sphere
from soundloom.systems.drumgan.growth import Growth
from soundloom.systems.drumgan.layers import coarser, finer
from soundloom.systems.drumgan.objectives import at_level
from soundloom.systems.drumgan.rendering import Renderer
from soundloom.systems.drumgan.settings import PRESETS


def asked(gan: DrumGAN, rows: int = 4) -> tuple[torch.Tensor, torch.Tensor]:
    return on_sphere(torch.randn(rows, gan.config.latent)), gan.controls(batch_of(gan, rows).conditions)


@pytest.mark.parametrize("growth", GROWTHS)
def test_generator_and_critic_have_the_size_of_the_level(growth: Growth) -> None:
    gan = gan_of()
    image = gan.generator(*asked(gan), growth)
    assert image.shape == (4, 2, 16 << growth.level, 4 << growth.level)
    assert at_level(gan.image_of(batch_of(gan, 4).x), growth, gan.levels).shape == image.shape
    opinion = gan.critic(image, growth)
    assert opinion.score.shape == (4,)
    assert opinion.read.shape == (4, gan.controls.read) == (4, 3)


@torch.no_grad()
def test_a_level_that_begins_to_come_in_is_the_level_below_doubled_and_one_that_is_in_stands_alone() -> None:
    gan = gan_of()
    code, told = asked(gan)
    below, above = (gan.generator(code, told, Growth(level)) for level in (1, 2))
    assert torch.equal(gan.generator(code, told, Growth(2, 0.0)), finer(below))
    torch.testing.assert_close(gan.generator(code, told, Growth(2, 0.3)), torch.lerp(finer(below), above, 0.3))


@torch.no_grad()
def test_the_critic_sees_a_level_that_begins_to_come_in_as_it_saw_the_level_below() -> None:
    gan = gan_of()
    image = torch.randn(4, 2, 64, 16)
    before, after = gan.critic(coarser(image), Growth(1)), gan.critic(image, Growth(2, 0.0))
    assert torch.equal(before.score, after.score)
    assert torch.equal(before.read, after.read)
    assert not torch.equal(gan.critic(image, Growth(2, 0.5)).score, after.score)


@torch.no_grad()
def test_real_images_come_in_as_generated_ones_do() -> None:
    image = torch.randn(2, 2, 128, 32)
    level = coarser(image)
    assert torch.equal(at_level(image, Growth(2), 4), level)
    assert torch.equal(at_level(image, Growth(2, 0.0), 4), finer(coarser(level)))
    torch.testing.assert_close(at_level(image, Growth(2, 0.3), 4), torch.lerp(finer(coarser(level)), level, 0.3))
    assert torch.equal(at_level(image, Growth(3), 4), image)


@pytest.mark.parametrize("patch", [1, 2, 4])
@pytest.mark.parametrize("gated", [True, False])
def test_a_place_holds_a_square_of_the_image_and_a_gate_for_each_value(patch: int, gated: bool) -> None:
    torch.manual_seed(0)
    out = torch.randn(2, (3 if gated else 2) * patch**2, 3, 5)
    image = as_image(out, patch)
    assert image.shape == (2, 2, 3 * patch, 5 * patch)
    for row, column in ((0, 0), (patch - 1, 0), (patch - 1, patch - 1)):
        place = row * patch + column
        parts, gate = out[:, [place, patch**2 + place]], out[:, [2 * patch**2 + place]] if gated else 0 * out[:, :1]
        torch.testing.assert_close(image[:, :, row::patch, column::patch], parts * 2 / (1 + torch.exp(-gate)))


@pytest.mark.parametrize("patch", [1, 2, 4])
def test_the_image_is_the_same_size_whatever_the_patch(patch: int) -> None:
    gan = gan_of(widths=(8, 8), shares=(0.5, 0.5), patch=patch)
    batch = batch_of(gan, 4)
    full = gan.generator(*asked(gan), Growth(1))
    assert full.shape == gan.image_of(batch.x).shape == (4, 2, 128, 32)
    assert gan.generator(*asked(gan), Growth(0)).shape == (4, 2, 64, 16)
    assert gan.critic(full, Growth(1)).score.shape == (4,)


def test_every_value_of_a_patch_is_seen_by_the_critic() -> None:
    gan = gan_of(widths=(8, 8), shares=(0.5, 0.5), patch=4)
    image = torch.randn(1, 2, 128, 32, requires_grad=True)
    (slope,) = torch.autograd.grad(gan.critic(image, Growth(1)).score.sum(), image)
    assert (slope != 0).float().mean() > 0.99


def test_what_was_asked_keeps_its_size_whatever_the_code() -> None:
    code = on_sphere(torch.randn(5, 8) * 100)
    torch.testing.assert_close(code.square().mean(dim=1), torch.ones(5))
    gan = gan_of()  # controls join a code after it is normalised: the same column for any code
    assert gan.generator.begin.weight.shape[1] == gan.config.latent + gan.controls.told


@torch.no_grad()
@pytest.mark.parametrize("growth", GROWTHS)
@pytest.mark.parametrize("settings", [{}, {"gated": False}, {"patch": 2}])
def test_four_small_convolutions_draw_what_doubling_and_a_large_one_do(
    growth: Growth, settings: dict[str, Any]
) -> None:
    gan = gan_of(**settings)
    for bias in (layer.bias for layer in gan.generator.modules() if hasattr(layer, "scale")):
        bias.normal_()
    code, told = asked(gan)
    expected = gan.generator(code, told, growth)
    torch.testing.assert_close(Renderer(gan.generator, growth)(code, told), expected, rtol=1e-4, atol=1e-4)


def test_a_renderer_is_made_anew_when_a_weight_has_changed() -> None:
    gan = gan_of().eval()
    gan.running_growth.fill_(3.0)
    point = asked(gan, 1)
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


def test_the_drums_preset_fits_in_8_megabytes_at_16_bits_and_in_1_2_thousand_million_products() -> None:
    config = PRESETS["drums"]
    gan = DrumGAN(config, build(config.representation), LABELS)
    assert 2 * sum(parameter.numel() for parameter in gan.generator.parameters()) < 7.5e6
    widths, places = config.widths, [32 << 2 * level for level in range(6)]
    products = 9 * widths[0] ** 2 * places[0]
    for level in range(1, 6):
        products += (4 * widths[level - 1] + 9 * widths[level]) * widths[level] * places[level]
    assert products < 1.2e9
