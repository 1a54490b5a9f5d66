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

from soundloom.conditions.joint_distribution import JointDistribution
from soundloom.conditions.schema import Schema
from soundloom.contract import MODEL, ClipBatch, Clips, ConditionInput, NegativeLogLikelihood, Sampling, Stage, System
from soundloom.layers.attack import from_attack
from soundloom.representations import PCM, MuLaw, build
from soundloom.representations.protocol import Representation
from soundloom.representations.waveform import Waveform
from soundloom.runtime.generators import generator
from soundloom.runtime.progress import Progress, undisturbed
from soundloom.systems.wavenet.baselines import Yardsticks
from soundloom.systems.wavenet.likelihood import (
    Crop,
    Likelihood,
    bits_of,
    counts_of,
    crop_of,
    ends_of,
    mean_of,
    yardsticks_of,
)
from soundloom.systems.wavenet.network import Network, before_clip
from soundloom.systems.wavenet.options import CARD, OF_CLASSES, OPTIONS, check_options
from soundloom.systems.wavenet.sampler.weights import PRECISIONS
from soundloom.systems.wavenet.sampling import costs, draw
from soundloom.systems.wavenet.settings import PRESETS, WaveNetConfig

LONGEST_SECONDS = 24 * 3600
STUDIED = 64  # clips in a batch of what is looked at once
BATCH_SIZE_ON_CARD = 1024  # sounds
MEASURED = 8  # clips that precisions are measured by
FADE_SECONDS = 0.01  # at the end of a sound that was cut off


class WaveNet(System):
    """Autonomous, conditioned on any Category or Scalar, continuing; with `frames` also a vocoder."""

    PRESETS = PRESETS
    Config = WaveNetConfig
    config: WaveNetConfig
    continues = True
    sampling_batch_size = 16
    vocoder_preset = "vocoder"
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
        self.joint_distribution = JointDistribution(schema)
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
    def prepare(self, stage: Stage, clips: Clips, fresh: bool) -> None:
        """Fit the yardsticks to the training set; the network starts from its histogram."""
        self.yardsticks.fit(lambda: self._counted(clips))
        if fresh and self.config.classes:
            bits = self.yardsticks.bits(torch.arange(self.levels)[None])["unigram"][0]
            self.network.head.bias.copy_(-bits * math.log(2))

    def _counted(self, clips: Clips) -> Iterator[tuple[Tensor, Tensor]]:
        """Symbols of the training set, (batch, time), and which of them count: all but long silence after a sound."""
        for clip in clips.batches(STUDIED):
            audio = self.aligned(clip.audio)
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
            found.append(bits_of(outputs, crop.symbols[some, -crop.steps :], self.levels, self.config.classes))
        return torch.cat(found)

    @torch.no_grad()
    def negative_log_likelihood(self, clips: ClipBatch) -> NegativeLogLikelihood:
        audio = self.aligned(clips.audio)
        symbols = self.representation.encode(audio)[:, 0]
        crop = crop_of(symbols, audio[:, 0], torch.zeros(len(audio)), self.config, self.before, whole=True)
        found = {MODEL: self.bits(crop, clips.conditions, self.spectra(audio), None), **yardsticks_of(self, crop)}
        return NegativeLogLikelihood({name: mean_of(bits, crop.counted) for name, bits in found.items()}, "sample")

    @torch.no_grad()
    def finish(self, stage: Stage, clips: Clips) -> None:
        """Measure in which precision weights can be stored without being heard."""
        some = next(iter(clips.batches(MEASURED)))
        self.costs.copy_(costs(self, self.aligned(some.audio), some.conditions))

    def condition_inputs(self) -> tuple[ConditionInput, ...]:
        return (ConditionInput("network.code.weight", axis=1),) if self.network.code is not None else ()

    def sampling_options(self) -> dict[str, str]:
        return {name: said for name, said in OPTIONS.items() if self.config.classes or name not in OF_CLASSES}

    def sampling_batch_size_for(self, options: Mapping[str, Any]) -> int:
        return BATCH_SIZE_ON_CARD if options.get("device") == CARD else self.sampling_batch_size

    def check_options(self, options: Mapping[str, Any]) -> None:
        super().check_options(options)
        check_options(options)

    @torch.no_grad()
    def sample(self, call: Sampling, progress: Progress) -> Tensor:
        codes = torch.stack([torch.from_numpy(self.schema.encode(asked)) for asked in call.conditions])
        return self._faded(draw(self, call, codes, None, progress), call.given)

    @torch.no_grad()
    def vocode(
        self,
        spectra: Tensor,
        length: int,
        generators: Sequence[Generator],
        progress: Progress,
        temperature: float = 1.0,
    ) -> Tensor:
        call = Sampling(length, [{}] * len(spectra), generators, temperature=temperature)
        return draw(self, call, torch.zeros(len(spectra), self.schema.width), spectra, progress)

    @torch.no_grad()
    def reconstruct(self, clips: ClipBatch) -> Tensor | None:
        spectra = self.spectra(clips.audio)
        if spectra is None:
            return None
        call = Sampling(clips.audio.shape[2], [{}] * len(clips), [generator(0, row) for row in range(len(clips))])
        return draw(self, call, clips.conditions, spectra, undisturbed)

    def _faded(self, sounds: Tensor, given: int) -> Tensor:
        """A sound that is cut off before a clip would end goes out within 10 ms, and does not click."""
        fade = max(0, min(round(FADE_SECONDS * self.representation.sample_rate), sounds.shape[2] - given))
        if sounds.shape[2] < self.samples:
            sounds[..., sounds.shape[2] - fade :] *= torch.linspace(1, 0, fade)
        return sounds
