"""Carrying on from a prompt: search the code whose spectrogram begins like the prompt, keep the prompt, add the rest.

A clip is one image to this system, so continuation is inpainting: among the codes that the prior thinks likely, find
one whose first frames are the prompt's, then join the decoded rest to the given samples.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Generator, Tensor

from soundloom.representations.phase.join import join

if TYPE_CHECKING:
    from soundloom.systems.vae.mixture import Place
    from soundloom.systems.vae.vae import SpectrogramVAE

STARTS = 64  # codes drawn from the prior, of which the one that begins most like the prompt is refined
STEPS = 120
RATE = 0.05
OVERLAP = 4  # frames of cross-fade from the prompt's spectrogram to the decoder's


def carry_on(
    vae: SpectrogramVAE,
    prompt: Tensor,
    row: Tensor,
    places: Sequence[Place],
    temperature: float,
    texture: float,
    rng: Generator,
) -> Tensor:
    """A whole clip, (channel, time), whose first samples are the prompt's, (channel, time), unchanged.

    `places` are where the prior would draw codes; the search begins at each.
    """
    known = _frames_of(vae, prompt)
    given = vae.representation.encode(torch.nn.functional.pad(prompt, (0, vae.samples - prompt.shape[1]))[None])[:, 0]
    code = search(vae, given, known, row, places, temperature, rng)
    out = vae.network.decode(code[None], row[None])
    drawn = out.mean[0] + vae.texture_of(out, texture, rng)
    ramp = ((torch.arange(drawn.shape[1]) - (known - OVERLAP)) / OVERLAP).clamp(0, 1)
    x = torch.lerp(given[0], drawn, ramp)
    decoded = vae.representation.decode(x[None, None], rng)[0]
    return join(prompt, decoded[:, : vae.samples], vae.representation.sample_rate)


def search(
    vae: SpectrogramVAE,
    given: Tensor,
    known: int,
    row: Tensor,
    places: Sequence[Place],
    temperature: float,
    rng: Generator,
) -> Tensor:
    """The code, (code,), whose decoded first `known` frames fit `given`, (1, frequency, frame), and the prior.

    One draw from each place; the best goes on, in the coordinates where its place is standard normal.
    """
    latent = len(places[0].centre)
    starts = torch.randn(len(places), latent, generator=rng) * max(temperature, 1e-3)
    codes = [place.centre + place.factor @ start for place, start in zip(places, starts, strict=True)]
    best = int(torch.stack([_misfit(vae, code, given, known, row) for code in codes]).argmin())
    place, noise = places[best], starts[best].clone()
    first, second = torch.zeros(latent), torch.zeros(latent)
    for step in range(1, STEPS + 1):  # Adam on one vector
        with torch.enable_grad():
            noise.requires_grad_(True)
            code = place.centre + place.factor @ noise
            energy = _misfit(vae, code, given, known, row) + 0.5 * noise.square().sum()
            (slope,) = torch.autograd.grad(energy, noise)
        noise = noise.detach()
        first, second = 0.9 * first + 0.1 * slope, 0.99 * second + 0.01 * slope.square()
        noise = noise - RATE * (first / (1 - 0.9**step)) / ((second / (1 - 0.99**step)).sqrt() + 1e-8)
    return place.centre + place.factor @ noise


def _misfit(vae: SpectrogramVAE, code: Tensor, given: Tensor, known: int, row: Tensor) -> Tensor:
    """-ln p(known frames | code) up to a constant."""
    out = vae.network.decode(code[None], row[None])
    error = (vae.heard(out.mean) - given)[..., :known] * torch.exp(-vae.log_noise)
    return 0.5 * error.square().sum()


def _frames_of(vae: SpectrogramVAE, prompt: Tensor) -> int:
    """Frames that the prompt alone decides: those whose whole window lies inside it."""
    hop = vae.samples / vae.representation.length(vae.samples)
    window = getattr(vae.representation, "n_fft", 0) / 2
    return max(OVERLAP, int((prompt.shape[1] - window) / hop) + 1)
