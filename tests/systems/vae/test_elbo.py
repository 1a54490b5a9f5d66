"""The loss against torch.distributions and closed forms, on a network with known outputs."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Normal, kl_divergence

from soundloom.conditions.schema import Category, Schema
from soundloom.contract import Batch
from soundloom.layers.condition_dropout import hide
from soundloom.representations import build
from soundloom.systems.vae import SpectrogramVAE
from soundloom.systems.vae.elbo import ELBO, kl_from_standard_normal
from soundloom.systems.vae.network import Code, Decoded
from soundloom.systems.vae.observation import NOISE_RATE, normal_negative_log_likelihood
from soundloom.systems.vae.settings import PRESETS, VAEConfig

LATENT = PRESETS["tiny"].latent


class Known(nn.Module):
    """Gives every clip the same code and the same spectrogram, and keeps the codes that it decodes."""

    def __init__(self, shape: tuple[int, int]) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.mean = nn.Parameter(torch.randn(LATENT))
        self.log_variance = nn.Parameter(torch.randn(LATENT))
        self.spectrogram = nn.Parameter(torch.rand(shape))
        self.log_spread = nn.Parameter(torch.full(shape, -1.0))
        self.decoded = torch.empty(0)

    def encode(self, x: Tensor, conditions: Tensor) -> Code:
        return Code(self.mean.expand(len(x), -1), self.log_variance.expand(len(x), -1))

    def decode(self, code: Tensor, conditions: Tensor) -> Decoded:
        self.decoded = code
        return Decoded(self.spectrogram.expand(len(code), -1, -1), self.log_spread.expand(len(code), -1, -1))


def vae_with(config: VAEConfig, schema: Schema | None = None) -> tuple[SpectrogramVAE, Known]:
    vae = SpectrogramVAE(config, build(config.representation), schema or Schema())
    network = Known(tuple(vae.representation.encode(torch.zeros(1, 1, vae.samples)).shape[2:]))
    vae.network = network  # type: ignore[assignment]
    return vae, network


def elbo_of(vae: SpectrogramVAE) -> ELBO:
    (elbo,) = vae.stages()[0].objectives
    assert isinstance(elbo, ELBO)
    return elbo


def batch_of(vae: SpectrogramVAE, rows: int = 6, step: int = 0) -> Batch:
    shape = vae.representation.encode(torch.zeros(1, 1, vae.samples)).shape[1:]
    x = torch.rand(rows, *shape, generator=torch.Generator().manual_seed(1))
    return Batch(x, torch.zeros(rows, vae.schema.width), seed=3, step=step)


def test_the_divergence_is_the_mean_of_the_log_ratio_over_draws() -> None:
    torch.manual_seed(0)
    mean, log_variance = torch.randn(16), torch.empty(16).uniform_(-3, 1)
    code = Normal(mean, (0.5 * log_variance).exp())
    drawn = code.sample((100_000,))
    estimate = (code.log_prob(drawn) - Normal(0.0, 1.0).log_prob(drawn)).sum(dim=1).mean()
    assert kl_from_standard_normal(mean, log_variance).sum() == pytest.approx(float(estimate), rel=0.01)


def test_the_divergence_equals_that_of_torch_distributions() -> None:
    mean, log_variance = torch.linspace(-3, 3, 31), torch.linspace(-10, 5, 31)
    expected = kl_divergence(Normal(mean, (0.5 * log_variance).exp()), Normal(0.0, 1.0))
    torch.testing.assert_close(kl_from_standard_normal(mean, log_variance), expected, rtol=1e-5, atol=1e-5)


def test_the_divergence_is_0_for_a_standard_normal_and_only_there() -> None:
    zero = torch.zeros(4)
    assert (kl_from_standard_normal(zero, zero) == 0).all()
    assert (kl_from_standard_normal(zero + 0.01, zero) > 0).all()
    assert (kl_from_standard_normal(zero, zero - 0.01) > 0).all()


def test_the_gradient_of_the_divergence_along_the_mean_is_the_mean() -> None:
    mean = torch.randn(8, requires_grad=True)
    kl_from_standard_normal(mean, torch.randn(8)).sum().backward()
    torch.testing.assert_close(mean.grad, mean.detach())


def test_the_likelihood_equals_that_of_torch_distributions() -> None:
    error, log_deviation = torch.randn(50), torch.linspace(-4, 1, 50)
    expected = -Normal(0.0, log_deviation.exp()).log_prob(error)
    torch.testing.assert_close(normal_negative_log_likelihood(error, log_deviation), expected, rtol=1e-5, atol=1e-5)


def test_a_level_at_the_floor_has_the_probability_of_all_levels_below() -> None:
    vae, _ = vae_with(PRESETS["tiny"])
    x, mean = torch.tensor([0.0, 0.0, 0.0, 0.4]), torch.tensor([-3.0, 0.1, 0.0, -0.2])
    normal = Normal(mean, torch.tensor(0.5))
    expected = torch.where(x > 0, -normal.log_prob(x), -normal.cdf(torch.zeros(4)).log())
    torch.testing.assert_close(vae.observation.negative_log_likelihood(x, mean, torch.tensor(0.5).log()), expected)
    assert torch.equal(vae.observation.clamped(mean), torch.tensor([0.0, 0.1, 0.0, 0.0]))


def test_codes_are_drawn_with_the_encoders_mean_and_variance() -> None:
    vae, network = vae_with(PRESETS["tiny"])
    elbo_of(vae)(batch_of(vae, rows=4000), 1.0)
    error = 5 / 4000**0.5  # five standard errors
    deviation = (0.5 * network.log_variance).exp()
    assert ((network.decoded.mean(dim=0) - network.mean).abs() < error * deviation).all()
    assert ((network.decoded.var(dim=0) / deviation.square() - 1).abs() < error * 2**0.5).all()


def test_gradients_reach_mean_and_variance_through_the_draw() -> None:
    vae, network = vae_with(replace(PRESETS["tiny"], beta=0.0))
    elbo_of(vae)(batch_of(vae), 1.0)
    slopes = torch.autograd.grad(network.decoded.square().sum(), (network.mean, network.log_variance))
    assert all((slope != 0).all() for slope in slopes)
    drawn = network.decoded - network.mean  # d z / d log variance is half of the added noise
    torch.testing.assert_close(slopes[0], 2 * network.decoded.sum(dim=0))
    torch.testing.assert_close(slopes[1], (network.decoded * drawn).sum(dim=0))


def test_an_autoencoder_draws_nothing_and_has_no_divergence() -> None:
    vae, network = vae_with(replace(PRESETS["tiny"], variational=False))
    loss = elbo_of(vae)(batch_of(vae), 1.0)
    assert torch.equal(network.decoded, network.mean.expand(6, -1))
    assert "divergence" not in loss.parts


@pytest.mark.parametrize(
    ("settings", "fraction", "warmup"),
    [
        ({}, 1.0, 1.0),
        ({"kl_warmup": 0.1}, 0.0, 0.0),
        ({"kl_warmup": 0.1}, 0.025, 0.25),
        ({"kl_warmup": 0.1}, 0.1, 1.0),
        ({"kl_warmup": 0.0}, 0.0, 1.0),
        ({"beta": 4.0, "kl_warmup": 0.5}, 0.25, 0.5),
        ({"free_bits": 0.3}, 1.0, 1.0),
        ({"free_bits": 0.3, "beta": 0.5}, 0.01, 0.1),
        ({"noise": 0.2}, 1.0, 1.0),
    ],
)
def test_the_loss_is_the_formula(settings: dict[str, float], fraction: float, warmup: float) -> None:
    config = replace(PRESETS["tiny"], **settings)
    vae, network = vae_with(config)
    with torch.no_grad():
        network.mean[:3] = 0.01  # dimensions with little information, for which free bits exist
        network.log_variance[:3] = 0.0
    batch = batch_of(vae)
    loss = elbo_of(vae)(batch, fraction)
    x = batch.x[:, 0]
    deviation = torch.tensor(config.noise or 1.0)
    code = Normal(network.mean, (0.5 * network.log_variance).exp())
    divergence = kl_divergence(code, Normal(0.0, 1.0))
    numbers = x[0].numel()
    reconstruction = -Normal(network.spectrogram, deviation).log_prob(x).sum() / len(x)
    spread = -Normal(network.spectrogram, network.log_spread.exp()).log_prob(x).sum() / len(x)
    charged = divergence.clamp_min(config.free_bits).sum()
    expected = (reconstruction + warmup * config.beta * charged + spread) / numbers
    torch.testing.assert_close(loss.total, expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(loss.parts["divergence"], divergence.sum(), rtol=1e-4, atol=1e-5)
    error = (network.spectrogram - x).square().mean().sqrt()
    torch.testing.assert_close(loss.parts["error"], error)


def test_the_spread_is_trained_and_gives_the_mean_no_gradient() -> None:
    slopes = []
    for log_spread in (-1.0, -3.0):
        vae, network = vae_with(PRESETS["tiny"])
        with torch.no_grad():
            network.log_spread.fill_(log_spread)
        elbo_of(vae)(batch_of(vae), 1.0).total.backward()
        slopes.append(network.spectrogram.grad)
        assert network.log_spread.grad is not None
        assert network.log_spread.grad.abs().max() > 0
    assert torch.equal(slopes[0], slopes[1])


def test_the_learned_noise_converges_to_the_root_mean_square_error() -> None:
    vae, network = vae_with(PRESETS["tiny"])
    network.requires_grad_(False)
    objective, batch = elbo_of(vae), batch_of(vae)
    adam = torch.optim.Adam([vae.observation.noise], lr=1e-3)
    for _ in range(500):
        adam.zero_grad()
        objective(batch, 0.0).total.backward()
        adam.step()
    error = (network.spectrogram - batch.x[:, 0]).square().mean().sqrt()
    torch.testing.assert_close(vae.observation.log_noise.exp(), error, rtol=0.01, atol=0)


def test_a_given_noise_is_never_trained() -> None:
    vae, _ = vae_with(replace(PRESETS["tiny"], noise=0.25))
    assert float(vae.observation.log_noise.exp().detach()) == pytest.approx(0.25)
    assert float(vae.observation.noise.detach()) == pytest.approx(math.log(0.25) / NOISE_RATE)
    assert all(parameter is not vae.observation.noise for parameter in elbo_of(vae).moves())


@pytest.mark.parametrize("variational", [True, False])
def test_every_trained_parameter_gets_a_gradient(variational: bool) -> None:
    # without one, distributed training would wait forever
    config = replace(PRESETS["tiny"], variational=variational)
    schema = Schema((Category("kind", ("a", "b")),))
    vae = SpectrogramVAE(config, build(config.representation), schema)
    objective = elbo_of(vae)
    objective(batch_of(vae), 0.5).total.backward()
    assert [name for name, parameter in vae.named_parameters() if parameter.grad is None] == []


def test_a_huge_weight_of_the_divergence_removes_all_information_from_codes() -> None:
    config = replace(PRESETS["tiny"], beta=1e5, kl_warmup=0.0)
    torch.manual_seed(0)
    vae = SpectrogramVAE(config, build(config.representation), Schema())
    objective, adam = elbo_of(vae), torch.optim.Adam(vae.parameters(), lr=3e-3)
    for step in range(150):
        loss = objective(batch_of(vae, step=step), 1.0)
        adam.zero_grad()
        loss.total.backward()
        adam.step()
    assert loss.parts["divergence"] < 0.1


def test_eight_sounds_are_memorised_where_principal_components_cannot() -> None:
    config = replace(PRESETS["tiny"], beta=0.0, noise=0.05, latent=3)
    torch.manual_seed(0)
    vae = SpectrogramVAE(config, build(config.representation), Schema())
    moment = torch.arange(vae.samples) / vae.representation.sample_rate
    tones = torch.stack([torch.sin(2 * torch.pi * 150 * (number + 1) * moment) for number in range(8)])
    x = vae.representation.encode((tones * torch.exp(-8 * moment))[:, None])
    vae.network.prepare(x[:, 0])
    objective, adam = elbo_of(vae), torch.optim.Adam(vae.parameters(), lr=3e-3)
    errors = []
    for step in range(250):
        adam.param_groups[0]["lr"] = 3e-3 * (1 - step / 250)
        loss = objective(Batch(x, torch.zeros(8, 0), seed=0, step=step), 1.0)
        errors.append(float(loss.parts["error"].detach()) ** 2)
        adam.zero_grad()
        loss.total.backward()
        adam.step()
    assert errors[0] > 5e-3
    assert errors[-1] < 1e-3


def test_conditions_are_hidden_independently_in_the_given_share() -> None:
    schema = Schema((Category("kind", ("a", "b")), Category("kit", ("c", "d", "e"))))
    rows = torch.ones(1000, schema.width)
    drawn = torch.stack((torch.linspace(0, 1, 1000), torch.linspace(1, 0, 1000)), dim=1)
    hidden = hide(rows, drawn, schema, 0.1)
    assert (hidden[:, :3].sum(dim=1) == 0).sum() == 100
    assert (hidden[:, 3:].sum(dim=1) == 0).sum() == 100
    assert torch.equal(hidden[:100, 3:], rows[:100, 3:])  # where the kind is hidden, the kit is not
    assert torch.equal(hidden[100:900], rows[100:900])
