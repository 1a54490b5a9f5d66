"""A mixture of logistic distributions, discretised to evenly spaced levels: 16-bit samples from 3 M numbers.

Salimans et al. 2017, https://arxiv.org/abs/1701.05517 (PixelCNN++); for audio van den Oord et al. 2017,
https://arxiv.org/abs/1711.10433. The parameters are [logits of the component weights | means | log scales], M of each;
means and scales refer to levels from -1 to 1.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from soundloom.representations.stft import at_least_single

LEVELS = 65536
# A ninth of a 16-bit level, as the -7 of Salimans et al. is of an 8-bit one: a component in the middle of a bin has
# 97 % of its mass there (0.05 bits). At -7 a scale is 30 levels: samples would cost at least 7.8 bits, and silence
# would hiss at -56 dB. A lower bound gains nothing and makes the gradients of means, at most 1 / scale, steeper.
LEAST_LOG_SCALE = -12.5
FIRST_LOG_SCALES = (-1.0, -7.0)  # of an untrained network, from its widest component to its narrowest
FIRST_MEANS = 0.05  # the largest distance from silence
NARROW = 1e-2  # below this width in scales, a series of three terms is exact to 1e-11 nats


def log_probability(
    parameters: Tensor, symbols: Tensor, levels: int = LEVELS, least_log_scale: float = LEAST_LOG_SCALE
) -> Tensor:
    """Log-probabilities of symbols in nats, in single precision or better, also under autocast.

    Args:
        parameters: (batch, 3 M, time).
        symbols: 0 to levels - 1, (batch, time). The first and the last bin extend to infinity.
        levels: number of levels, evenly spaced from -1 to 1.
        least_log_scale: lower bound of the log scales.

    Returns:
        (batch, time); finite for parameters up to about 1e30.
    """
    logits, means, log_scales = _parts(parameters, least_log_scale)
    offset = _from_means(symbols, means, levels)
    half = 1 / (levels - 1)
    above = F.logsigmoid((offset + half) * torch.exp(-log_scales))
    below = F.logsigmoid((half - offset) * torch.exp(-log_scales))
    between = log1mexp(math.log(2 * half) - log_scales)
    first, last = (symbols == 0)[:, None], (symbols == levels - 1)[:, None]
    mass = (
        torch.where(last, 0.0, above)  # the last bin has no upper edge
        + torch.where(first, 0.0, below)
        + torch.where(first | last, 0.0, between)
    )
    return torch.logsumexp(F.log_softmax(logits, dim=1) + mass, dim=1)


def log_mass(low: Tensor, high: Tensor) -> Tensor:
    """Log of the standard logistic distribution's mass between `low` and a higher `high`; both may be infinite."""
    return F.logsigmoid(high) + F.logsigmoid(-low) + log1mexp(torch.log(high - low))


def log1mexp(log_width: Tensor) -> Tensor:
    """log(1 - exp(-width)), accurate for tiny widths (Mächler 2012, vignette of the R package Rmpfr).

    With it, sigmoid(a) - sigmoid(b) = sigmoid(a) sigmoid(-b) (1 - exp(b - a)) is accurate everywhere.
    """
    width = torch.exp(log_width)
    wide = torch.log(-torch.expm1(-width.clamp_min(NARROW)))
    return torch.where(width < NARROW, log_width - width / 2 + width.square() / 24, wide)


def probabilities(parameters: Tensor, levels: int = LEVELS, least_log_scale: float = LEAST_LOG_SCALE) -> Tensor:
    """Probabilities of all symbols, (batch, levels), for parameters (batch, 3 M)."""
    everywhere = parameters[..., None].expand(-1, -1, levels)
    symbols = torch.arange(levels, device=parameters.device).expand(len(parameters), -1)
    return log_probability(everywhere, symbols, levels, least_log_scale).exp()


def draw(
    parameters: Tensor,
    uniforms: Tensor,
    temperature: float = 1.0,
    levels: int = LEVELS,
    least_log_scale: float = LEAST_LOG_SCALE,
) -> Tensor:
    """Draw symbols, int64, (batch,), as a function of the uniform numbers alone.

    Args:
        parameters: (batch, 3 M).
        uniforms: in [0, 1), (batch, 2): the first picks the component, the second the value.
        temperature: divides the logits and multiplies the scales; 0 takes the mean of the most likely component.
    """
    logits, means, log_scales = _parts(parameters, least_log_scale)
    if temperature == 0:
        component, spread = logits.argmax(dim=1, keepdim=True), torch.zeros_like(means[:, :1])
    else:
        upto = (logits / temperature).softmax(dim=1).cumsum(dim=1)
        component = (upto / upto[:, -1:] <= uniforms[:, :1]).sum(dim=1, keepdim=True)
        place = uniforms[:, 1:].to(means.dtype).clamp_min(2.0**-25)  # a draw of exactly 0 would be a click
        spread = temperature * log_scales.gather(1, component).exp() * torch.logit(place)
    sample = (means.gather(1, component) + spread)[:, 0].clamp(-1, 1)
    return torch.floor((sample + 1) / 2 * (levels - 1) + 0.5).long()


def initial_bias(components: int) -> Tensor:
    """Parameters of an untrained network, (3 M,): equal weights, means near silence, scales from wide to narrow.

    Most samples are small, and a wide component covers the rest. Ten equally wide components, spread evenly over the
    range, cost 0.6 bits more on drums and 2 bits more on digits after 400 steps of a small network.
    """
    means = FIRST_MEANS * ((2 * torch.arange(components) + 1) / components - 1)
    return torch.cat([torch.zeros(components), means, torch.linspace(*FIRST_LOG_SCALES, components)])


def _parts(parameters: Tensor, least_log_scale: float) -> tuple[Tensor, Tensor, Tensor]:
    logits, means, log_scales = at_least_single(parameters).chunk(3, dim=1)
    return logits, means, log_scales.clamp_min(least_log_scale)


def _from_means(symbols: Tensor, means: Tensor, levels: int) -> Tensor:
    """Distances of levels from the means, (batch, M, time).

    A level in single precision has an error of a hundredth of the smallest scale; it is added after the subtraction.
    """
    exact = 2 * symbols[:, None].double() / (levels - 1) - 1
    near = exact.to(means.dtype)
    return (near - means) + (exact - near).to(means.dtype)
