"""Carrying on from a prompt: search the code whose spectrogram begins like the prompt, keep the prompt, add the rest.

A clip is one image to this system, so continuation is inpainting: among the codes that the prior thinks likely, find
one whose first frames are the prompt's, then join the decoded rest to the given samples.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Generator, Tensor

from soundloom.representations.phase.join import join
from soundloom.systems.vae.mixture import Place

if TYPE_CHECKING:
    from soundloom.systems.vae.vae import SpectrogramVAE

STARTS = 64  # codes drawn from the prior, of which the one that begins most like the prompt is refined
STEPS = 120
RATE = 0.05
OVERLAP = 4  # frames of cross-fade from the prompt's spectrogram to the decoder's


class Start(NamedTuple):
    """Where a search begins: a row of conditions, (width,), and where the prior has codes for them."""

    row: Tensor
    place: Place


def carry_on(
    vae: SpectrogramVAE, prompt: Tensor, starts: Sequence[Start], temperature: float, texture: float, rng: Generator
) -> Tensor:
    """A whole clip, (channel, time), whose first samples are the prompt's, (channel, time), unchanged.

    Raises:
        ValueError: the prompt is shorter than one window of the representation, so that nothing can be read off it.
    """
    known = _frames_of(vae, prompt)
    given = vae.representation.encode(torch.nn.functional.pad(prompt, (0, vae.samples - prompt.shape[1]))[None])[:, 0]
    start, noise = search(vae, given, known, starts, temperature, rng)
    code = start.place.centre + start.place.factor @ noise
    out = vae.network.decode(code[None], start.row[None])
    drawn = out.mean[0] + vae.texture_of(out, texture, rng)
    overlap = min(OVERLAP, known)
    ramp = ((torch.arange(drawn.shape[1]) - (known - overlap)) / overlap).clamp(0, 1)
    x = torch.lerp(given[0], drawn, ramp)
    decoded = vae.representation.decode(x[None, None], rng)[0]
    return join(prompt, decoded[:, : vae.samples], vae.representation.sample_rate)


def search(
    vae: SpectrogramVAE, given: Tensor, known: int, starts: Sequence[Start], temperature: float, rng: Generator
) -> tuple[Start, Tensor]:
    """The start and the noise, (code,), whose decoded first `known` frames fit `given`, (1, frequency, frame), best.

    One draw from each start; the best goes on, in the coordinates where its place is standard normal.
    """
    drawn = torch.randn(len(starts), vae.config.latent, generator=rng) * max(temperature, 1e-3)
    codes = [start.place.centre + start.place.factor @ noise for start, noise in zip(starts, drawn, strict=True)]
    misfits = [_misfit(vae, code, given, known, start.row) for code, start in zip(codes, starts, strict=True)]
    best = int(torch.stack(misfits).argmin())
    start, noise = starts[best], drawn[best].clone()
    first, second = torch.zeros_like(noise), torch.zeros_like(noise)
    for step in range(1, STEPS + 1):  # Adam on one vector
        with torch.enable_grad():
            noise.requires_grad_(True)
            code = start.place.centre + start.place.factor @ noise
            energy = _misfit(vae, code, given, known, start.row) + 0.5 * noise.square().sum()
            (slope,) = torch.autograd.grad(energy, noise)
        noise = noise.detach()
        first, second = 0.9 * first + 0.1 * slope, 0.99 * second + 0.01 * slope.square()
        noise = noise - RATE * (first / (1 - 0.9**step)) / ((second / (1 - 0.99**step)).sqrt() + 1e-8)
    return start, noise


def _misfit(vae: SpectrogramVAE, code: Tensor, given: Tensor, known: int, row: Tensor) -> Tensor:
    """-ln p(known frames | code) up to a constant."""
    out = vae.network.decode(code[None], row[None])
    error = (vae.heard(out.mean) - given)[..., :known] * torch.exp(-vae.log_noise)
    return 0.5 * error.square().sum()


def _frames_of(vae: SpectrogramVAE, prompt: Tensor) -> int:
    """Frames that the prompt alone decides: those whose window ends inside it."""
    window, hop, rate = vae.representation.n_fft, vae.representation.hop, vae.representation.sample_rate
    if prompt.shape[1] < window:
        raise ValueError(
            f"the prompt lasts {1000 * prompt.shape[1] / rate:.0f} ms but this model needs {1000 * window / rate:.0f} "
            f"ms or more to hear how it goes on; give a longer one"
        )
    return (prompt.shape[1] - window // 2) // hop + 1
