"""Sequences on their way, by the compiled sampler or on a graphics card."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np
import torch
from einops import rearrange
from torch import Tensor

from soundloom.systems.wavenet.context import ContextState
from soundloom.systems.wavenet.network import Network, values
from soundloom.systems.wavenet.options import CARD
from soundloom.systems.wavenet.sampler.sampler import Sampler
from soundloom.systems.wavenet.sampler.torch_sampler import TorchSampler
from soundloom.systems.wavenet.sampler.weights import Precision
from soundloom.systems.wavenet.sampler_weights import weights_of

if TYPE_CHECKING:
    from soundloom.systems.wavenet.wavenet import WaveNet

PIECE = 2048  # samples between two looks at the clock; draws are made for as many

_PACKED: WeakKeyDictionary[Network, tuple[tuple[int, ...], dict[str, Sampler]]] = WeakKeyDictionary()
_LOCK = threading.Lock()
ON_CARD = threading.Lock()  # a step must not be captured while another thread gives the card work


@dataclass(frozen=True)
class Manner:
    """How symbols are drawn, as for `Sampler.advance`, and what computes them."""

    temperature: float = 1.0
    top_p: float = 1.0
    guidance: float = 1.0  # other than 1, each sequence has another beside it that was told nothing
    precision: Precision = "float32"
    device: str = "cpu"


class Sequences:
    """What each sequence was told, and what the sampler remembers of it."""

    def __init__(self, wavenet: WaveNet, codes: Tensor, spectra: Tensor | None, manner: Manner | None = None) -> None:
        """Sequences that begin.

        Args:
            wavenet: a trained model.
            codes: rows of conditions, (sequence, width).
            spectra: for a vocoder, (sequence, band, frame), or None where they are unknown.
            manner: None draws from the model's own distribution.
        """
        network, self.manner = wavenet.network, manner or Manner()
        self.each = 1 if self.manner.guidance == 1 else 2
        if self.each == 2:
            codes = torch.stack([codes, torch.zeros_like(codes)], dim=1).flatten(0, 1)
            spectra = None if spectra is None else spectra.repeat_interleave(2, dim=0)
        self.levels, self.hop = network.levels, network.frames.hop if network.frames else 1
        self.fixed = _starts(network, codes, spectra)
        self.context: ContextState | None = None
        self.piece = PIECE
        if network.context is not None and network.context_gates is not None:
            quiet = float(values(torch.tensor(wavenet.before), network.levels))
            self.context = ContextState(network.context, network.context_gates.weight[..., 0], len(codes), quiet)
            self.piece = network.context.config.stride
        self.sampler = sampler_of(network, self.manner.precision)
        self.loop: TorchSampler | None = None
        if self.manner.device == CARD:
            terms = (self.manner.temperature, self.manner.top_p, self.manner.guidance)
            with ON_CARD:
                self.loop = TorchSampler(weights_of(network), self._on_card(self._starts), wavenet.before, *terms)
        else:
            self.state = self.sampler.begin(self._starts, wavenet.before, paired=self.each == 2)

    @property
    def _starts(self) -> np.ndarray:
        """What each layer's gates begin with, (sequence, layer, frame, 2 gate)."""
        if self.context is None:
            return self.fixed
        layers = self.fixed.shape[1]
        return self.fixed + rearrange(self.context.now, "sequence (layer gate) -> sequence layer 1 gate", layer=layers)

    def advance(self, symbols: np.ndarray, uniforms: np.ndarray, at: int, logits: np.ndarray | None = None) -> None:
        """Take at most `piece` steps from position `at`, a multiple of it.

        Args:
            symbols: (sequence, step); those that are negative are drawn and put.
            uniforms: numbers in [0, 1) to draw by, (sequence, step, draw).
            at: steps taken so far.
            logits: takes the network's outputs, (sequence, step, output); without guidance.
        """
        heard, drawn = (np.repeat(each, 2, axis=0) if self.each == 2 else each for each in (symbols, uniforms))
        if self.loop is not None:
            self._advance_on_card(self.loop, heard, drawn, at)
        else:
            self.sampler.advance(
                self.state,
                heard,
                drawn,
                self._starts,
                hop=self.hop,
                offset=at,
                temperature=self.manner.temperature,
                top_p=self.manner.top_p,
                guidance=self.manner.guidance,
                logits=logits,
            )
        symbols[:] = heard[:: self.each]
        if self.context is not None and symbols.shape[1] == self.piece:
            self.context.step(values(torch.from_numpy(heard), self.levels).numpy())

    @torch.no_grad()
    def _advance_on_card(self, loop: TorchSampler, symbols: np.ndarray, uniforms: np.ndarray, at: int) -> None:
        with ON_CARD:
            heard = torch.from_numpy(symbols).to(CARD)
            loop.advance(heard, torch.from_numpy(uniforms).to(CARD), self._on_card(self._starts), self.hop, at)
            symbols[:] = heard.cpu().numpy()

    @staticmethod
    def _on_card(starts: np.ndarray) -> Tensor:
        return torch.from_numpy(starts).to(CARD)


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
