"""The objective: bits for each sample, of crops whose predictions all see their whole receptive field.

A clip is preceded by a symbol of its own, endlessly, in training as in sampling.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F

from soundloom.contract import Batch, Loss, Objective
from soundloom.layers.condition_dropout import hide
from soundloom.systems.wavenet.linear_prediction import ORDER
from soundloom.systems.wavenet.logistics import log_probability
from soundloom.systems.wavenet.settings import WaveNetConfig

if TYPE_CHECKING:
    from soundloom.systems.wavenet.wavenet import WaveNet

SEEN = 2 * ORDER  # samples before the first that the yardsticks may look at
HEARD = 1e-3  # of a clip's peak: -60 dB, softer is silence


class Crop(NamedTuple):
    """Predictions asked of each clip, and the samples before them."""

    symbols: Tensor  # (batch, history + steps), the last `steps` are to be predicted
    position: Tensor  # (batch,), of the first predicted sample in its clip
    counted: Tensor  # (batch, steps), which predictions count
    heard: Tensor  # (batch, steps), which of them are not silence after a sound
    begins: bool = False  # whether these are whole clips: then symbols are (batch, first_kernel + steps)

    @property
    def steps(self) -> int:
        return self.counted.shape[1]


class Likelihood(Objective):
    """Bits per sample: the mean over clips of the mean over a clip's samples."""

    name = "likelihood"

    def __init__(self, wavenet: WaveNet) -> None:
        super().__init__()
        self.wavenet = wavenet

    def moves(self) -> Iterable[nn.Parameter]:
        return self.wavenet.parameters()

    def optimizer(self) -> torch.optim.Optimizer:
        config = self.wavenet.config
        return torch.optim.AdamW(self.moves(), lr=config.learning_rate, weight_decay=config.weight_decay)

    def forward(self, batch: Batch, fraction: float) -> Loss:
        wavenet, config = self.wavenet, self.wavenet.config
        audio = wavenet.aligned(batch.x)
        symbols = wavenet.representation.encode(audio)[:, 0]
        crop = crop_of(symbols, audio[:, 0], batch.uniform(1, name="crop")[:, 0], config, wavenet.before)
        share = config.unknown_share if wavenet.training else 0.0  # what is measured is asked for by all that is known
        drawn = batch.uniform(len(wavenet.schema.dense))
        nothing = batch.uniform(1, name="nothing") < share  # is said of these clips: guidance leads away from that
        codes = hide(batch.conditions, drawn.masked_fill(nothing, -1), wavenet.schema, share)
        hidden = batch.uniform(1, name="frames")[:, 0] < share
        bits = wavenet.bits(crop, codes, wavenet.spectra(audio), hidden)
        total = mean_of(bits, crop.counted).mean()
        sounding = crop.heard.any(dim=1).sum()  # a crop may lie in the silence after a sound
        parts = {"heard": mean_of(bits, crop.heard).sum() / sounding.clamp_min(1)}
        if not wavenet.training:
            theirs = yardsticks_of(wavenet, crop)
            parts |= {name: mean_of(found, crop.counted).mean() for name, found in theirs.items()}
        return Loss(total, parts)


def yardsticks_of(wavenet: WaveNet, crop: Crop) -> dict[str, Tensor]:
    """Bits that simple predictors take for the samples of a crop, (batch, steps) each."""
    seen = crop.symbols[:, -crop.steps - SEEN :]
    seen = torch.where(seen == wavenet.before, wavenet.yardsticks.silence, seen)
    return {name: bits[:, -crop.steps :] for name, bits in wavenet.yardsticks.bits(seen).items()}


def crop_of(
    symbols: Tensor, audio: Tensor, drawn: Tensor, config: WaveNetConfig, before: int, whole: bool = False
) -> Crop:
    """Where to look in each clip.

    A crop may lie anywhere from a clip's first sample to some silence after its last; at the edges more often than in
    between, so that beginnings are learnt as well as what follows. Where clips are no longer than a crop, they are
    taken whole, which costs no history.

    Args:
        symbols: whole clips, (batch, time).
        audio: the same clips as samples, (batch, time).
        drawn: uniform, (batch,).
        config: says how long a crop is and what it sees.
        before: the symbol that precedes a clip.
        whole: take whole clips, whatever a crop's length.
    """
    time, history = symbols.shape[1], config.history
    steps = time if whole else min(config.crop, time)
    ends = ends_of(audio)
    counts = counts_of(ends, time, config)
    if steps == time and config.context is None:
        steps = int(counts.max())  # what comes later is left out anyway
        places = torch.arange(steps, device=symbols.device)
        return Crop(
            F.pad(symbols[:, :steps], (config.first_kernel, 0), value=before),
            torch.zeros_like(counts),
            places < counts[:, None],
            places < ends[:, None],
            begins=True,
        )
    last = (counts - steps).clamp_min(0)
    begins = torch.minimum((drawn * (last + steps) - steps / 2).round().long().clamp_min(0), last)
    if config.context is not None:
        begins = torch.div(begins, config.context.stride, rounding_mode="floor") * config.context.stride
    padded = F.pad(symbols, (history, 0), value=before)
    places = begins[:, None] + torch.arange(history + steps, device=symbols.device)
    predicted = places[:, history:] - history
    return Crop(padded.gather(1, places), begins, predicted < counts[:, None], predicted < ends[:, None])


def ends_of(audio: Tensor) -> Tensor:
    """One after the last sample that is heard, of clips (batch, time); 0 for silence."""
    sounds = audio.abs() > HEARD * audio.abs().amax(dim=1, keepdim=True)
    return torch.where(sounds.any(dim=1), audio.shape[1] - sounds.flip(1).int().argmax(dim=1), 0)


def counts_of(ends: Tensor, time: int, config: WaveNetConfig) -> Tensor:
    """How many samples of clips of that time count, (batch,): to some silence after the end; one at the least."""
    return (ends + config.tail).clamp(1, time)


def mean_of(bits: Tensor, counted: Tensor) -> Tensor:
    """Each clip's mean over what counts in it, (batch,), of two (batch, steps); 0 where nothing counts."""
    return torch.where(counted, bits, 0.0).sum(dim=1) / counted.sum(dim=1).clamp_min(1)


def bits_of(outputs: Tensor, symbols: Tensor, levels: int, classes: bool) -> Tensor:
    """-log2 of the probability of symbols (batch, time) under a network's outputs (batch, output, time)."""
    if classes:
        rows = rearrange(
            outputs.float(), "batch level time -> (batch time) level"
        )  # several times as fast in this order
        return F.cross_entropy(rows, symbols.flatten(), reduction="none").view_as(symbols) / math.log(2)
    return -log_probability(outputs, symbols, levels) / math.log(2)
