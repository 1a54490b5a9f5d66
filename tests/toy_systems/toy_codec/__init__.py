"""A codec, a prior and an upsampler, as small as can be: what a system of three stages asks of the contract.

Two independent vector quantisers see samples in long and in short frames. The prior predicts the coarse codes from
categories, numbers and a text; the upsampler predicts the fine codes from the coarse ones. The first stage has shorter
clips and larger batches than the others, and its code books follow moving averages without gradients.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Generator, Tensor, nn

from soundloom.conditions.joint_distribution import JointDistribution
from soundloom.conditions.schema import Schema
from soundloom.conditions.text import Tokens
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
from soundloom.representations.protocol import Representation, Untrained
from soundloom.representations.waveform import Waveform
from soundloom.runtime.progress import Progress

DECAY = 0.9  # of the code book


@dataclass(frozen=True, kw_only=True)
class CodecConfig(DataSettings):
    representation: dict[str, Any] = field(default_factory=lambda: {"kind": "waveform", "sample_rate": 8000})
    seconds: float = 0.5
    batch_size: int = 8
    learning_rate: float = 1e-2
    frames: tuple[int, int] = (200, 50)  # samples of a coarse and of a fine code
    codes: int = 24
    width: int = 32


class Quantiser(nn.Module):
    """Vectors (..., width) to the nearest of K codes; the book follows the mean of what each code stands for."""

    book: Tensor
    counts: Tensor
    totals: Tensor

    def __init__(self, codes: int, width: int) -> None:
        super().__init__()
        self.register_buffer("book", torch.randn(codes, width))
        self.register_buffer("counts", torch.ones(codes))
        self.register_buffer("totals", self.book.clone())

    def forward(self, vectors: Tensor) -> Tensor:
        return torch.cdist(vectors, self.book[None]).argmin(dim=-1)

    def sums(self, vectors: Tensor, codes: Tensor) -> tuple[Tensor, Tensor]:
        """How many vectors each code stands for, (K,), and their sum, (K, width)."""
        chosen = F.one_hot(codes.flatten(), len(self.book)).to(vectors.dtype)
        return chosen.sum(dim=0), chosen.T @ vectors.flatten(0, -2)

    @torch.no_grad()
    def follow(self, counts: Tensor, totals: Tensor) -> None:
        self.counts.mul_(DECAY).add_(counts, alpha=1 - DECAY)
        self.totals.mul_(DECAY).add_(totals, alpha=1 - DECAY)
        self.book.copy_(self.totals / self.counts.clamp_min(1e-3)[:, None])


class Codec(nn.Module, Untrained):
    """Samples to codes and back at one frame length: a trained representation."""

    def __init__(self, frame: int, codes: int, width: int, sample_rate: int) -> None:
        super().__init__()
        self.frame, self.sample_rate = frame, sample_rate
        self.analysis, self.synthesis = nn.Linear(frame, width), nn.Linear(width, frame)
        self.quantiser = Quantiser(codes, width)

    def vectors(self, audio: Tensor) -> Tensor:
        """(batch, 1, time) to (batch, frame, width)."""
        padded = F.pad(audio[:, 0], (0, -audio.shape[2] % self.frame))
        return self.analysis(rearrange(padded, "batch (frame sample) -> batch frame sample", sample=self.frame))

    def encode(self, audio: Tensor) -> Tensor:
        """Codes (batch, frame)."""
        return self.quantiser(self.vectors(audio))

    def decode(self, x: Tensor, rng: Generator | None = None) -> Tensor:
        return rearrange(self.synthesis(self.quantiser.book[x]), "batch frame sample -> batch 1 (frame sample)")

    def length(self, samples: int) -> int:
        return -(-samples // self.frame)


class Reconstruction(Objective):
    """Squared error of the decoded samples, with straight-through gradients, and the distance to the code book."""

    name = "reconstruction"

    def __init__(self, codecs: Sequence[Codec], learning_rate: float) -> None:
        super().__init__()
        self.codecs, self.learning_rate = nn.ModuleList(codecs), learning_rate

    def moves(self) -> Iterable[nn.Parameter]:
        return self.parameters()

    def statistics(self) -> Iterator[Tensor]:
        for codec in self.codecs:
            yield from codec.quantiser.buffers()

    def optimizer(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.moves(), lr=self.learning_rate)

    def forward(self, batch: Batch, fraction: float) -> Loss:
        parts, sums = {}, {}
        for number, codec in enumerate(self.codecs):
            vectors = codec.vectors(batch.x)
            codes = codec.quantiser(vectors.detach())
            nearest = codec.quantiser.book[codes]
            straight = vectors + (nearest - vectors).detach()
            back = rearrange(codec.synthesis(straight), "batch frame sample -> batch 1 (frame sample)")
            error = (back[..., : batch.x.shape[2]] - batch.x).square().mean()
            parts[f"level{number}"] = error + 0.1 * (vectors - nearest).square().mean()
            sums[f"counts{number}"], sums[f"totals{number}"] = codec.quantiser.sums(vectors.detach(), codes)
        return Loss(torch.stack(list(parts.values())).sum(), parts, sums)

    def update_statistics(self, sums: Mapping[str, Tensor], batch: Batch) -> None:
        for number, codec in enumerate(self.codecs):
            codec.quantiser.follow(sums[f"counts{number}"], sums[f"totals{number}"])


class Prior(nn.Module):
    """The next coarse code, given those before it, the conditions and the text."""

    def __init__(self, codes: int, width: int, schema: Schema) -> None:
        super().__init__()
        self.start = nn.Linear(schema.width, width) if schema.width else None
        if self.start is not None:
            nn.init.normal_(self.start.weight)  # so that conditions matter from the first step on
        self.letters = nn.ModuleDict(
            {text.name: nn.Embedding(len(text.alphabet) + 1, width, padding_idx=0) for text in schema.texts}
        )
        self.code, self.place = nn.Embedding(codes, width), nn.Linear(1, width)
        self.memory, self.head = nn.GRU(width, width, batch_first=True), nn.Linear(width, codes)

    def context(self, rows: Tensor, texts: Mapping[str, Tokens], begins: Tensor) -> Tensor:
        """What the first step is given, (batch, width)."""
        first = self.place(begins[:, None].float())
        first = first if self.start is None else first + self.start(rows)
        for name, table in self.letters.items():
            ids, lengths = texts[name]
            first = first + table(ids).sum(dim=1) / lengths.clamp_min(1)[:, None]
        return first

    def forward(self, context: Tensor, codes: Tensor) -> Tensor:
        """Logits (batch, frame, code), each of what follows the codes before it."""
        steps = torch.cat((context[:, None], self.code(codes[:, :-1]) + context[:, None]), dim=1)
        return self.head(self.memory(steps)[0])


class PriorLoss(Objective):
    """Nats for each coarse code."""

    name = "prior"

    def __init__(self, prior: Prior, learning_rate: float) -> None:
        super().__init__()
        self.prior, self.learning_rate = prior, learning_rate

    def moves(self) -> Iterable[nn.Parameter]:
        return self.prior.parameters()

    def optimizer(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.moves(), lr=self.learning_rate)

    def forward(self, batch: Batch, fraction: float) -> Loss:
        assert batch.begins is not None
        context = self.prior.context(batch.conditions, batch.texts, batch.begins)
        loss = F.cross_entropy(self.prior(context, batch.x).flatten(0, 1), batch.x.flatten())
        return Loss(loss, {})


class Both(Untrained):
    """Coarse and fine codes of the same clip, (batch, fine frame, 2): beside each fine code the coarse one over it, and
    which of its fine codes it is, as one number.
    """

    def __init__(self, coarse: Codec, fine: Codec) -> None:
        self.coarse, self.fine, self.sample_rate = coarse, fine, fine.sample_rate

    def encode(self, audio: Tensor) -> Tensor:
        fine = self.fine.encode(audio)
        return torch.stack((self.over(self.coarse.encode(audio))[:, : fine.shape[1]], fine), dim=2)

    def over(self, codes: Tensor) -> Tensor:
        """Coarse codes (batch, frame) as the upsampler reads them, (batch, fine frame)."""
        each = self.coarse.frame // self.fine.frame
        return (codes[:, :, None] * each + torch.arange(each)).flatten(1)

    def decode(self, x: Tensor, rng: Generator | None = None) -> Tensor:
        return self.fine.decode(x[..., 1])

    def length(self, samples: int) -> int:
        return self.fine.length(samples)


class Upsampler(Objective):
    """Nats for each fine code, given the coarse code over it."""

    name = "upsampler"

    def __init__(self, table: nn.Embedding, learning_rate: float) -> None:
        super().__init__()
        self.table, self.learning_rate = table, learning_rate

    def moves(self) -> Iterable[nn.Parameter]:
        return self.table.parameters()

    def optimizer(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.moves(), lr=10 * self.learning_rate)

    def forward(self, batch: Batch, fraction: float) -> Loss:
        return Loss(F.cross_entropy(self.table(batch.x[..., 0]).flatten(0, 1), batch.x[..., 1].flatten()), {})


class ToyCodec(System):
    """Autonomous, conditioned on anything, texts among it; continuing."""

    PRESETS: ClassVar[Mapping[str, Any]] = {"tiny": CodecConfig()}
    Config = CodecConfig
    reads_text = True
    continues = True
    config: CodecConfig
    stages_done: Tensor

    def __init__(self, config: CodecConfig, representation: Representation, schema: Schema) -> None:
        super().__init__()
        assert isinstance(representation, Waveform)
        self.config, self.representation, self.schema = config, representation, schema
        self.samples = round(config.seconds * representation.sample_rate)
        self.coarse, self.fine = (
            Codec(frame, config.codes, config.width, representation.sample_rate) for frame in config.frames
        )
        self.prior = Prior(config.codes, config.width, schema)
        self.upsampler = nn.Embedding(config.codes * config.frames[0] // config.frames[1], config.codes)
        self.joint_distribution = JointDistribution(schema)
        self.register_buffer("stages_done", torch.zeros((), dtype=torch.long))

    def stages(self) -> tuple[Stage, ...]:
        rate = self.config.learning_rate
        return (
            Stage(
                "codec",
                self.representation,
                (Reconstruction((self.coarse, self.fine), rate),),
                share=2.0,
                seconds=self.config.seconds / 2,
                batch_size=2 * self.config.batch_size,
                playable=False,
            ),
            Stage("prior", self.coarse, (PriorLoss(self.prior, rate),)),
            Stage("upsampler", Both(self.coarse, self.fine), (Upsampler(self.upsampler, rate),)),
        )

    @torch.no_grad()
    def prepare(self, stage: Stage, clips: Clips, fresh: bool) -> None:
        """Begin the code books with vectors of the training set."""
        if stage.name != "codec" or not fresh:
            return
        audio = torch.cat([batch.audio for batch in clips.batches(64)])
        for codec in (self.coarse, self.fine):
            vectors = codec.vectors(audio).flatten(0, 1)
            rows = torch.linspace(0, len(vectors) - 1, len(codec.quantiser.book)).long()
            codec.quantiser.book.copy_(vectors[rows])
            codec.quantiser.totals.copy_(vectors[rows])

    def finish(self, stage: Stage, clips: Clips) -> None:
        self.stages_done.fill_([each.name for each in self.stages()].index(stage.name) + 1)

    @torch.no_grad()
    def sample(self, call: Sampling, progress: Progress) -> Tensor:
        frames = self.coarse.length(call.length)
        levels = 2 if self.stages_done > 2 else 1
        rows = torch.stack([torch.from_numpy(self.schema.encode(asked)) for asked in call.conditions])
        texts = self.schema.tokens(call.conditions)
        sounds: list[Tensor] = []
        for number, rng in enumerate(call.generators):
            here = slice(number, number + 1)
            mine = {name: Tokens(ids[here], lengths[here]) for name, (ids, lengths) in texts.items()}
            context = self.prior.context(rows[here], mine, torch.zeros(1))
            known = torch.zeros(1, 0, dtype=torch.long)
            if call.prompt is not None:
                whole = call.given // self.coarse.frame * self.coarse.frame
                known = self.coarse.encode(call.prompt[None, :, :whole])
            codes = known
            while codes.shape[1] < frames:
                logits = self.prior(context, F.pad(codes, (0, 1)))[0, -1]
                codes = torch.cat((codes, self._draw(logits[None], call.temperature, rng)[None]), dim=1)
            if levels == 2:
                over = Both(self.coarse, self.fine).over(codes)[0]
                sound = self.fine.decode(self._draw(self.upsampler(over), call.temperature, rng)[None])
            else:
                sound = self.coarse.decode(codes)
            sound = sound[0, :, : call.length]
            if call.prompt is not None:
                sound[:, : call.given] = call.prompt
            sounds.append(sound)
            if not progress((number + 1) / call.count, call.given) and len(sounds) < call.count:
                return torch.stack(sounds)[:, :, : call.given].expand(call.count, 1, call.given)
        return torch.stack(sounds)

    def _draw(self, logits: Tensor, temperature: float, rng: Generator) -> Tensor:
        """A code for each row of logits (row, code), (row,)."""
        if temperature < 1e-6:
            return logits.argmax(dim=1)
        return torch.multinomial(torch.softmax(logits / temperature, dim=1), 1, generator=rng)[:, 0]

    @torch.no_grad()
    def negative_log_likelihood(self, clips: ClipBatch) -> NegativeLogLikelihood:
        codes = self.coarse.encode(clips.audio)
        begins = torch.zeros(len(clips)) if clips.begins is None else clips.begins
        logits = self.prior(self.prior.context(clips.conditions, clips.texts, begins), codes)
        nats = F.cross_entropy(logits.transpose(1, 2), codes, reduction="none").mean(dim=1)
        uniform = torch.full((len(clips),), float(torch.tensor(self.config.codes).log2()))
        return NegativeLogLikelihood({MODEL: nats / torch.tensor(2.0).log(), "uniform": uniform}, "token")


SYSTEM = ToyCodec
