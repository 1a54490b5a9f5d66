"""Spectrogram autoencoder and VAE: one Gaussian code per clip, decoded to a spectrogram.

Kingma & Welling 2014, https://arxiv.org/abs/1312.6114; beta: Higgins et al. 2017; free bits: Kingma et al. 2016,
https://arxiv.org/abs/1606.04934; learned noise: Rybkin et al. 2021, https://arxiv.org/abs/2006.13202
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Generator, Tensor

from soundloom.conditions.joint_distribution import JointDistribution
from soundloom.conditions.schema import Schema, Value
from soundloom.contract import Batch, ClipBatch, Clips, ConditionInput, Sampling, Stage, System
from soundloom.representations.protocol import Representation
from soundloom.representations.spectral import Logarithmic, Spectral
from soundloom.runtime.generators import generator
from soundloom.runtime.progress import Progress
from soundloom.runtime.settings import nearest
from soundloom.systems.vae import course
from soundloom.systems.vae.continuation import STARTS, Continuation, Start
from soundloom.systems.vae.elbo import ELBO
from soundloom.systems.vae.mixture import ConditionalMixture, Place
from soundloom.systems.vae.network import BandNetwork, Decoded
from soundloom.systems.vae.observation import Observation
from soundloom.systems.vae.residual_noise import STRENGTHS, ResidualNoise, contrast
from soundloom.systems.vae.settings import PRESETS, RENAMED, VAEConfig

AUGMENTED_PASSES = 2  # over the training set, which the principal components see beside the clips as they are
CONTRAST_CLIPS = 24  # on which the strength of the residual noise is set
PRIORS = ("sounds", "mixture", "normal")  # the first is the default
PEAK_QUANTILES = (0.01, 0.99)


class SpectrogramVAE(System):
    """Free and conditioned generation, continuation and variation, all from one code per clip."""

    PRESETS = PRESETS
    Config = VAEConfig
    renamed_weights: ClassVar[Mapping[str, str]] = {
        **System.renamed_weights,
        "noise": "observation.noise",
        "texture.": "observation.residual_noise.",
        "network.tell.": "network.project_conditions.",
    }
    renamed_settings: ClassVar[Mapping[str, str]] = RENAMED
    renamed_options: ClassVar[Mapping[str, str]] = {"texture": "residual_noise"}
    continues = True
    resembles = True
    representation: Spectral
    peaks: Tensor  # (2,): the range of the training clips' peaks, without the extreme ones

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
                f"the vae system takes one level for each frequency and frame, which {kind} is not; choose mel, log, "
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
        floor = float(silence.min()) if isinstance(representation, Logarithmic) else -math.inf
        residual_noise = ResidualNoise(bands, frames) if config.network == "bands" else None
        self.observation = Observation(floor, config.noise, residual_noise)
        self.mixture = ConditionalMixture(config.latent, config.components, schema)
        self.joint_distribution = JointDistribution(schema)
        self.register_buffer("peaks", torch.tensor([0.0, math.inf]))

    def stages(self) -> tuple[Stage, ...]:
        elbo = ELBO(self.network, self.observation, self.schema, self.config)
        return (Stage("vae", self.representation, (elbo,)),)

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
            "residual_noise": "1 (default) samples p(x | code); 0 gives its mean, smoother than real sounds",
        }

    def check_options(self, options: Mapping[str, Any]) -> None:
        super().check_options(options)
        prior, noise = options.get("prior", PRIORS[0]), options.get("residual_noise", 1.0)
        if prior not in PRIORS:
            raise ValueError(f"prior={prior}: {nearest(str(prior), PRIORS)}")
        if not isinstance(noise, int | float) or not 0 <= noise <= 2:
            raise ValueError(
                f"residual_noise={noise} but must be a number from 0 to 2; 1 samples p(x | code), 0 gives its mean"
            )

    @torch.no_grad()
    def prepare(self, stage: Stage, clips: Clips, fresh: bool) -> None:
        """Measure the mean, the scale and the principal components of the training set."""
        if not fresh or not isinstance(self.network, BandNetwork):
            return
        passes = [clips.batches(64), *(clips.batches(64, self.augmentation, draw) for draw in range(AUGMENTED_PASSES))]
        x = torch.cat([self.representation.encode(clip.audio)[:, 0] for batches in passes for clip in batches])
        residual = self.network.prepare(x)
        if self.config.noise is None:
            self.observation.set_noise(residual)

    @torch.no_grad()
    def finish(self, stage: Stage, clips: Clips) -> None:
        """Fit the prior to the codes of the training set, and the residual noise to the decoder's residuals."""
        codes, rows, residuals, examples, peaks = [], [], [], [], []
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
            residuals.append(self.observation.residuals(x, out, number))
            peaks.append(audio.abs().amax(dim=(1, 2)))
            codes.append(z)
            rows.append(conditions)
            places = slice(-64 * number % apart, None, apart)
            examples.append((x[places], Decoded(out.mean[places], out.log_spread[places])))
        self.mixture.fit(torch.cat(codes), torch.cat(rows))
        self.peaks.copy_(torch.quantile(torch.cat(peaks), torch.tensor(PEAK_QUANTILES)))
        if self.observation.residual_noise is not None:
            self.observation.residual_noise.fit(torch.cat(residuals))
            self._set_strength(self.observation.residual_noise, examples)

    def _set_strength(self, noise: ResidualNoise, examples: Sequence[tuple[Tensor, Decoded]]) -> None:
        """Set the strength of the residual noise, so that sounds of samples have the contrast of real sounds.

        A spectrogram with added noise is not the spectrogram of any sound; decoding it to a sound changes the noise.
        """
        x = torch.cat([real for real, _ in examples])
        mean, spread = torch.cat([out.mean for _, out in examples]), torch.cat([out.log_spread for _, out in examples])
        drawn = [noise.draw(generator(0, clip, "contrast")) for clip in range(len(x))]
        residuals = torch.stack(drawn) * torch.exp(spread)
        found = [self._decoded_contrast(mean + strength * residuals) for strength in STRENGTHS]
        noise.set_strength(found, self._decoded_contrast(x), self.config.residual_noise_gain)

    def _decoded_contrast(self, x: Tensor) -> Tensor:
        decoded = torch.cat([self.representation.decode(clip[None, None], generator(0)) for clip in x])
        return contrast(self.representation.encode(decoded[..., : self.samples])[:, 0], self.observation.audible)

    @torch.no_grad()
    def sample(self, call: Sampling, progress: Progress) -> Tensor:
        length, temperature, options, generators = call.length, call.temperature, call.options, call.generators
        rows = [torch.tensor(self.schema.encode(requested)) for requested in call.conditions]  # copied: aligned memory
        noise = float(options.get("residual_noise", 1.0)) * temperature
        if call.prompt is not None:
            continued = Continuation(self.network.decode, self.observation, self.representation, self.samples)
            clips = []
            for requested, rng in zip(call.conditions, generators, strict=True):
                starts = [self._start(requested, options, temperature, rng) for _ in range(STARTS)]
                clips.append(continued(call.prompt, starts, temperature, noise, rng)[:, :length])
            return torch.stack(clips)
        spectra = [
            self._varied(call.like, row, call.distance, noise, rng)
            if call.like
            else self._drawn(row, temperature, noise, options, rng)
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
        mean = self._mean(self.network.encode(x, conditions).mean, conditions)
        sounds = self.representation.decode_each(mean[:, None], [generator(0, row) for row in range(len(mean))])
        return sounds[..., : clips.audio.shape[-1]]

    def _mean(self, code: Tensor, conditions: Tensor) -> Tensor:
        """The mean spectrogram of codes, with nothing below the floor."""
        return self.observation.clamped(self.network.decode(code, conditions).mean)

    def _drawn(
        self, row: Tensor, temperature: float, noise: float, options: Mapping[str, Any], rng: Generator
    ) -> Tensor:
        """A new spectrogram, (frequency, frame)."""
        place = self._place(row, options, temperature, rng)
        code = place.centre + temperature * (place.factor @ torch.randn(self.config.latent, generator=rng))
        out = self.network.decode(code[None], row[None])
        return out.mean[0] + self.observation.draw_residual(out, noise, rng)

    def _place(self, row: Tensor, options: Mapping[str, Any], temperature: float, rng: Generator) -> Place:
        prior = options.get("prior", PRIORS[0])
        if prior == "normal":
            return Place(torch.zeros(self.config.latent), torch.eye(self.config.latent))
        return self.mixture.place(row, rng, temperature, self.config.smoothing if prior == "sounds" else 1.0)

    def _start(
        self, requested: Mapping[str, Value], options: Mapping[str, Any], temperature: float, rng: Generator
    ) -> Start:
        """Starting point of a search; conditions that were not requested are drawn."""
        row = torch.tensor(self.schema.encode(self.joint_distribution.complete(requested, rng)))
        return Start(row, self._place(row, options, temperature, rng))

    def _varied(self, like: Sequence[Tensor], row: Tensor, distance: float, noise: float, rng: Generator) -> Tensor:
        """The spectrogram of a variation of one sound, or of the point at `distance` (0 to 1) between two."""
        spectra = [self.representation.encode(sound[None])[:, 0] for sound in like]
        codes = [self.network.encode(x, row[None]).mean for x in spectra]
        residuals = [x - self._mean(code, row[None]) for x, code in zip(spectra, codes, strict=True)]  # 0 in silence
        if len(like) == 2:  # both ends are the sounds themselves
            mean = self._mean(torch.lerp(codes[0], codes[1], distance), row[None])
            return mean[0] + torch.lerp(residuals[0], residuals[1], distance)[0]
        code = codes[0] + distance * self.mixture.spread * torch.randn(self.config.latent, generator=rng)
        out = self.network.decode(code, row[None])
        kept = max(0.0, 1.0 - distance)
        mean = torch.lerp(out.mean[0], self.observation.clamped(out.mean[0]), kept)
        return mean + kept * residuals[0][0] + (1 - kept) * self.observation.draw_residual(out, noise, rng)

    def _levelled(self, sound: Tensor) -> Tensor:
        """Scale a sound so that its peak lies in the range of the training set, which the prior may leave."""
        peak = sound.abs().max()
        return sound * (peak.clamp(float(self.peaks[0]), float(self.peaks[1])) / peak) if peak > 0 else sound

    def _cut(self, sound: Tensor, length: int) -> Tensor:
        """The first samples of a sound, faded out over 10 ms if it is shorter than a clip."""
        sound = sound[:, :length].clone()
        samples = sound.shape[1]  # fewer than `length` in a sound that was stopped
        if samples < self.samples:
            fade = min(samples, self.representation.sample_rate // 100)
            sound[:, samples - fade :] *= torch.linspace(1, 0, fade)
        return sound


def _check_course(bands: int, frames: int, config: VAEConfig) -> None:
    wanted = (course.BINS + 1, course.FRAMES, course.LATENT)
    if (bands, frames, config.latent) != wanted:
        raise ValueError(
            f"the course's network takes {wanted[0]} bins, {wanted[1]} frames and {wanted[2]} latent dimensions, not "
            f"{bands}, {frames} and {config.latent}; use --preset course as it is, or network=bands"
        )
