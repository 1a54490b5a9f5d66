"""Spectrogram autoencoder and VAE: one Gaussian code per clip, decoded to a spectrogram.

Kingma & Welling 2014, https://arxiv.org/abs/1312.6114; beta: Higgins et al. 2017; free bits: Kingma et al. 2016,
https://arxiv.org/abs/1606.04934; learned noise: Rybkin et al. 2021, https://arxiv.org/abs/2006.13202
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Generator, Tensor, nn

from soundloom.conditions.joint_distribution import JointDistribution
from soundloom.conditions.schema import Schema, Value
from soundloom.contract import Batch, ClipBatch, Clips, ConditionInput, Sampling, Stage, System
from soundloom.representations.protocol import Representation
from soundloom.representations.spectral import Logarithmic, Spectral
from soundloom.runtime.generators import generator
from soundloom.runtime.progress import Progress
from soundloom.runtime.settings import nearest
from soundloom.systems.vae import course
from soundloom.systems.vae.continuation import STARTS, Start, carry_on
from soundloom.systems.vae.elbo import ELBO, negative_log_likelihood
from soundloom.systems.vae.mixture import ConditionalMixture, Place
from soundloom.systems.vae.network import BandNetwork, Decoded
from soundloom.systems.vae.residual_noise import STRENGTHS, Texture, contrast
from soundloom.systems.vae.settings import PRESETS, VAEConfig

STUDIED_CHANGES = 2  # augmented passes that the principal components see besides the clips as they are
NOISE_RATE = 10.0  # the noise level learns this many times faster than a weight
CONTRAST_CLIPS = 24  # that the strength of the texture is set by
PRIORS = ("sounds", "mixture", "normal")  # where codes are drawn; the first is the default
AT_FLOOR = 1e-5  # above the floor by less than this is at it


class SpectrogramVAE(System):
    """Autonomous, conditioned on any Category or Scalar, continuing, varying: all from one code per clip."""

    PRESETS = PRESETS
    Config = VAEConfig
    continues = True
    resembles = True
    representation: Spectral
    peaks: Tensor  # (2,): between which the peaks of nearly all training clips lie

    def __init__(self, config: VAEConfig, representation: Representation, schema: Schema) -> None:
        super().__init__()
        self.config, self.schema = config, schema
        self.samples = round(config.seconds * representation.sample_rate)
        self.augmentation = config.augment
        silence = representation.encode(torch.zeros(1, 1, self.samples))
        shape = silence.shape
        if len(shape) != 4 or shape[1] != 1:
            kind = getattr(representation, "kind", type(representation).__name__)
            raise ValueError(
                f"the vae system sees one level for each frequency and frame, which {kind} is not; choose mel, log, "
                f"log-frequency or magnitude"
            )
        assert isinstance(representation, Spectral)
        self.representation = representation
        bands, frames = shape[2], shape[3]
        self.network: BandNetwork | course.CourseNetwork
        if config.network == "course":
            _check_course(bands, frames, config)
            self.network = course.CourseNetwork(config.noise or 0.1)
        else:
            self.network = BandNetwork(bands, frames, config.latent, config.widths, config.blocks, schema.width)
        self.noise = nn.Parameter(torch.zeros(()), requires_grad=config.noise is None)
        if config.noise is not None:
            nn.init.constant_(self.noise, math.log(config.noise) / NOISE_RATE)
        self.floor = float(silence.min()) if isinstance(representation, Logarithmic) else -math.inf
        self.mixture = ConditionalMixture(config.latent, config.components, schema)
        self.texture = Texture(bands, frames) if config.network == "bands" else None
        self.joint_distribution = JointDistribution(schema)
        self.register_buffer("peaks", torch.tensor([0.0, math.inf]))

    @property
    def log_noise(self) -> Tensor:
        """Natural logarithm of the standard deviation of x given its code, one number for all of x."""
        return self.noise * NOISE_RATE

    def heard(self, x: Tensor) -> Tensor:
        """A spectrogram as it can be: nothing below the floor of its representation."""
        return x.clamp_min(self.floor) if self.floor > -math.inf else x

    def nats(self, x: Tensor, mean: Tensor, log_deviation: Tensor) -> Tensor:
        """-ln p(x), elementwise, in nats: normal, and censored at the floor of the representation.

        Silence is not a level but all levels below the floor (Tobin 1958, https://doi.org/10.2307/1907382): a mean may
        lie as far below as it likes, and no noise then lifts it above by chance.
        """
        seen = negative_log_likelihood(mean - x, log_deviation)
        if self.floor == -math.inf:
            return seen
        below = -torch.special.log_ndtr((self.floor - mean) * torch.exp(-log_deviation))
        return torch.where(x > self.floor + AT_FLOOR, seen, below)

    def stages(self) -> tuple[Stage, ...]:
        return (Stage("vae", self.representation, (ELBO(self),)),)

    def condition_inputs(self) -> tuple[ConditionInput, ...]:
        if not isinstance(self.network, BandNetwork):
            return ()
        return tuple(
            ConditionInput(f"network.{each.weight}", each.axis, each.first) for each in self.network.condition_inputs()
        )

    def sampling_options(self) -> dict[str, str]:
        return {
            "prior": "sounds (default: around the codes of training sounds), mixture (of Gaussians fitted to them) or "
            "normal (the standard-normal prior)",
            "texture": "1 (default) samples p(x | code); 0 gives its mean, smoother than real sounds",
        }

    def check_options(self, options: Mapping[str, Any]) -> None:
        super().check_options(options)
        prior, texture = options.get("prior", PRIORS[0]), options.get("texture", 1.0)
        if prior not in PRIORS:
            raise ValueError(f"prior={prior}: {nearest(str(prior), PRIORS)}")
        if not isinstance(texture, int | float) or not 0 <= texture <= 2:
            raise ValueError(f"texture={texture} but must be a number from 0 to 2; 1 samples p(x | code), 0 its mean")

    @torch.no_grad()
    def prepare(self, stage: Stage, clips: Clips, fresh: bool) -> None:
        """Take the mean, the scale and the principal components of the training set."""
        if not fresh or not isinstance(self.network, BandNetwork):
            return
        passes = [clips.batches(64), *(clips.batches(64, self.augmentation, draw) for draw in range(STUDIED_CHANGES))]
        x = torch.cat([self.representation.encode(clip.audio)[:, 0] for batches in passes for clip in batches])
        left_over = self.network.prepare(x)
        if self.config.noise is None:
            self.noise.fill_(math.log(left_over) / NOISE_RATE)

    @torch.no_grad()
    def finish(self, stage: Stage, clips: Clips) -> None:
        """Fit the mixture to the codes of the training set, and the texture to what the decoder misses."""
        codes, rows, residuals, shown, peaks = [], [], [], [], []
        apart = max(1, len(clips) // CONTRAST_CLIPS)
        for number, batch in enumerate(clips.batches(64)):
            audio, conditions = batch.audio, batch.conditions
            x = self.representation.encode(audio)[:, 0]
            code = self.network.encode(x, conditions)
            z = code.mean
            if self.config.variational:
                drawn = Batch(x, conditions, seed=0, step=number).normal(self.config.latent)
                z = z + torch.exp(0.5 * code.log_variance) * drawn
            out = self.network.decode(z, conditions)
            residuals.append(self._residual(x, out, number))
            peaks.append(audio.abs().amax(dim=(1, 2)))
            codes.append(z)
            rows.append(conditions)
            places = slice(-64 * number % apart, None, apart)
            shown.append((x[places], Decoded(out.mean[places], out.log_spread[places])))
        self.mixture.fit(torch.cat(codes), torch.cat(rows))
        self.peaks.copy_(torch.quantile(torch.cat(peaks), torch.tensor([0.01, 0.99])))
        if self.texture is not None:
            self.texture.fit(torch.cat(residuals))
            self._set_strength(self.texture, shown)

    def _set_strength(self, texture: Texture, shown: Sequence[tuple[Tensor, Decoded]]) -> None:
        """Set how strong the texture is: so that decoded samples have the local contrast of decoded real clips.

        A spectrogram with noise in it is no longer one that a sound can have; decoding changes the noise, and some of
        it is lost or added there.
        """
        x = torch.cat([real for real, _ in shown])
        mean, spread = torch.cat([out.mean for _, out in shown]), torch.cat([out.log_spread for _, out in shown])
        drawn = [texture.draw(generator(0, clip, "contrast")) for clip in range(len(x))]
        grain = torch.stack(drawn) * torch.exp(spread)
        found = [self._decoded_contrast(mean + strength * grain) for strength in STRENGTHS]
        texture.set_strength(found, self._decoded_contrast(x), self.config.grain)

    def _decoded_contrast(self, x: Tensor) -> Tensor:
        decoded = torch.cat([self.representation.decode(clip[None, None], generator(0)) for clip in x])
        return contrast(self.representation.encode(decoded[..., : self.samples])[:, 0], self.floor + AT_FLOOR)

    def _residual(self, x: Tensor, out: Decoded, number: int) -> Tensor:
        """Standardised residuals; where x is at the floor, a draw of what may lie below it."""
        residual = (x - out.mean) * torch.exp(-out.log_spread)
        if self.floor == -math.inf:
            return residual
        drawn = torch.rand(x.shape, generator=generator(0, number, "below"))
        most = torch.special.ndtr(residual.double())
        below = torch.special.ndtri((drawn * most).clamp(1e-12, 1 - 1e-12)).float()
        return torch.where(x > self.floor + AT_FLOOR, residual, below)

    @torch.no_grad()
    def sample(self, call: Sampling, progress: Progress) -> Tensor:
        length, temperature, options, generators = call.length, call.temperature, call.options, call.generators
        rows = [torch.from_numpy(self.schema.encode(asked)) for asked in call.conditions]
        texture = float(options.get("texture", 1.0)) * temperature
        if call.prompt is not None:
            clips = []
            for asked, rng in zip(call.conditions, generators, strict=True):
                starts = [self._start(asked, options, temperature, rng) for _ in range(STARTS)]
                clips.append(carry_on(self, call.prompt, starts, temperature, texture, rng)[:, :length])
            return torch.stack(clips)
        spectra = [
            self._resemble(call.like, row, call.distance, texture, rng)
            if call.like
            else self._draw(row, temperature, texture, options, rng)
            for row, rng in zip(rows, generators, strict=True)
        ]
        x = torch.stack(spectra)[:, None]

        def decoding(fraction: float, samples: int, /) -> bool:
            return progress(fraction, min(samples, length))

        sounds = self.representation.decode_each(x, generators, decoding)
        return torch.stack([self._cut(sound if call.like else self._levelled(sound), length) for sound in sounds])

    @torch.no_grad()
    def reconstruct(self, clips: ClipBatch) -> Tensor:
        x, conditions = self.representation.encode(clips.audio)[:, 0], clips.conditions
        mean = self.heard(self.network.decode(self.network.encode(x, conditions).mean, conditions).mean)
        sounds = self.representation.decode_each(mean[:, None], [generator(0, row) for row in range(len(mean))])
        return sounds[..., : clips.audio.shape[-1]]

    def texture_of(self, out: Decoded, strength: float, rng: Generator) -> Tensor:
        """What a sample of p(x | code) adds to its mean, (frequency, frame)."""
        if not strength:
            return torch.zeros_like(out.mean[0])
        field = torch.randn(out.mean[0].shape, generator=rng) if self.texture is None else self.texture.draw(rng)
        return strength * field * torch.exp(out.log_spread[0])

    def _draw(
        self, row: Tensor, temperature: float, texture: float, options: Mapping[str, Any], rng: Generator
    ) -> Tensor:
        """A new spectrogram, (frequency, frame)."""
        place = self._place(row, options, temperature, rng)
        code = place.centre + temperature * (place.factor @ torch.randn(self.config.latent, generator=rng))
        out = self.network.decode(code[None], row[None])
        return out.mean[0] + self.texture_of(out, texture, rng)

    def _place(self, row: Tensor, options: Mapping[str, Any], temperature: float, rng: Generator) -> Place:
        prior = options.get("prior", PRIORS[0])
        if prior == "normal":
            return Place(torch.zeros(self.config.latent), torch.eye(self.config.latent))
        return self.mixture.place(row, rng, temperature, self.config.smoothing if prior == "sounds" else 1.0)

    def _start(
        self, asked: Mapping[str, Value], options: Mapping[str, Any], temperature: float, rng: Generator
    ) -> Start:
        """Where a search may begin: conditions, completed by a draw, and where the prior has codes for them."""
        row = torch.from_numpy(self.schema.encode(self.joint_distribution.complete(asked, rng)))
        return Start(row, self._place(row, options, temperature, rng))

    def _resemble(self, like: Sequence[Tensor], row: Tensor, distance: float, texture: float, rng: Generator) -> Tensor:
        """A variation of one sound, or the point at `distance` (0 to 1) on the way between two."""
        spectra = [self.representation.encode(sound[None])[:, 0] for sound in like]
        codes = [self.network.encode(x, row[None]).mean for x in spectra]
        decoded = [self.heard(self.network.decode(code, row[None]).mean) for code in codes]
        details = [x - mean for x, mean in zip(spectra, decoded, strict=True)]  # 0 where both are silent
        if len(like) == 2:
            out = self.network.decode(torch.lerp(codes[0], codes[1], distance), row[None])
            return (
                self.heard(out.mean[0]) + torch.lerp(details[0], details[1], distance)[0]
            )  # both ends are the sounds themselves
        code = codes[0] + distance * self.mixture.spread * torch.randn(self.config.latent, generator=rng)
        out = self.network.decode(code, row[None])
        kept = max(0.0, 1.0 - distance)
        mean = torch.lerp(out.mean[0], self.heard(out.mean[0]), kept)
        return mean + kept * details[0][0] + (1 - kept) * self.texture_of(out, texture, rng)

    def _levelled(self, sound: Tensor) -> Tensor:
        """The sound with its peak in the range of the training set; a level far outside is the prior's error."""
        peak = sound.abs().max()
        return sound * (peak.clamp(float(self.peaks[0]), float(self.peaks[1])) / peak) if peak > 0 else sound

    def _cut(self, sound: Tensor, length: int) -> Tensor:
        sound = sound[:, :length].clone()
        made = sound.shape[1]  # less than was asked for where it was stopped
        if made < self.samples:
            fade = min(made, self.representation.sample_rate // 100)
            sound[:, made - fade :] *= torch.linspace(1, 0, fade)
        return sound


def _check_course(bands: int, frames: int, config: VAEConfig) -> None:
    wanted = (course.BINS + 1, course.FRAMES, course.LATENT)
    if (bands, frames, config.latent) != wanted:
        raise ValueError(
            f"the course's network takes {wanted[0]} bins, {wanted[1]} frames and {wanted[2]} latent dimensions, not "
            f"{bands}, {frames} and {config.latent}; use --preset course as it is, or network=bands"
        )
