"""WaveNet: the distribution of each sample given all samples before it, by a stack of dilated convolutions.

van den Oord et al. 2016, https://arxiv.org/abs/1609.03499; 16-bit samples as a mixture of logistics: van den Oord et
al. 2017, https://arxiv.org/abs/1711.10433; sampling with queues: Le Paine et al. 2016, https://arxiv.org/abs/1611.09482
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Generator, Tensor

from soundloom.conditions.joint_distribution import JointDistribution
from soundloom.conditions.schema import Schema
from soundloom.contract import MODEL, ClipBatch, Clips, ConditionInput, NegativeLogLikelihood, Sampling, Stage, System
from soundloom.representations import PCM, MuLaw, build
from soundloom.representations.protocol import Representation
from soundloom.representations.waveform import Waveform
from soundloom.runtime.generators import generator
from soundloom.runtime.progress import Progress, undisturbed
from soundloom.systems.wavenet.baselines import Baselines
from soundloom.systems.wavenet.clip_encoder import ClipEncoder
from soundloom.systems.wavenet.crops import counts_of, crop_of, ends_of, mean_of
from soundloom.systems.wavenet.likelihood import Likelihood, baseline_bits, crop_bits
from soundloom.systems.wavenet.network import Network, before_clip
from soundloom.systems.wavenet.options import CUDA, FOR_CLASSES, OPTIONS, check_options
from soundloom.systems.wavenet.sampler.weights import PRECISIONS
from soundloom.systems.wavenet.sampling import draw, precision_costs, settings_of
from soundloom.systems.wavenet.settings import PRESETS, WaveNetConfig

LONGEST_SECONDS = 24 * 3600
PREPARE_BATCH_SIZE = 64
CUDA_BATCH_SIZE = 1024
MEASURED_CLIPS = 8  # on which precisions are measured
FADE_SECONDS = 0.01  # at the end of a sound that is shorter than a clip


class WaveNet(System):
    """Free and conditioned generation, and continuation of prompts; with `frames` also a vocoder."""

    PRESETS = PRESETS
    Config = WaveNetConfig
    config: WaveNetConfig
    representation: MuLaw | PCM
    renamed_weights: ClassVar[Mapping[str, str]] = {**System.renamed_weights, "yardsticks.": "baselines."}
    continues = True
    sampling_batch_size = 16
    vocoder_preset = "vocoder"
    measured = 128
    costs: Tensor  # measured bits per sample with weights in each of PRECISIONS

    def __init__(self, config: WaveNetConfig, representation: Representation, schema: Schema) -> None:
        super().__init__()
        assert isinstance(representation, MuLaw | PCM)
        self.config, self.representation, self.schema = config, representation, schema
        self.samples = round(config.seconds * representation.sample_rate)
        self.augmentation = config.augment
        self.levels = int(representation.levels)
        self.network = Network(config, self.levels, schema.width)
        frames = None if config.frames is None else build(config.frames)
        at_attack = config.cut == "start" and frames is None
        self.encoder = ClipEncoder(representation, frames, at_attack, before_clip(self.levels, config.classes))
        self.baselines = Baselines(representation)
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
        return self.encoder.frames

    def stages(self) -> tuple[Stage, ...]:
        likelihood = Likelihood(self.network, self.baselines, self.encoder, self.schema)
        return (Stage("wavenet", Waveform(self.representation.sample_rate), (likelihood,)),)

    @torch.no_grad()
    def prepare(self, stage: Stage, clips: Clips, fresh: bool) -> None:
        """Fit the baselines to the training set; the network starts from the histogram of classes."""
        self.baselines.fit(lambda: self._counted(clips))
        if fresh and self.config.classes:
            bits = self.baselines.bits(torch.arange(self.levels)[None])["unigram"][0]
            self.network.head.bias.copy_(-bits * math.log(2))

    def _counted(self, clips: Clips) -> Iterator[tuple[Tensor, Tensor]]:
        """Symbols of the training set, (batch, time), and a mask of all but long silence after a sound."""
        for clip in clips.batches(PREPARE_BATCH_SIZE):
            audio = self.encoder.aligned(clip.audio)
            counts = counts_of(ends_of(audio[:, 0]), audio.shape[2], self.config)
            yield self.encoder.symbols(audio), torch.arange(audio.shape[2]) < counts[:, None]

    @torch.no_grad()
    def negative_log_likelihood(self, clips: ClipBatch) -> NegativeLogLikelihood:
        audio, before = self.encoder.aligned(clips.audio), self.encoder.before
        symbols, drawn = self.encoder.symbols(audio), torch.zeros(len(audio))
        crop = crop_of(symbols, audio[:, 0], drawn, self.config, before, whole=True)
        found = {
            MODEL: crop_bits(self.network, crop, clips.conditions, self.encoder.spectra(audio)),
            **baseline_bits(self.baselines, crop, before),
        }
        return NegativeLogLikelihood({name: mean_of(bits, crop.counted) for name, bits in found.items()}, "sample")

    @torch.no_grad()
    def finish(self, stage: Stage, clips: Clips) -> None:
        """Measure the cost in bits of storing weights in each precision."""
        some = next(iter(clips.batches(MEASURED_CLIPS)))
        audio = self.encoder.aligned(some.audio)
        self.costs.copy_(precision_costs(self.network, self.encoder, audio, some.conditions))

    def condition_inputs(self) -> tuple[ConditionInput, ...]:
        return (ConditionInput("network.code.weight", axis=1),) if self.network.code is not None else ()

    def sampling_options(self) -> dict[str, str]:
        return {name: text for name, text in OPTIONS.items() if self.config.classes or name not in FOR_CLASSES}

    def sampling_batch_size_for(self, options: Mapping[str, Any]) -> int:
        return CUDA_BATCH_SIZE if options.get("device") == CUDA else self.sampling_batch_size

    def check_options(self, options: Mapping[str, Any]) -> None:
        super().check_options(options)
        check_options(options)

    @torch.no_grad()
    def sample(self, call: Sampling, progress: Progress) -> Tensor:
        codes = torch.stack([torch.from_numpy(self.schema.encode(requested)) for requested in call.conditions])
        return self._faded_out(self._draw(call, codes, None, progress), call.given)

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
        return self._draw(call, torch.zeros(len(spectra), self.schema.width), spectra, progress)

    @torch.no_grad()
    def reconstruct(self, clips: ClipBatch) -> Tensor | None:
        spectra = self.encoder.spectra(clips.audio)
        if spectra is None:
            return None
        call = Sampling(clips.audio.shape[2], [{}] * len(clips), [generator(0, row) for row in range(len(clips))])
        return self._draw(call, clips.conditions, spectra, undisturbed)

    def _draw(self, call: Sampling, codes: Tensor, spectra: Tensor | None, progress: Progress) -> Tensor:
        settings = settings_of(self.network, codes, call.temperature, call.options, self.costs.tolist())
        return draw(self.network, self.representation, call, codes, spectra, settings, progress)

    def _faded_out(self, sounds: Tensor, given: int) -> Tensor:
        """Fade out sounds that are shorter than a clip over 10 ms, but none of the given samples."""
        fade = max(0, min(round(FADE_SECONDS * self.representation.sample_rate), sounds.shape[2] - given))
        if sounds.shape[2] < self.samples:
            sounds[..., sounds.shape[2] - fade :] *= torch.linspace(1, 0, fade)
        return sounds
