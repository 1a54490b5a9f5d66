"""Sampling: from conditions, frames and a prompt to symbols, in pieces, by the compiled sampler."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast
from weakref import WeakKeyDictionary

import numpy as np
import torch
from einops import rearrange
from torch import Generator, Tensor

from soundloom.config import nearest
from soundloom.system import Heed
from soundloom.systems.wavenet.context import ContextState
from soundloom.systems.wavenet.likelihood import surprise
from soundloom.systems.wavenet.network import Network, values
from soundloom.systems.wavenet.packing import weights_of
from soundloom.systems.wavenet.sampler.sampler import Sampler
from soundloom.systems.wavenet.sampler.weights import PRECISIONS, Precision

if TYPE_CHECKING:
    from soundloom.systems.wavenet.wavenet import WaveNet

PIECE = 2048  # samples between two looks at the clock; draws are made for as many
AUTO = "auto"
COLDEST = 1e-6  # below this temperature the likeliest is taken; single precision cannot divide by much less
MEASURED_SAMPLES = 2048  # of a clip, that precisions are measured by
TRANSPARENT = 1.005  # bits per sample, in comparison with float32

_PACKED: WeakKeyDictionary[Network, tuple[tuple[int, ...], dict[str, Sampler]]] = WeakKeyDictionary()
_LOCK = threading.Lock()

OPTIONS = {
    "weights": f"{', '.join(PRECISIONS)} or auto (default): bfloat16, which halves what is read for each sample, where "
    "that was measured to cost less than 0.5 % in bits",
    "top_p": "1 (default) draws from all classes, less only from the likeliest that hold this share",
}


def check_options(options: Mapping[str, Any]) -> None:
    """Refuse values that the settings of sampling cannot take.

    Raises:
        ValueError: says what is possible.
    """
    weights, top_p = options.get("weights", AUTO), options.get("top_p", 1.0)
    if weights not in (AUTO, *PRECISIONS):
        raise ValueError(f"weights={weights}: {nearest(str(weights), (AUTO, *PRECISIONS))}")
    if isinstance(top_p, bool) or not isinstance(top_p, int | float) or not 0 < top_p <= 1:
        raise ValueError(f"top_p={top_p} but must be a share above 0 and at most 1; 1 draws from all classes")


class Sequences:
    """Sequences on their way: what each of them was told, and what the sampler remembers of them."""

    def __init__(
        self, wavenet: WaveNet, codes: Tensor, spectra: Tensor | None, precision: Precision = "float32"
    ) -> None:
        """codes: rows of conditions, (sequence, width); spectra: for a vocoder, (sequence, band, frame), or unknown."""
        network = wavenet.network
        self.levels, self.hop = network.levels, network.frames.hop if network.frames else 1
        self.sampler = sampler_of(network, precision)
        self.fixed = _starts(network, codes, spectra)
        self.context: ContextState | None = None
        self.piece = PIECE
        if network.context is not None and network.context_gates is not None:
            quiet = float(values(torch.tensor(wavenet.before), network.levels))
            self.context = ContextState(network.context, network.context_gates.weight[..., 0], len(codes), quiet)
            self.piece = network.context.config.stride
        self.state = self.sampler.begin(self._starts, wavenet.before)

    @property
    def _starts(self) -> np.ndarray:
        """What each layer's gates begin with, (sequence, layer, frame, 2 gate)."""
        if self.context is None:
            return self.fixed
        layers = self.fixed.shape[1]
        return self.fixed + rearrange(self.context.now, "sequence (layer gate) -> sequence layer 1 gate", layer=layers)

    def advance(
        self,
        symbols: np.ndarray,
        uniforms: np.ndarray,
        at: int,
        temperature: float = 1.0,
        top_p: float = 1.0,
        logits: np.ndarray | None = None,
    ) -> None:
        """Take at most `piece` steps from position `at`, a multiple of it: see `Sampler.advance`."""
        self.sampler.advance(
            self.state,
            symbols,
            uniforms,
            self._starts,
            hop=self.hop,
            offset=at,
            temperature=temperature,
            top_p=top_p,
            logits=logits,
        )
        if self.context is not None and symbols.shape[1] == self.piece:
            self.context.step(values(torch.from_numpy(symbols), self.levels).numpy())


