"""DrumGAN: one-shots from a code and sliders, by a progressive Wasserstein GAN on the complex STFT.

Nistal, Lattner & Richard 2020, https://arxiv.org/abs/2008.12073
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Generator as Stream
from torch import Tensor

from soundloom.conditions import Schema, Value
from soundloom.joint import Joint
from soundloom.layers.attack import from_attack
from soundloom.representations.complex import ComplexSpectrum
from soundloom.representations.waveform import Waveform
from soundloom.system import Batch, Clips, Heed, Report, Representation, Stage, System
from soundloom.systems.drumgan.controls import Controls
from soundloom.systems.drumgan.critic import Critic
from soundloom.systems.drumgan.generator import Generator, on_sphere
from soundloom.systems.drumgan.growth import Growth, growth
from soundloom.systems.drumgan.layers import doubled
from soundloom.systems.drumgan.objectives import Criticism, Generation
from soundloom.systems.drumgan.plane import Plane
from soundloom.systems.drumgan.settings import PRESETS, DrumGANConfig

STUDIED = 8  # clips of each 64 that the scale of images is measured by
PEAK = 0.9  # of sounds as they are made
FADE_SECONDS = 0.01  # at the end of a sound


class DrumGAN(System):
    """Autonomous, conditioned on any Category or Scalar."""

    PRESETS = PRESETS
    Config = DrumGANConfig
    config: DrumGANConfig
    representation: ComplexSpectrum
    measured = 128
    running_growth: Tensor  # how far the networks have grown, as `Growth.number`

    def __init__(self, config: DrumGANConfig, representation: Representation, schema: Schema) -> None:
        super().__init__()
        assert isinstance(representation, ComplexSpectrum)
        self.config, self.representation, self.schema = config, representation, schema
        self.samples = round(config.seconds * representation.sample_rate)
        self.augmentation = config.augment
        self.levels = config.levels
        coarsening = 2 ** (self.levels - 1)
        self.plane = Plane(representation, self.samples, coarsening, config.power)
        coarsest = (self.plane.frequencies // coarsening, self.plane.frames // coarsening)
        self.controls = Controls(schema)
        self.generator = Generator(config.latent, self.controls.told, coarsest, config.widths)
        self.critic = Critic(self.controls.read, coarsest, config.widths, config.group)
        self.joint = Joint(schema)
        self.register_buffer("running_growth", torch.zeros(()))

    def stages(self) -> tuple[Stage, ...]:
        return (Stage("drumgan", Waveform(self.representation.sample_rate), (Criticism(self), Generation(self))),)

    @torch.no_grad()
    def study(self, clips: Clips) -> None:
        """Take the scale of images from the training set."""
        self.plane.fit(torch.cat([prepared(audio[:STUDIED]) for audio, _ in clips.batches(64)]))

    def grown(self, fraction: float) -> Growth:
        """How far the networks are: by the fraction while they train; else as far as training brought them."""
        if not self.training:
            return Growth.of(float(self.running_growth))
        now = growth(fraction, self.config.shares, self.config.fade)
        self.running_growth.fill_(now.number)
        return now

    def image_of(self, audio: Tensor) -> Tensor:
        """The whole images of clips (batch, 1, time), each from its attack on and at one peak."""
        return self.plane.encode(prepared(audio))

    def codes(self, batch: Batch, name: str) -> Tensor:
        """A code for each row of a batch, (rows, latent)."""
        return on_sphere(batch.normal(self.config.latent, name=f"codes {name}"))

    def asked(self, batch: Batch, name: str) -> Tensor:
        """What generated sounds are asked for: the controls of the batch's own sounds, some of them moved."""
        return self.controls.stray(self.controls(batch.conditions), batch, self.config.stray, f"stray {name}")

    def draw(self, batch: Batch, growth: Growth, name: str) -> Tensor:
        """Generated images, one for each row of a batch."""
        image: Tensor = self.generator(self.codes(batch, name), self.asked(batch, name), growth)
        return image

    @torch.no_grad()
    def sample(
        self,
        length: int,
        *,
        conditions: Sequence[Mapping[str, Value]],
        prompt: Tensor | None,
        like: Sequence[Tensor],
        distance: float,
        temperature: float,
        rngs: Sequence[Stream],
        report: Report,
        heed: Heed,
        options: Mapping[str, Any],
    ) -> Tensor:
        sounds = []
        for asked, rng in zip(conditions, rngs, strict=True):
            told = self.controls(torch.from_numpy(self.schema.encode(asked))[None])
            code = temperature * on_sphere(torch.randn(1, self.config.latent, generator=rng))
            sounds.append(self.heard(self.made(code, told))[0])
        return torch.stack([self.cut(sound, length) for sound in sounds])

    def made(self, code: Tensor, told: Tensor) -> Tensor:
        """Whole images of codes and controls, doubled where the networks have not grown to their full size."""
        now = Growth.of(float(self.running_growth))
        image: Tensor = self.generator(code, told, now)
        for _ in range(self.levels - 1 - now.level):
            image = doubled(image)
        return image

    def heard(self, image: Tensor) -> Tensor:
        """Clips (batch, 1, samples) of whole images."""
        return PEAK * self.plane.decode(image)[..., : self.samples]

    def cut(self, sound: Tensor, length: int) -> Tensor:
        """The first samples of a sound, (1, time), which goes out within 10 ms and stays within full scale."""
        sound = sound[:, :length] / sound.abs().max().clamp_min(1.0)
        fade = min(length, round(FADE_SECONDS * self.representation.sample_rate))
        sound[:, length - fade :] *= torch.linspace(1, 0, fade)
        return sound


def prepared(audio: Tensor) -> Tensor:
    """Clips (batch, 1, time) as they are learnt: from their attack on, their peak at 1; silence stays silent."""
    peaks = audio.abs().amax(dim=2, keepdim=True)
    return from_attack(audio / torch.where(peaks > 0, peaks, 1.0))
