"""The state of sequences while they are sampled, by the compiled sampler or on a CUDA device."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
import torch
from einops import rearrange
from torch import Tensor

from soundloom.systems.wavenet.context import ContextState
from soundloom.systems.wavenet.network import Network, before_clip, values
from soundloom.systems.wavenet.options import CUDA
from soundloom.systems.wavenet.sampler.sampler import Sampler
from soundloom.systems.wavenet.sampler.torch_sampler import TorchSampler
from soundloom.systems.wavenet.sampler.weights import Precision
from soundloom.systems.wavenet.sampler_weights import weights_of

CHUNK = 2048  # samples between two calls of the progress callback; uniform numbers are drawn in chunks of this size

_PACKED: WeakKeyDictionary[Network, tuple[tuple[int, ...], dict[str, Sampler]]] = WeakKeyDictionary()
_LOCK = threading.Lock()
CUDA_LOCK = threading.Lock()  # a step must not be captured while another thread uses the device


@dataclass(frozen=True)
class SamplingSettings:
    """How symbols are drawn, as in `Sampler.advance`, and on which device."""

    temperature: float = 1.0
    top_p: float = 1.0
    guidance: float = 1.0  # any value but 1 pairs each sequence with an unconditional one
    precision: Precision = "float32"
    device: str = "cpu"


class Sequences:
    """Sequences with their conditioning and the state of their sampler."""

    def __init__(
        self, network: Network, codes: Tensor, spectra: Tensor | None, settings: SamplingSettings | None = None
    ) -> None:
        """Start sequences.

        Args:
            network: trained.
            codes: condition rows, (sequence, width).
            spectra: for a vocoder, (sequence, band, frame), or None if they are unknown.
            settings: None draws from the model's own distribution.
        """
        self.settings = settings or SamplingSettings()
        self.per_sequence = 1 if self.settings.guidance == 1 else 2
        if self.per_sequence == 2:
            codes = torch.stack([codes, torch.zeros_like(codes)], dim=1).flatten(0, 1)
            spectra = None if spectra is None else spectra.repeat_interleave(2, dim=0)
        before = before_clip(network.levels, network.config.classes)
        self.levels, self.hop = network.levels, network.frames.hop if network.frames else 1
        self.fixed = _conditioning(network, codes, spectra)
        self.context: ContextState | None = None
        self.chunk = CHUNK
        if network.context is not None and network.context_gates is not None:
            quiet = float(values(torch.tensor(before), network.levels))
            self.context = ContextState(network.context, network.context_gates.weight[..., 0], len(codes), quiet)
            self.chunk = network.context.config.stride
        self.sampler = sampler_of(network, self.settings.precision)
        self.torch_sampler: TorchSampler | None = None
        if self.settings.device == CUDA:
            terms = (self.settings.temperature, self.settings.top_p, self.settings.guidance)
            with CUDA_LOCK:
                self.torch_sampler = TorchSampler(
                    weights_of(network), self._to_cuda(self._conditioning), before, *terms
                )
        else:
            self.state = self.sampler.begin(self._conditioning, before, paired=self.per_sequence == 2)

    @property
    def _conditioning(self) -> np.ndarray:
        """Added to each layer's gates, (sequence, layer, frame, 2 gate)."""
        if self.context is None:
            return self.fixed
        layers = self.fixed.shape[1]
        return self.fixed + rearrange(self.context.now, "sequence (layer gate) -> sequence layer 1 gate", layer=layers)

    def advance(self, symbols: np.ndarray, uniforms: np.ndarray, at: int, logits: np.ndarray | None = None) -> None:
        """Take at most `chunk` steps from position `at`, a multiple of `chunk`.

        Args:
            symbols: (sequence, step); negative symbols are replaced by draws.
            uniforms: numbers in [0, 1) to draw with, (sequence, step, draw).
            at: steps taken so far.
            logits: filled with the network's outputs, (sequence, step, output); not with guidance.
        """
        given, numbers = (
            np.repeat(each, 2, axis=0) if self.per_sequence == 2 else each for each in (symbols, uniforms)
        )
        if self.torch_sampler is not None:
            self._advance_on_cuda(self.torch_sampler, given, numbers, at)
        else:
            self.sampler.advance(
                self.state,
                given,
                numbers,
                self._conditioning,
                hop=self.hop,
                offset=at,
                temperature=self.settings.temperature,
                top_p=self.settings.top_p,
                guidance=self.settings.guidance,
                logits=logits,
            )
        symbols[:] = given[:: self.per_sequence]
        if self.context is not None and symbols.shape[1] == self.chunk:
            self.context.step(values(torch.from_numpy(given), self.levels).numpy())

    @torch.no_grad()
    def _advance_on_cuda(self, sampler: TorchSampler, symbols: np.ndarray, uniforms: np.ndarray, at: int) -> None:
        with CUDA_LOCK:
            given = torch.from_numpy(symbols).to(CUDA)
            sampler.advance(given, torch.from_numpy(uniforms).to(CUDA), self._to_cuda(self._conditioning), self.hop, at)
            symbols[:] = given.cpu().numpy()

    @staticmethod
    def _to_cuda(array: np.ndarray) -> Tensor:
        return torch.from_numpy(array).to(CUDA)


def sampler_of(network: Network, precision: Precision) -> Sampler:
    """The compiled sampler of a network; weights are packed again only after they have changed."""
    versions = tuple(parameter._version for parameter in network.parameters())
    with _LOCK:
        packed = _PACKED.get(network)
        if packed is None or packed[0] != versions:
            packed = _PACKED[network] = (versions, {})
        if precision not in packed[1]:
            packed[1][precision] = Sampler(weights_of(network), precision)
        return packed[1][precision]


@torch.no_grad()
def _conditioning(network: Network, codes: Tensor, spectra: Tensor | None) -> np.ndarray:
    """Bias, conditions and frames, added to each layer's gates, (sequence, layer, frame, 2 gate).

    Sequences are computed one by one, so that the result does not depend on the batch size.
    """
    bias = torch.stack([layer.dilated.bias for layer in network.layers])
    found = []
    for row in range(len(codes)):
        parts = rearrange(bias, "layer gate -> 1 (layer gate) 1")
        fixed = network.code_parts(codes[row : row + 1].clone())  # aligned, wherever the row lies in its batch
        if fixed is not None:
            parts = parts + fixed
        if network.frames is not None and network.frame_gates is not None:
            frames = network.frames.unknown() if spectra is None else network.frames(spectra[row : row + 1])
            parts = parts + network.frame_gates(frames)
        found.append(rearrange(parts[0], "(layer gate) frame -> layer frame gate", layer=len(bias)))
    return torch.stack(found).contiguous().numpy()