def draw(
    wavenet: WaveNet,
    length: int,
    codes: Tensor,
    spectra: Tensor | None,
    prompt: Tensor | None,
    temperature: float,
    rngs: Sequence[Generator],
    heed: Heed,
    options: Mapping[str, Any],
) -> Tensor:
    """Sounds (sequence, 1, length), or shorter ones where `heed` says so; no more than they themselves is held.

    Args:
        wavenet: a trained model.
        length: samples of each sequence, those of the prompt among them.
        codes: rows of conditions, (sequence, width).
        spectra: for a vocoder, (sequence, band, frame), or None where they are unknown.
        prompt: samples that all sequences begin with, (1, time), or None.
        temperature: 1 is the model's own distribution, 0 its mode.
        rngs: sequence i draws from rngs[i] alone.
        heed: is told how many samples there are.
        options: see `OPTIONS`.
    """
    sequences = Sequences(wavenet, codes, spectra, _precision(wavenet, options))
    cool = temperature if temperature > COLDEST else 0.0
    top_p, piece, draws = float(options.get("top_p", 1.0)), sequences.piece, sequences.sampler.draws
    given = torch.zeros(1, 0) if prompt is None else prompt
    heard, known = wavenet.representation.encode(given[None])[0, 0].numpy(), given.shape[1]
    sounds = given.new_empty(len(rngs), 1, length)
    sounds[..., :known] = given
    begin = max(0, known - wavenet.config.history) // piece * piece  # what lies before cannot matter
    for at in range(begin, length, piece):
        end = min(at + piece, length)
        here = np.full((len(rngs), end - at), -1, np.int64)
        here[:, : max(0, known - at)] = heard[at:end]
        drawn = torch.stack([torch.rand(piece, draws, generator=rng, dtype=torch.float64) for rng in rngs])
        sequences.advance(here, drawn[:, : end - at].numpy(), at, cool, top_p)
        new = max(at, known)
        if new < end:
            sounds[..., new:end] = wavenet.representation.decode(torch.from_numpy(here[:, None, new - at :]))
        if not heed(end):
            return sounds[..., :end]
    return sounds


def predict(
    wavenet: WaveNet, symbols: Tensor, codes: Tensor, spectra: Tensor | None = None, precision: Precision = "float32"
) -> Tensor:
    """What the sampler computes for given symbols (sequence, time), as the network does: (sequence, output, time)."""
    sequences = Sequences(wavenet, codes, spectra, precision)
    found = []
    for at in range(0, symbols.shape[1], sequences.piece):
        here = symbols[:, at : at + sequences.piece].contiguous().numpy()
        logits = np.empty((*here.shape, sequences.sampler.weights.outputs), np.float32)
        sequences.advance(here, np.zeros((*here.shape, sequences.sampler.draws)), at, logits=logits)
        found.append(rearrange(torch.from_numpy(logits), "sequence time output -> sequence output time"))
    return torch.cat(found, dim=2)


def costs(wavenet: WaveNet, audio: Tensor, codes: Tensor) -> Tensor:
    """Bits per sample of the beginnings of clips (batch, 1, time) with weights in each of `PRECISIONS`."""
    symbols = wavenet.representation.encode(audio[..., :MEASURED_SAMPLES])[:, 0]
    found = []
    for precision in PRECISIONS:
        outputs = predict(wavenet, symbols, codes, wavenet.spectra(audio), precision)
        found.append(surprise(outputs, symbols, wavenet.levels, wavenet.config.classes).mean())
    return torch.stack(found)


def sampler_of(network: Network, precision: Precision) -> Sampler:
    """The compiled sampler of a network, packed once until its weights change."""
    versions = tuple(parameter._version for parameter in network.parameters())
    with _LOCK:
        packed = _PACKED.get(network)
        if packed is None or packed[0] != versions:
            packed = _PACKED[network] = (versions, {})
        if precision not in packed[1]:
            packed[1][precision] = Sampler(weights_of(network), precision)
        return packed[1][precision]


def _precision(wavenet: WaveNet, options: Mapping[str, Any]) -> Precision:
    asked = options.get("weights", AUTO)
    if asked in PRECISIONS:
        return cast(Precision, asked)
    exact, half = wavenet.costs.tolist()
    return "bfloat16" if half <= TRANSPARENT * exact else "float32"


@torch.no_grad()
def _starts(network: Network, codes: Tensor, spectra: Tensor | None) -> np.ndarray:
    """What each layer's gates begin with, (sequence, layer, frame, 2 gate), each sequence computed by itself."""
    bias = torch.stack([layer.dilated.bias for layer in network.layers])
    found = []
    for row in range(len(codes)):
        parts = rearrange(bias, "layer gate -> 1 (layer gate) 1")
        fixed = network.code_parts(codes[row : row + 1])
        if fixed is not None:
            parts = parts + fixed
        if network.frames is not None and network.frame_gates is not None:
            heard = network.frames.unknown() if spectra is None else network.frames(spectra[row : row + 1])
            parts = parts + network.frame_gates(heard)
        found.append(rearrange(parts[0], "(layer gate) frame -> layer frame gate", layer=len(bias)))
    return torch.stack(found).contiguous().numpy()
