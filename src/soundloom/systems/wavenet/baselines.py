"""Three simple predictors of the next sample. A WaveNet that needs as many bits as they do has learned nothing.

They are the frequency of each class, the frequency of each class after another, and linear prediction. All are fitted
to the training set.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from soundloom.representations import PCM, MuLaw
from soundloom.systems.wavenet.linear_prediction import FITTED_SAMPLES, Bins, LinearPrediction, moments

CLASSES = 256  # mu-law classes that are counted, whatever the number of levels
UNSEEN = 0.5  # added to each count: Krichevsky & Trofimov 1981, https://doi.org/10.1109/TIT.1981.1056331
Batches = Iterable[
    tuple[Tensor, Tensor]
]  # symbols (batch, time) int64, and a mask of those that count, (batch, time) bool


class Tables(NamedTuple):
    """Properties of levels, indexed by level."""

    amplitude: Tensor  # (level,), relative to that of silence, double
    edges: Tensor  # (level + 1,): bounds between levels, relative to that of silence, double; infinite at the ends
    kind: Tensor  # (level,): its mu-law class; classes without a level are left out
    evenly: Tensor  # (level,): log2 of the number of levels in its class


class Baselines(nn.Module):
    """Bits for each sample by the three predictors, `fit` to a training set and kept in saved buffers."""

    unigram: Tensor  # (class,): log2 of its frequency
    markov: Tensor  # (previous class, class): log2 of its frequency after the other
    _amplitude: Tensor  # these four are `Tables`; they are not saved
    _edges: Tensor
    _kind: Tensor
    _evenly: Tensor

    def __init__(self, representation: MuLaw | PCM) -> None:
        super().__init__()
        self.silence = int(representation.encode(torch.zeros(1)))
        amplitude, edges, kind, evenly = tables(representation)
        self.register_buffer("_amplitude", amplitude, persistent=False)
        self.register_buffer("_edges", edges, persistent=False)
        self.register_buffer("_kind", kind, persistent=False)
        self.register_buffer("_evenly", evenly, persistent=False)
        classes = int(self._kind.max()) + 1
        self.register_buffer("unigram", torch.full((classes,), 1 / classes).log2())
        self.register_buffer("markov", torch.full((classes, classes), 1 / classes).log2())
        self.linear = LinearPrediction()

    @torch.no_grad()
    def fit(self, batches: Batches | Callable[[], Batches]) -> None:
        """Fit all three to a training set, in two passes.

        Args:
            batches: symbols and mask, as a list, or as a function that returns them for each pass. Samples where the
                mask is False are ignored; those before the first are silence.

        Raises:
            ValueError: no sample is in a mask.
            TypeError: batches that can be iterated only once.
        """
        if not callable(batches) and iter(batches) is batches:
            raise TypeError("batches can be iterated only once but two passes are needed; pass a list or a function")
        each_pass = batches if callable(batches) else lambda: batches
        classes = len(self.unigram)
        pairs = torch.zeros(classes**2 + 1, dtype=torch.int64, device=self.unigram.device)
        products = torch.zeros(())
        for symbols, mask in each_pass():
            kind = self._kind[symbols]
            pair = self._kind[self._before(symbols)] * classes + kind
            pairs += torch.bincount(pair.where(mask, classes**2).flatten(), minlength=len(pairs))
            products = products.to(pairs.device) + moments(self._amplitude[symbols], mask)
        counts = pairs[:-1].view(classes, classes).double()
        if not counts.any():
            raise ValueError("no sample to fit baselines to: every mask is False; pass at least one clip that counts")
        unigram = (counts.sum(dim=0) + UNSEEN) / (counts.sum() + UNSEEN * classes)
        self.unigram.copy_(unigram.log2())
        self.markov.copy_(transitions(counts, unigram).log2())
        self.linear.solve(products)
        self._fit_scales(each_pass(), int(counts.sum()))

    @torch.no_grad()
    def bits(self, symbols: Tensor) -> dict[str, Tensor]:
        """Bits of each symbol, (batch, time), float32, by name of the predictor."""
        kind, evenly = self._kind[symbols], self._evenly[symbols]
        return {
            "unigram": evenly - self.unigram[kind],
            "markov": evenly - self.markov[self._kind[self._before(symbols)], kind],
            "linear": self.linear.bits(self._amplitude[symbols], self._bins(symbols)).float(),
        }

    def _fit_scales(self, batches: Batches, count: int) -> None:
        """Fit the scales of linear prediction to about a million samples, the same ones every time."""
        rng, share = torch.Generator().manual_seed(0), FITTED_SAMPLES / count
        seen: list[Tensor] = []
        predicted: list[tuple[Tensor, Tensor]] = []
        for symbols, mask in batches:
            chosen = mask & (torch.rand(mask.shape, generator=rng).to(mask.device) < share)
            prediction, loudness = self.linear.forward(self._amplitude[symbols])
            seen.append(symbols[chosen])
            predicted.append((prediction[chosen], loudness[chosen]))
        self.linear.fit_scales(
            self._bins(torch.cat(seen)), *(torch.cat(parts) for parts in zip(*predicted, strict=True))
        )

    def _bins(self, symbols: Tensor) -> Bins:
        fallback_bits = self._evenly[symbols] - self.unigram[self._kind[symbols]]
        return Bins(self._edges[symbols], self._edges[symbols + 1], fallback_bits.double())

    def _before(self, symbols: Tensor) -> Tensor:
        return F.pad(symbols[:, :-1], (1, 0), value=self.silence)


def tables(representation: MuLaw | PCM) -> Tables:
    """The `Tables` of a representation."""
    levels = torch.arange(representation.levels)
    amplitude = representation.decode(levels).double()
    edges = representation.decode(levels[:-1] + 0.5).double()  # encoding rounds to the nearest level
    infinity = torch.full((1,), torch.inf, dtype=torch.float64)
    coarse = MuLaw(representation.sample_rate, min(CLASSES, representation.levels)).encode(amplitude)
    _, kind, count = torch.unique(coarse, return_inverse=True, return_counts=True)
    silence = amplitude[representation.encode(torch.zeros(1))]
    return Tables(
        amplitude - silence, torch.cat([-infinity, edges, infinity]) - silence, kind, count[kind].float().log2()
    )


def transitions(counts: Tensor, unigram: Tensor) -> Tensor:
    """P(class | previous class) from counts (previous, class), shrunk towards the unigram where counts are small.

    A Dirichlet prior around the unigram; its strength maximises the evidence over powers of the square root of two.
    MacKay & Peto 1995, https://doi.org/10.1017/S1351324900000218
    """
    seen = counts.sum(dim=1, keepdim=True)
    best, strongest = -torch.inf, 1.0
    for strength in (2.0 ** (half / 2) for half in range(-12, 41)):
        prior = strength * unigram
        evidence = float((torch.lgamma(counts + prior) - torch.lgamma(prior)).sum())
        evidence += float((math.lgamma(strength) - torch.lgamma(seen + strength)).sum())
        if evidence > best:
            best, strongest = evidence, strength
    return (counts + strongest * unigram) / (seen + strongest)
