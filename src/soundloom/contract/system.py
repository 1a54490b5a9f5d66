"""The contract: what a system promises, and what the training loop and the generator ask of it.

A *system* is a model family. It is trained in *stages*; a stage has a *representation* (how it sees a clip) and
*objectives* (one loss each, and the parameters that it alone moves). Nothing outside knows a system by name.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Protocol

import torch
from torch import Generator, Tensor, nn

from soundloom.conditions.joint_distribution import Joint
from soundloom.conditions.schema import Schema, Value
from soundloom.representations.protocol import Representation
from soundloom.runtime.generators import stream
from soundloom.runtime.progress import Progress
from soundloom.runtime.settings import nearest

MODEL = "model"  # the system itself, among those that foresee a sound


class Loss(NamedTuple):
    """What an objective returns: the scalar to descend, and the named parts for the log."""

    total: Tensor
    parts: dict[str, Tensor]


@dataclass(frozen=True)
class Batch:
    """This process's rows of one training batch.

    Draws are made for the whole batch and cut, so that one process and two processes train on the same numbers.
    """

    x: Tensor  # (rows, ...), encoded
    conditions: Tensor  # (rows, schema.width)
    seed: int
    step: int
    first_row: int = 0
    all_rows: int | None = None

    def normal(self, *shape: int, name: str = "normal") -> Tensor:
        """Standard normal draws, (rows, *shape): a function of (seed, step, name) and the row alone."""
        everyone = self.all_rows or len(self.x)
        drawn = torch.randn((everyone, *shape), generator=stream(self.seed, self.step, name))
        return drawn[self.first_row : self.first_row + len(self.x)].to(self.x.device)

    def uniform(self, *shape: int, name: str = "uniform") -> Tensor:
        """Uniform draws in [0, 1), (rows, *shape); see `normal`."""
        everyone = self.all_rows or len(self.x)
        drawn = torch.rand((everyone, *shape), generator=stream(self.seed, self.step, name))
        return drawn[self.first_row : self.first_row + len(self.x)].to(self.x.device)


@dataclass(frozen=True)
class Augmentation:
    """Changes that leave a sound what it is; drawn anew for each clip and step."""

    gain_db: float = 0.0  # louder or softer by up to this
    shift_seconds: float = 0.0  # later by up to this, silence before
    tilt_db: float = 0.0  # brighter or darker: a smooth filter, each of its three waves up to this
    decay_db_per_second: float = 0.0  # dying away faster by up to this, half of the time
    speed_semitones: float = 0.0  # played faster or slower, so higher or lower, by up to this

    def __post_init__(self) -> None:
        for name, most in vars(self).items():
            if not 0 <= most < math.inf:
                raise ValueError(f"augment.{name} is {most:g} but must be at least 0 and finite; 0 leaves that out")


class Objective(nn.Module, ABC):
    """One loss and the parameters that it alone moves."""

    name: str
    idle: bool = False  # may some of its parameters take no part in a step?
    contested: bool = False  # does another objective of the stage work against it, so that it need not fall?

    def optimizer(self) -> torch.optim.Optimizer:
        """Moves `moves()`; the loop scales each group's learning rate by its schedule."""
        return torch.optim.Adam(list(self.moves()), lr=1e-3)

    @abstractmethod
    def moves(self) -> Iterable[nn.Parameter]:
        """The parameters that this loss moves, and no other objective of the stage does."""

    @abstractmethod
    def forward(self, batch: Batch, fraction: float) -> Loss:
        """The loss of a batch; `fraction` (0 to 1) is how much of the training is done, for schedules."""


@dataclass(frozen=True)
class Stage:
    """What is trained in one job."""

    name: str
    representation: Representation
    objectives: tuple[Objective, ...]


class Clips(Protocol):
    """What a system may ask of its training set before or after training: encoded batches in a fixed order."""

    def __len__(self) -> int: ...

    def batches(self, size: int, change: Augmentation | None = None, draw: int = 0) -> Iterable[tuple[Tensor, Tensor]]:
        """Audio (batch, channel, time) with condition codes (batch, schema.width), every clip once.

        With `change` each clip is augmented; another `draw`, other changes.
        """
        ...


Report = Callable[[str], None]


