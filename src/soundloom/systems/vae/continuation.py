"""Continuation of a prompt: search for a code whose spectrogram begins like the prompt, keep the prompt, add the rest.

A clip is one image to this system, so continuation is inpainting: among the codes that are likely under the prior,
find one whose first frames match the prompt's, then join the decoded rest to the given samples.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Generator, Tensor

from soundloom.representations.phase.join import join
from soundloom.representations.spectral import Spectral
from soundloom.systems.vae.mixture import Place
from soundloom.systems.vae.network import Decoded
from soundloom.systems.vae.observation import Observation

STARTS = 64  # codes drawn from the prior; the one that matches the prompt best is refined
STEPS = 120
RATE = 0.05
OVERLAP = 4  # frames of cross-fade from the prompt's spectrogram to the decoder's
Decoder = Callable[[Tensor, Tensor], Decoded]  # codes (batch, code) and condition rows (batch, width)


class Start(NamedTuple):
    """Starting point of a search: a condition row, (width,), and the distribution of its codes under the prior."""

    row: Tensor
    place: Place


class Continuation(NamedTuple):
    """What continuing a prompt needs of a trained model."""

    decode: Decoder
    observation: Observation
    representation: Spectral
    samples: int  # of a clip

    def __call__(
        self, prompt: Tensor, starts: Sequence[Start], temperature: float, noise: float, rng: Generator
    ) -> Tensor:
        """A whole clip, (channel, time), whose first samples are the prompt's, (channel, time), unchanged.

        Args:
            noise: strength of the residual noise.

        Raises:
            ValueError: the prompt is shorter than one window of the representation, so there is nothing to match.
        """
        known = self._known_frames(prompt)
        padded = torch.nn.functional.pad(prompt, (0, self.samples - prompt.shape[1]))
        given = self.representation.encode(padded[None])[:, 0]
        start, normal = self.search(given, known, starts, temperature, rng)
        out = self.decode((start.place.centre + start.place.factor @ normal)[None], start.row[None])
        drawn = out.mean[0] + self.observation.draw_residual(out, noise, rng)
        overlap = min(OVERLAP, known)
        ramp = ((torch.arange(drawn.shape[1]) - (known - overlap)) / overlap).clamp(0, 1)
        x = torch.lerp(given[0], drawn, ramp)
        decoded = self.representation.decode(x[None, None], rng)[0]
        return join(prompt, decoded[:, : self.samples], self.representation.sample_rate)

    def search(
        self, given: Tensor, known: int, starts: Sequence[Start], temperature: float, rng: Generator
    ) -> tuple[Start, Tensor]:
        """Find the start and the noise, (code,), whose decoded first `known` frames match `given` best.

        One draw from each start; the best is refined in coordinates in which its distribution is standard normal.

        Args:
            given: spectrogram of the prompt, padded to a clip, (1, frequency, frame).
        """
        latent = len(starts[0].place.centre)
        drawn = torch.randn(len(starts), latent, generator=rng) * max(temperature, 1e-3)
        codes = [start.place.centre + start.place.factor @ noise for start, noise in zip(starts, drawn, strict=True)]
        misfits = [self._misfit(code, given, known, start.row) for code, start in zip(codes, starts, strict=True)]
        best = int(torch.stack(misfits).argmin())
        start, noise = starts[best], drawn[best].clone()
        first, second = torch.zeros_like(noise), torch.zeros_like(noise)
        for step in range(1, STEPS + 1):  # Adam on one vector
            with torch.enable_grad():
                noise.requires_grad_(True)
                code = start.place.centre + start.place.factor @ noise
                energy = self._misfit(code, given, known, start.row) + 0.5 * noise.square().sum()
                (slope,) = torch.autograd.grad(energy, noise)
            noise = noise.detach()
            first, second = 0.9 * first + 0.1 * slope, 0.99 * second + 0.01 * slope.square()
            noise = noise - RATE * (first / (1 - 0.9**step)) / ((second / (1 - 0.99**step)).sqrt() + 1e-8)
        return start, noise

    def _misfit(self, code: Tensor, given: Tensor, known: int, row: Tensor) -> Tensor:
        """-ln p(known frames | code), up to a constant."""
        out = self.decode(code[None], row[None])
        error = (self.observation.clamped(out.mean) - given)[..., :known] * torch.exp(-self.observation.log_noise)
        return 0.5 * error.square().sum()

    def _known_frames(self, prompt: Tensor) -> int:
        """The number of frames that depend on the prompt alone: those whose window ends inside it."""
        window, hop, rate = self.representation.n_fft, self.representation.hop, self.representation.sample_rate
        if prompt.shape[1] < window:
            raise ValueError(
                f"the prompt lasts {1000 * prompt.shape[1] / rate:.0f} ms but this model needs "
                f"{1000 * window / rate:.0f} ms or more to continue it; give a longer one"
            )
        return (prompt.shape[1] - window // 2) // hop + 1
