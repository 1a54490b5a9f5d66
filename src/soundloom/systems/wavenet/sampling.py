"""Sampling: from conditions, frames and a prompt to audio, in chunks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from einops import rearrange
from torch import Tensor

from soundloom.contract import Sampling
from soundloom.representations import PCM, MuLaw
from soundloom.runtime.progress import Progress
from soundloom.systems.wavenet.clip_encoder import ClipEncoder
from soundloom.systems.wavenet.likelihood import bits_of
from soundloom.systems.wavenet.network import Network
from soundloom.systems.wavenet.options import AUTO, CUDA
from soundloom.systems.wavenet.sampler.weights import PRECISIONS, Precision
from soundloom.systems.wavenet.sequences import SamplingSettings, Sequences

COLDEST = 1e-6  # a lower temperature takes the most likely symbol; single precision cannot divide by much less
MEASURED_SAMPLES = 2048  # of a clip, on which precisions are measured
TRANSPARENT = 1.005  # bits per sample, relative to float32


def draw(
    network: Network,
    representation: MuLaw | PCM,
    call: Sampling,
    codes: Tensor,
    spectra: Tensor | None,
    settings: SamplingSettings,
    progress: Progress,
) -> Tensor:
    """Sounds (sequence, 1, length), or shorter ones if `progress` stops the work.

    Args:
        network: trained.
        representation: samples to symbols.
        call: has length, prompt and generators.
        codes: condition rows, (sequence, width).
        spectra: for a vocoder, (sequence, band, frame), or None if they are unknown.
        settings: see `settings_of`.
        progress: called after each chunk.
    """
    length, generators = call.length, call.generators
    sequences = Sequences(network, codes, spectra, settings)
    chunk, draws = sequences.chunk, sequences.sampler.draws
    prompt = torch.zeros(1, 0) if call.prompt is None else call.prompt
    given, known = representation.encode(prompt[None])[0, 0].numpy(), prompt.shape[1]
    sounds = prompt.new_empty(len(generators), 1, length)
    sounds[..., :known] = prompt
    begin = max(0, known - network.config.history) // chunk * chunk  # earlier samples cannot matter
    for at in range(begin, length, chunk):
        end = min(at + chunk, length)
        symbols = np.full((len(generators), end - at), -1, np.int64)
        symbols[:, : max(0, known - at)] = given[at:end]
        uniforms = torch.stack([torch.rand(chunk, draws, generator=rng, dtype=torch.float64) for rng in generators])
        sequences.advance(symbols, uniforms[:, : end - at].numpy(), at)
        new = max(at, known)
        if new < end:
            sounds[..., new:end] = representation.decode(torch.from_numpy(symbols[:, None, new - at :]))
        if not progress((end - known) / max(1, length - known), end):
            return sounds[..., :end]
    return sounds


def predict(
    network: Network, symbols: Tensor, codes: Tensor, spectra: Tensor | None = None, precision: Precision = "float32"
) -> Tensor:
    """The network's outputs for given symbols (sequence, time), computed by the sampler: (sequence, output, time)."""
    sequences = Sequences(network, codes, spectra, SamplingSettings(precision=precision))
    found = []
    for at in range(0, symbols.shape[1], sequences.chunk):
        given = symbols[:, at : at + sequences.chunk].contiguous().numpy()
        logits = np.empty((*given.shape, sequences.sampler.weights.outputs), np.float32)
        sequences.advance(given, np.zeros((*given.shape, sequences.sampler.draws)), at, logits)
        found.append(rearrange(torch.from_numpy(logits), "sequence time output -> sequence output time"))
    return torch.cat(found, dim=2)


def precision_costs(network: Network, encoder: ClipEncoder, audio: Tensor, codes: Tensor) -> Tensor:
    """Bits per sample at the beginnings of clips (batch, 1, time), with weights in each of `PRECISIONS`."""
    symbols = encoder.symbols(audio[..., :MEASURED_SAMPLES])
    found = []
    for precision in PRECISIONS:
        outputs = predict(network, symbols, codes, encoder.spectra(audio), precision)
        found.append(bits_of(outputs, symbols, network.levels, network.config.classes).mean())
    return torch.stack(found)


def settings_of(
    network: Network, codes: Tensor, temperature: float, options: Mapping[str, Any], costs: Sequence[float]
) -> SamplingSettings:
    """Sampling settings from what a request asks for; without any condition there is nothing to guide.

    Args:
        options: see `options.OPTIONS`.
        costs: bits per sample with weights in each of `PRECISIONS`.
    """
    guided = network.config.classes and bool(codes.any())
    device = str(options.get("device", "cpu"))
    return SamplingSettings(
        temperature=temperature if temperature > COLDEST else 0.0,
        top_p=float(options.get("top_p", 1.0)),
        guidance=float(options.get("guidance", 1.0)) if guided else 1.0,
        precision="float32" if device == CUDA else _precision(options.get("weights", AUTO), costs),
        device=device,
    )


def _precision(requested: str, costs: Sequence[float]) -> Precision:
    """The requested precision, or the fastest whose measured cost is transparent."""
    if requested != AUTO:
        return next(name for name in PRECISIONS if name == requested)
    return [name for name, cost in zip(PRECISIONS, costs, strict=True) if cost <= TRANSPARENT * costs[0]][-1]
