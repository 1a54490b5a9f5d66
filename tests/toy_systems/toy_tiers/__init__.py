"""Two tiers, as small as can be: a coarse mel spectrogram frame by frame, then its bands given the coarse ones."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from einops import rearrange, repeat
from torch import Tensor, nn

from soundloom.conditions.joint_distribution import JointDistribution
from soundloom.conditions.schema import Schema
from soundloom.contract import (
    MODEL,
    Batch,
    ClipBatch,
    Clips,
    DataSettings,
    Loss,
    NegativeLogLikelihood,
    Objective,
    Sampling,
    Stage,
    System,
)
from soundloom.representations.mel import MelSpectrogram
from soundloom.representations.protocol import Representation
from soundloom.runtime.progress import Progress

BANDS = 4  # of one coarse band
FLOOR = -4.0  # of the logarithm of a deviation


def mel(sample_rate: int) -> dict[str, Any]:
    return {"kind": "mel", "sample_rate": sample_rate, "bands": 32, "n_fft": 512, "hop": 256, "phase": "pghi"}


@dataclass(frozen=True, kw_only=True)
class TiersConfig(DataSettings):
    representation: dict[str, Any] = field(default_factory=lambda: mel(8000))
    seconds: float = 0.5
    batch_size: int = 8
    learning_rate: float = 1e-2
    fit_range: bool = True
    width: int = 32


class Tier(nn.Module):
    """The mean and the logarithm of the deviation of each number of a frame, given the frames before and a context."""

    def __init__(self, outputs: int, inputs: int, width: int) -> None:
        super().__init__()
        self.enter, self.memory = nn.Linear(inputs, width), nn.GRU(width, width, batch_first=True)
        self.head = nn.Linear(width, 2 * outputs)

    def forward(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Frames (batch, frame, inputs) to two of (batch, frame, outputs)."""
        mean, log_deviation = self.head(self.memory(torch.relu(self.enter(frames)))[0]).chunk(2, dim=-1)
        return mean, log_deviation.clamp(FLOOR, 2.0)


class TierLoss(Objective):
    """Nats for each number of a tier: normal, with floored deviations."""

    def __init__(self, system: ToyTiers, number: int) -> None:
        super().__init__()
        self.name = f"tier{number}"
        self.tier, self.number = system.tiers[number - 1], number
        self._system = (system,)  # in a tuple: the other tier's weights are not this objective's

    def moves(self) -> Iterable[nn.Parameter]:
        return self.tier.parameters()

    def optimizer(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.moves(), lr=self._system[0].config.learning_rate)

    def forward(self, batch: Batch, fraction: float) -> Loss:
        nats = self._system[0].nats(self.number, batch.x, batch.conditions)
        return Loss(nats.mean(), {})


class ToyTiers(System):
    """Autonomous, conditioned on any Category or Scalar."""

    PRESETS: ClassVar[Mapping[str, Any]] = {"tiny": TiersConfig()}
    Config = TiersConfig
    config: TiersConfig
    fine: Tensor

    def __init__(self, config: TiersConfig, representation: Representation, schema: Schema) -> None:
        super().__init__()
        assert isinstance(representation, MelSpectrogram)
        self.config, self.representation, self.schema = config, representation, schema
        self.samples = round(config.seconds * representation.sample_rate)
        self.frames, coarse = representation.length(self.samples), representation.bands // BANDS
        self.tiers = nn.ModuleList(
            (
                Tier(coarse, coarse + schema.width, config.width),
                Tier(representation.bands, coarse + schema.width, config.width),
            )
        )
        self.joint_distribution = JointDistribution(schema)
        self.register_buffer("fine", torch.zeros((), dtype=torch.bool))  # whether the second tier is trained

    def stages(self) -> tuple[Stage, ...]:
        return tuple(
            Stage(f"tier {number}", self.representation, (TierLoss(self, number),), playable=True) for number in (1, 2)
        )

    def finish(self, stage: Stage, clips: Clips) -> None:
        self.fine.fill_(stage.name == "tier 2")

    def coarse(self, x: Tensor) -> Tensor:
        """The first tier of a spectrogram (batch, 1, band, frame), (batch, frame, coarse band)."""
        return rearrange(x[:, 0], "batch (coarse band) frame -> batch frame coarse band", band=BANDS).mean(dim=-1)

    def given(self, frames: Tensor, rows: Tensor) -> Tensor:
        return torch.cat((frames, repeat(rows, "batch row -> batch frame row", frame=frames.shape[1])), dim=2)

    def nats(self, number: int, x: Tensor, rows: Tensor) -> Tensor:
        """-ln p of each number of a tier, (batch, frame, number)."""
        coarse = self.coarse(x)
        if number == 1:
            before = torch.cat((torch.zeros_like(coarse[:, :1]), coarse[:, :-1]), dim=1)
            target, (mean, log_deviation) = coarse, self.tiers[0](self.given(before, rows))
        else:
            target = rearrange(x[:, 0], "batch band frame -> batch frame band")
            mean, log_deviation = self.tiers[1](self.given(coarse, rows))
        scaled = (target - mean) * torch.exp(-log_deviation)
        return 0.5 * scaled.square() + log_deviation + 0.5 * math.log(2 * math.pi)

    @torch.no_grad()
    def sample(self, call: Sampling, progress: Progress) -> Tensor:
        spectra = []
        for number, (asked, rng) in enumerate(zip(call.conditions, call.generators, strict=True)):
            row = torch.from_numpy(self.schema.encode(asked))[None]
            coarse = torch.zeros(1, 1, self.representation.bands // BANDS)
            while coarse.shape[1] <= self.frames:
                mean, log_deviation = self.tiers[0](self.given(coarse, row))
                drawn = torch.randn(mean[:, -1:].shape, generator=rng)
                following = mean[:, -1:] + call.temperature * drawn * torch.exp(log_deviation[:, -1:])
                coarse = torch.cat((coarse, following), dim=1)
            coarse = coarse[:, 1:]
            if self.fine:
                mean, log_deviation = self.tiers[1](self.given(coarse, row))
                drawn = torch.randn(mean.shape, generator=rng)
                levels = mean + call.temperature * drawn * torch.exp(log_deviation)
            else:
                levels = coarse.repeat_interleave(BANDS, dim=2)
            spectra.append(rearrange(levels, "1 frame band -> 1 band frame"))
            if not progress(0.5 * (number + 1) / call.count, 0):
                return torch.zeros(call.count, 1, 0)
        sounds = self.representation.decode_each(torch.stack(spectra), call.generators)[..., : call.length]
        return torch.nn.functional.pad(sounds, (0, call.length - sounds.shape[-1]))

    @torch.no_grad()
    def negative_log_likelihood(self, clips: ClipBatch) -> NegativeLogLikelihood:
        x = self.representation.encode(clips.audio)
        nats = self.nats(2 if self.fine else 1, x, clips.conditions).mean(dim=(1, 2))
        return NegativeLogLikelihood({MODEL: nats / math.log(2)}, "element")


SYSTEM = ToyTiers
