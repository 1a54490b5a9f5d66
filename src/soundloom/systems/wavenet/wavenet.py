"""WaveNet: the distribution of each sample given all samples before it, by a stack of dilated convolutions.

van den Oord et al. 2016, https://arxiv.org/abs/1609.03499; 16-bit samples as a mixture of logistics: van den Oord et
al. 2017, https://arxiv.org/abs/1711.10433; sampling with queues: Le Paine et al. 2016, https://arxiv.org/abs/1611.09482
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Generator, Tensor

from soundloom.conditions.joint_distribution import Joint
from soundloom.conditions.schema import Schema, Value
from soundloom.contract.system import MODEL, Clips, Report, Stage, System
from soundloom.layers.attack import from_attack
from soundloom.representations import PCM, MuLaw, build
from soundloom.representations.protocol import Representation
from soundloom.representations.waveform import Waveform
from soundloom.runtime.generators import stream
from soundloom.runtime.progress import Progress
from soundloom.systems.wavenet.baselines import Yardsticks
from soundloom.systems.wavenet.likelihood import (
    Crop,
    Likelihood,
    counts_of,
    crop_of,
    ends_of,
    mean_of,
    surprise,
    yardsticks_of,
)
from soundloom.systems.wavenet.network import Network, before_clip
from soundloom.systems.wavenet.options import CARD, OF_CLASSES, OPTIONS, check_options
from soundloom.systems.wavenet.sampler.weights import PRECISIONS
from soundloom.systems.wavenet.sampling import costs, draw
from soundloom.systems.wavenet.settings import PRESETS, WaveNetConfig

LONGEST_SECONDS = 24 * 3600
STUDIED = 64  # clips in a batch of what is looked at once
TOGETHER_ON_CARD = 1024  # sounds
MEASURED = 8  # clips that precisions are measured by
FADE_SECONDS = 0.01  # at the end of a sound that was cut off


class WaveNet(System):
    """Autonomous, conditioned on any Category or Scalar, continuing; with `frames` also a vocoder."""

    PRESETS = PRESETS
    Config = WaveNetConfig
    config: WaveNetConfig
    continues = True
    together = 16
    measured = 128
    costs: Tensor  # bits per sample with weights in each of PRECISIONS, as measured

    def __init__(self, config: WaveNetConfig, representation: Representation, schema: Schema) -> None:
        super().__init__()
        assert isinstance(representation, MuLaw | PCM)
        self.config, self.representation, self.schema = config, representation, schema
        self.samples = round(config.seconds * representation.sample_rate)
        self.augmentation = config.augment
        self.levels = int(representation.levels)
        self.before = before_clip(self.levels, config.classes)
        self.network = Network(config, self.levels, schema.width)
        self.frames = None if config.frames is None else build(config.frames)
        self.yardsticks = Yardsticks(representation)
        self.joint = Joint(schema)
        self.register_buffer("costs", torch.ones(len(PRECISIONS)))

    @property
    def longest(self) -> int:
        return LONGEST_SECONDS * self.representation.sample_rate

    @property
    def receptive_field(self) -> int:
        """Samples before the predicted one that can matter to it."""
        return self.config.receptive_field

    @property
    def vocodes(self) -> Representation | None:
        return self.frames

    def stages(self) -> tuple[Stage, ...]:
        return (Stage("wavenet", Waveform(self.representation.sample_rate), (Likelihood(self),)),)

    @torch.no_grad()
    def study(self, clips: Clips) -> None:
        """Fit the yardsticks to the training set; the network starts from its histogram."""
        self.yardsticks.fit(lambda: self._counted(clips))
        if self.config.classes:
            bits = self.yardsticks.bits(torch.arange(self.levels)[None])["unigram"][0]
            self.network.head.bias.copy_(-bits * math.log(2))

    def _counted(self, clips: Clips) -> Iterator[tuple[Tensor, Tensor]]:
        """Symbols of the training set, (batch, time), and which of them count: all but long silence after a sound."""
        for clip, _ in clips.batches(STUDIED):
            audio = self.aligned(clip)
            counts = counts_of(ends_of(audio[:, 0]), audio.shape[2], self.config)
            yield self.representation.encode(audio)[:, 0], torch.arange(audio.shape[2]) < counts[:, None]

    def aligned(self, audio: Tensor) -> Tensor:
        """Clips (batch, 1, time) as they are learned: one-shots from their attack on, others as they are."""
        return from_attack(audio) if self.config.cut == "start" and self.frames is None else audio

    def spectra(self, audio: Tensor) -> Tensor | None:
        """The frames that a vocoder is given for clips (batch, 1, time): (batch, band, frame), else None."""
        return None if self.frames is None else self.frames.encode(audio)[:, 0]

    def bits(self, crop: Crop, codes: Tensor, spectra: Tensor | None, hidden: Tensor | None) -> Tensor:
        """-log2 of the probability of each sample of a crop, (batch, steps)."""
        found = []
        for first in range(0, len(codes), self.config.batch_size):  # more at once would leave the cache
            some = slice(first, first + self.config.batch_size)
            outputs = self.network(
                crop.symbols[some, :-1],
                codes[some],
                crop.steps,
                None if spectra is None else spectra[some],
                None if hidden is None else hidden[some],
                crop.position[some],
                crop.begins,
            )
            found.append(surprise(outputs, crop.symbols[some, -crop.steps :], self.levels, self.config.classes))
        return torch.cat(found)

    @torch.no_grad()
    def surprise(self, audio: Tensor, conditions: Tensor) -> dict[str, Tensor]:
        audio = self.aligned(audio)
        symbols = self.representation.encode(audio)[:, 0]
        crop = crop_of(symbols, audio[:, 0], torch.zeros(len(audio)), self.config, self.before, whole=True)
        mine = self.bits(crop, conditions, self.spectra(audio), None)
        return {name: mean_of(bits, crop.counted) for name, bits in {MODEL: mine, **yardsticks_of(self, crop)}.items()}

    @torch.no_grad()
    def settle(self, clips: Clips) -> None:
        """Measure in which precision weights can be stored without being heard."""
        audio, codes = next(iter(clips.batches(MEASURED)))
        self.costs.copy_(costs(self, self.aligned(audio), codes))

    def sampling_options(self) -> dict[str, str]:
        return {name: said for name, said in OPTIONS.items() if self.config.classes or name not in OF_CLASSES}

    def at_once(self, options: Mapping[str, Any]) -> int:
        return TOGETHER_ON_CARD if options.get("device") == CARD else self.together

    def check_options(self, options: Mapping[str, Any]) -> None:
        super().check_options(options)
        check_options(options)

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
        rngs: Sequence[Generator],
        report: Report,
        progress: Progress,
        options: Mapping[str, Any],
    ) -> Tensor:
        codes = torch.stack([torch.from_numpy(self.schema.encode(asked)) for asked in conditions])
        sounds = draw(self, length, codes, None, prompt, temperature, rngs, progress, options)
        return self._faded(sounds, 0 if prompt is None else prompt.shape[1])

    @torch.no_grad()
    def vocode(
        self, spectra: Tensor, length: int, rngs: Sequence[Generator], progress: Progress, temperature: float = 1.0
    ) -> Tensor:
        """Samples that have given mel frames.

        Args:
            spectra: as `self.frames` encodes them, (batch, band, frame).
            length: samples to make.
            rngs: one stream for each.
            progress: as in `sample`.
            temperature: 1 samples the model's own distribution.

        Returns:
            (batch, 1, length).
        """
        codes = torch.zeros(len(spectra), self.schema.width)
        return draw(self, length, codes, spectra, None, temperature, rngs, progress, {})

    @torch.no_grad()
    def reconstruct(self, audio: Tensor, conditions: Tensor) -> Tensor | None:
        spectra = self.spectra(audio)
        if spectra is None:
            return None
        rngs = [stream(0, row) for row in range(len(audio))]
        return draw(self, audio.shape[2], conditions, spectra, None, 1.0, rngs, lambda _: True, {})

    def _faded(self, sounds: Tensor, given: int) -> Tensor:
        """A sound that is cut off before a clip would end goes out within 10 ms, and does not click."""
        fade = max(0, min(round(FADE_SECONDS * self.representation.sample_rate), sounds.shape[2] - given))
        if sounds.shape[2] < self.samples:
            sounds[..., sounds.shape[2] - fade :] *= torch.linspace(1, 0, fade)
        return sounds