class System(nn.Module, ABC):
    """A model family behind one contract."""

    PRESETS: ClassVar[Mapping[str, Any]]
    Config: ClassVar[type[Any]]
    config: Any
    representation: Representation
    schema: Schema
    joint: Joint  # what goes with what in the training set: draws the conditions that a request leaves out
    samples: int  # length of a clip, in samples at representation.sample_rate
    together: int = 1  # clips that one call of sample makes most quickly
    measured: int = 512  # held-out clips that losses are measured on, at most; fewer where a clip takes long
    continues: bool = False  # can it carry on from a prompt?
    resembles: bool = False  # can it vary a given sound, or go from one to another?
    augmentation: Augmentation = Augmentation()
    left_out: tuple[str, ...] = ()  # how the names of weights begin that only training needs: checkpoints lack them

    @property
    def longest(self) -> int:
        """Samples of the longest sound that can be asked for."""
        return self.samples

    @abstractmethod
    def stages(self) -> tuple[Stage, ...]:
        """The jobs of training, in order."""

    def study(self, clips: Clips) -> None:
        """Look at the training set once before training: statistics, starting points. Kept in saved buffers."""

    def settle(self, clips: Clips) -> None:
        """Look at the training set before sampling (previews, the end): for example fit a prior to the codes."""

    @abstractmethod
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
        """Make one clip for each stream of `rngs`: (count, channel, length) samples at the representation's rate.

        Args:
            length: samples to deliver, at most `longest`.
            conditions: for each clip, all of them; with `prompt` or `like` only what was asked, since the given sound
                says the rest.
            prompt: (channel, time) samples that every clip starts with, or None.
            like: no sound; one, (channel, time), to vary; or two, for a point between them.
            distance: how far variations go: 0 is the sound itself, 1 as far as training sounds lie apart; on a path
                between two, the share of the way (0 is the first, 1 the second).
            temperature: 1 samples the model's own distribution, less is safer, 0 is its mode or mean.
            rngs: clip i draws from rngs[i] alone, so that it does not depend on its neighbours.
            report: takes a sentence about what the system did with these clips that the caller should know.
            progress: is told now and then, where a call lasts longer than a moment, how many samples of each clip are
                there, the prompt among them; when it answers False, the clips are returned as far as they are.
            options: settings of sampling that only this system has (`sampling_options` names them).
        """

    def reconstruct(self, audio: Tensor, conditions: Tensor) -> Tensor | None:
        """What the system keeps of sounds: encoded to its codes and decoded, as near as it can come.

        Args:
            audio: (batch, channel, time) at the representation's rate.
            conditions: their condition rows, (batch, schema.width).

        Returns:
            (batch, channel, time), or None for a system that has no code of a whole sound.
        """
        return None

    def surprise(self, audio: Tensor, conditions: Tensor) -> Mapping[str, Tensor] | None:
        """How badly the system foresees sounds, and how badly simple predictors beside it do.

        Args:
            audio: (batch, channel, time) at the representation's rate.
            conditions: their condition rows, (batch, schema.width).

        Returns:
            Bits per sample of each sound, (batch,): of the system under `MODEL`, of the predictors under their names;
            or None for a system that has no likelihood.
        """
        return None

    @property
    def vocodes(self) -> Representation | None:
        """The spectrogram that `vocode` makes sounds of, or None for a system that is no vocoder."""
        return None

    def vocode(self, spectra: Tensor, length: int, rngs: Sequence[Generator], progress: Progress) -> Tensor:
        """Sounds that have given spectra.

        Args:
            spectra: as `vocodes` encodes single channels, (batch, frequency, frame).
            length: samples to make, at the rate of `vocodes`.
            rngs: sound i draws from rngs[i] alone.
            progress: as in `sample`.

        Returns:
            (batch, 1, length).
        """
        raise NotImplementedError(f"{type(self).__name__} is no vocoder: it vocodes {self.vocodes}")

    def at_once(self, options: Mapping[str, Any]) -> int:
        """Clips that one call of `sample` makes most quickly with these sampling settings."""
        return self.together

    def sampling_options(self) -> dict[str, str]:
        """Names of the sampling settings that this system alone has, with a sentence each."""
        return {}

    def check_options(self, options: Mapping[str, Any]) -> None:
        """Refuse sampling settings that this system does not have, or values that they cannot take.

        Raises:
            ValueError: says what is possible.
        """
        for name in options:
            if name not in self.sampling_options():
                raise ValueError(f"no sampling option {name!r}; {nearest(name, self.sampling_options())}")
