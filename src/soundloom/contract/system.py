"""A system: a model family behind one contract. It is trained in stages and then sampled."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from torch import Generator, Tensor, nn

from soundloom.conditions.joint_distribution import JointDistribution
from soundloom.conditions.schema import Schema
from soundloom.contract.augmentation import Augmentation
from soundloom.contract.clips import ClipBatch, Clips
from soundloom.contract.condition_inputs import ConditionInput
from soundloom.contract.data_settings import DataSettings
from soundloom.contract.likelihood import NegativeLogLikelihood
from soundloom.contract.sampling import Sampling
from soundloom.contract.stage import Stage
from soundloom.representations.protocol import Representation
from soundloom.runtime.progress import Progress
from soundloom.runtime.settings import nearest


class System(nn.Module, ABC):
    """A model family; `PRESETS` names its settings, the first of them for any sounds."""

    PRESETS: ClassVar[Mapping[str, Any]]
    Config: ClassVar[type[DataSettings]]
    reads_text: ClassVar[bool] = False  # can it be asked for Text conditions?
    training_only: ClassVar[tuple[str, ...]] = ()  # how the names of weights begin that checkpoints leave out
    renamed_weights: ClassVar[Mapping[str, str]] = {"joint.": "joint_distribution."}  # beginnings of names: before, now
    renamed_settings: ClassVar[Mapping[str, str]] = {}  # names of settings in earlier versions, and now
    renamed_options: ClassVar[Mapping[str, str]] = {}  # names of sampling options in earlier versions, and now
    vocoder_preset: ClassVar[str | None] = None  # the preset that trains it as a vocoder, where it can be one

    config: Any
    representation: Representation
    schema: Schema
    unfinished: str | None = None  # the stage that training stopped in, where the system cannot be sampled yet
    joint_distribution: JointDistribution  # of conditions in the training set: draws those that a request leaves out
    samples: int  # length of a clip, in samples at representation.sample_rate
    sampling_batch_size: int = 1  # clips that one call of `sample` makes most quickly
    measured: int = 512  # held-out clips that losses are measured on, at most; fewer where a clip takes long
    continues: bool = False  # can it carry on from a prompt?
    resembles: bool = False  # can it vary a given sound, or go from one to another?
    augmentation: Augmentation = Augmentation()

    @property
    def longest(self) -> int:
        """Samples of the longest sound that can be asked for."""
        return self.samples

    @abstractmethod
    def stages(self) -> tuple[Stage, ...]:
        """The jobs of training, in order."""

    def prepare(self, stage: Stage, clips: Clips, fresh: bool) -> None:
        """Look at the training set once before a stage: statistics, starting points. Kept in saved buffers.

        Args:
            stage: that begins.
            clips: its training set.
            fresh: whether the weights are new; else they are a trained model's, whose scales must stay.
        """

    def finish(self, stage: Stage, clips: Clips) -> None:
        """Look at the training set before sampling (previews, the end of a stage): for example fit a prior to codes."""

    @abstractmethod
    def sample(self, call: Sampling, progress: Progress) -> Tensor:
        """Make the clips of one call: (count, channel, length) samples at the representation's rate.

        Args:
            call: what is asked.
            progress: called now and then, where a call lasts longer than a moment, with the share of the work that is
                done (0 to 1) and with the samples of each clip that are there, the prompt among them. When it returns
                False, the clips are returned as far as they are done.
        """

    def reconstruct(self, clips: ClipBatch) -> Tensor | None:
        """What the system keeps of sounds: encoded and decoded, as closely as it can.

        Returns:
            (batch, channel, time), or None for a system that has no code of a whole sound.
        """
        return None

    def negative_log_likelihood(self, clips: ClipBatch) -> NegativeLogLikelihood | None:
        """How badly the system and simple baselines predict sounds; None if the system has no likelihood."""
        return None

    def condition_inputs(self) -> tuple[ConditionInput, ...]:
        """Where weights meet condition columns, so that fine-tuning keeps what was learned of conditions that stay."""
        return ()

    @property
    def vocodes(self) -> Representation | None:
        """The spectrogram that `vocode` makes sounds of, or None for a system that is no vocoder."""
        return None

    def vocode(self, spectra: Tensor, length: int, generators: Sequence[Generator], progress: Progress) -> Tensor:
        """Sounds that have given spectra.

        Args:
            spectra: as `vocodes` encodes single channels, (batch, frequency, frame).
            length: samples to make, at the rate of `vocodes`.
            generators: sound i draws from generators[i] alone.
            progress: as in `sample`.

        Returns:
            (batch, 1, length).
        """
        raise NotImplementedError(f"{type(self).__name__} is no vocoder: it vocodes {self.vocodes}")

    def sampling_batch_size_for(self, options: Mapping[str, Any]) -> int:
        """Clips that one call of `sample` makes most quickly with these sampling settings."""
        return self.sampling_batch_size

    def sampling_options(self) -> dict[str, str]:
        """Names of the sampling settings that this system alone has, with a sentence each."""
        return {}

    def current_options(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Sampling settings that an earlier version wrote, under their present names."""
        return {self.renamed_options.get(name, name): value for name, value in options.items()}

    def check_options(self, options: Mapping[str, Any]) -> None:
        """Refuse sampling settings that this system does not have, or values that they cannot take.

        Raises:
            ValueError: the message names what is possible.
        """
        for name in options:
            if name in self.renamed_options:
                raise ValueError(
                    f"the sampling option {name!r} is now called {self.renamed_options[name]!r}; write that"
                )
            if name not in self.sampling_options():
                raise ValueError(f"no sampling option {name!r}; {nearest(name, self.sampling_options())}")
