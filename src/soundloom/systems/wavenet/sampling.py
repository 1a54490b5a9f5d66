"""Sampling: from conditions, frames and a prompt to symbols, in pieces."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from einops import rearrange
from torch import Tensor

from soundloom.contract import Sampling
from soundloom.runtime.progress import Progress
from soundloom.systems.wavenet.likelihood import bits_of
from soundloom.systems.wavenet.options import AUTO, CARD
from soundloom.systems.wavenet.sampler.weights import PRECISIONS, Precision
from soundloom.systems.wavenet.sequences import Manner, Sequences

if TYPE_CHECKING:
    from soundloom.systems.wavenet.wavenet import WaveNet

COLDEST = 1e-6  # below this temperature the likeliest is taken; single precision cannot divide by much less
MEASURED_SAMPLES = 2048  # of a clip, that precisions are measured by
TRANSPARENT = 1.005  # bits per sample, in comparison with float32


def draw(wavenet: WaveNet, call: Sampling, codes: Tensor, spectra: Tensor | None, progress: Progress) -> Tensor:
    """Sounds (sequence, 1, length), or shorter ones where `progress` ends the work; held in memory once.

    Args:
        wavenet: a trained model.
        call: length, prompt, temperature, generators and options (see `options.OPTIONS`).
        codes: rows of conditions, (sequence, width).
        spectra: for a vocoder, (sequence, band, frame), or None where they are unknown.
        progress: called after each piece.
    """
    length, generators = call.length, call.generators
    sequences = Sequences(wavenet, codes, spectra, _manner(wavenet, codes, call.temperature, call.options))
    piece, draws = sequences.piece, sequences.sampler.draws
    given = torch.zeros(1, 0) if call.prompt is None else call.prompt
    heard, known = wavenet.representation.encode(given[None])[0, 0].numpy(), given.shape[1]
    sounds = given.new_empty(len(generators), 1, length)
    sounds[..., :known] = given
    begin = max(0, known - wavenet.config.history) // piece * piece  # what lies before cannot matter
    for at in range(begin, length, piece):
        end = min(at + piece, length)
        here = np.full((len(generators), end - at), -1, np.int64)
        here[:, : max(0, known - at)] = heard[at:end]
        drawn = torch.stack([torch.rand(piece, draws, generator=rng, dtype=torch.float64) for rng in generators])
        sequences.advance(here, drawn[:, : end - at].numpy(), at)
        new = max(at, known)
        if new < end:
            sounds[..., new:end] = wavenet.representation.decode(torch.from_numpy(here[:, None, new - at :]))
        if not progress((end - known) / max(1, length - known), end):
            return sounds[..., :end]
    return sounds


def predict(
    wavenet: WaveNet, symbols: Tensor, codes: Tensor, spectra: Tensor | None = None, precision: Precision = "float32"
) -> Tensor:
    """What the sampler computes for given symbols (sequence, time), as the network does: (sequence, output, time)."""
    sequences = Sequences(wavenet, codes, spectra, Manner(precision=precision))
    found = []
    for at in range(0, symbols.shape[1], sequences.piece):
        here = symbols[:, at : at + sequences.piece].contiguous().numpy()
        logits = np.empty((*here.shape, sequences.sampler.weights.outputs), np.float32)
        sequences.advance(here, np.zeros((*here.shape, sequences.sampler.draws)), at, logits)
        found.append(rearrange(torch.from_numpy(logits), "sequence time output -> sequence output time"))
    return torch.cat(found, dim=2)


def costs(wavenet: WaveNet, audio: Tensor, codes: Tensor) -> Tensor:
    """Bits per sample of the beginnings of clips (batch, 1, time) with weights in each of `PRECISIONS`."""
    symbols = wavenet.representation.encode(audio[..., :MEASURED_SAMPLES])[:, 0]
    found = []
    for precision in PRECISIONS:
        outputs = predict(wavenet, symbols, codes, wavenet.spectra(audio), precision)
        found.append(bits_of(outputs, symbols, wavenet.levels, wavenet.config.classes).mean())
    return torch.stack(found)


def _manner(wavenet: WaveNet, codes: Tensor, temperature: float, options: Mapping[str, Any]) -> Manner:
    """How to draw; where nothing is asked for there is nothing to be guided by."""
    guided = wavenet.config.classes and bool(codes.any())
    device = str(options.get("device", "cpu"))
    return Manner(
        temperature=temperature if temperature > COLDEST else 0.0,
        top_p=float(options.get("top_p", 1.0)),
        guidance=float(options.get("guidance", 1.0)) if guided else 1.0,
        precision="float32" if device == CARD else _precision(wavenet, options.get("weights", AUTO)),
        device=device,
    )


def _precision(wavenet: WaveNet, asked: str) -> Precision:
    """The one asked for, or the quickest that was measured to be transparent."""
    if asked != AUTO:
        return next(name for name in PRECISIONS if name == asked)
    costs = wavenet.costs.tolist()
    return [name for name, cost in zip(PRECISIONS, costs, strict=True) if cost <= TRANSPARENT * costs[0]][-1]
