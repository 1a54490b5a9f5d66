"""The same network in torch, step by step for a whole batch, without any trick: what the fast one is held to."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from soundloom.systems.wavenet.sampler.drawing import EDGE, HIGHEST
from soundloom.systems.wavenet.sampler.weights import Weights


class Reference:
    """Sequences of one batch, as they go on from endless silence.

    A step reads and writes the same tensors each time and asks none of them for a number, so on a CUDA device it is
    captured as a graph and replayed. That part has not been run: no such device was at hand.

    Args:
        starts: what gates start with, (sequence, layer, frame, 2 G), of which the first frame counts; its device and
            type are used throughout.
        silence: the symbol of silence.
    """

    def __init__(self, weights: Weights, starts: Tensor, silence: int, temperature: float = 1.0) -> None:
        sequences, device = len(starts), starts.device
        layers, kernel, residual, gates = weights.taps.shape
        self.weights, self.temperature = weights, temperature

        def own(values: object) -> Tensor:
            return torch.as_tensor(values).to(device, starts.dtype)

        self.first, self.first_bias = own(weights.first), own(weights.first_bias)
        self.taps = own(weights.taps).reshape(layers, kernel * residual, gates)
        self.mix, self.mix_bias = own(weights.mix), own(weights.mix_bias)
        self.end, self.end_bias = own(weights.end), own(weights.end_bias)
        self.head, self.head_bias = own(weights.head), own(weights.head_bias)
        dilations = torch.as_tensor(weights.dilations, device=device)
        self.lengths = (kernel - 1) * dilations
        self.old_taps = dilations[:, None] * torch.arange(kernel - 1, device=device)
        self.time = torch.zeros((), dtype=torch.int64, device=device)

        self.start = starts[:, :, 0].clone()
        self.uniforms = torch.zeros(sequences, weights.draws, device=device, dtype=torch.float64)
        self.symbol = torch.full((sequences,), silence, device=device)
        self.heard = self.symbol[:, None].repeat(1, len(weights.first))
        self.queues = [
            torch.zeros(sequences, int(length), residual, device=device, dtype=starts.dtype) for length in self.lengths
        ]
        self._settle()
        self.logits = torch.zeros(sequences, weights.outputs, device=device, dtype=starts.dtype)
        self._replay: Callable[[], None] | None = None

    def advance(
        self,
        symbols: Tensor,
        uniforms: Tensor,
        starts: Tensor,
        hop: int = 1,
        offset: int = 0,
        logits: Tensor | None = None,
    ) -> None:
        """As `Sampler.advance`: symbols (sequence, step) that are negative are drawn and put."""
        for t in range(symbols.shape[1]):
            frame, part = divmod(offset + t, hop)
            here, there = (starts[:, :, min(n, starts.shape[2] - 1)] for n in (frame, frame + 1))
            self.start.copy_(torch.lerp(here, there, part / hop))
            self.uniforms.copy_(uniforms[:, t])
            self.symbol.copy_(symbols[:, t])
            if self._replay is None:
                self._replay = graphed(self.step) if starts.is_cuda else self.step
            self._replay()
            symbols[:, t] = self.symbol
            if logits is not None:
                logits[:, t] = self.logits

    def step(self) -> None:
        """From what was heard to logits, and to a symbol where `symbol` is negative, which is then heard."""
        slots = (self.time + self.old_taps) % self.lengths[:, None]
        x = self._first_input()
        skips = x.new_zeros(len(x), self.weights.skip)
        for layer, queue in enumerate(self.queues):
            old = queue.index_select(1, slots[layer])
            queue.index_copy_(1, slots[layer, :1], x[:, None])
            x, skips = self._layer(layer, torch.cat([old.flatten(1), x], 1), x, skips)
        ended = F.relu(torch.addmm(self.end_bias, F.relu(skips * self.weights.skip_scale), self.end))
        self.logits.copy_(torch.addmm(self.head_bias, ended, self.head))
        self.symbol.copy_(torch.where(self.symbol < 0, self._draw(), self.symbol))
        self.heard.copy_(torch.cat([self.symbol[:, None], self.heard[:, :-1]], 1))
        self.time += 1

    def _settle(self) -> None:
        x = self._first_input()
        skips = x.new_zeros(len(x), self.weights.skip)
        for layer, queue in enumerate(self.queues):
            queue.copy_(x[:, None].expand_as(queue))
            x, skips = self._layer(layer, x.repeat(1, self.weights.taps.shape[1]), x, skips)

    def _first_input(self) -> Tensor:
        if self.weights.kind == "softmax":
            tables = torch.arange(self.heard.shape[1], device=self.heard.device)
            return self.first_bias + self.first[tables, self.heard].sum(1)
        return torch.addmm(self.first_bias, self.heard.to(self.first.dtype) * (2 / HIGHEST) - 1, self.first)

    def _layer(self, layer: int, samples: Tensor, x: Tensor, skips: Tensor) -> tuple[Tensor, Tensor]:
        """The next layer's input and the skips so far, from the samples under a layer's taps, the oldest first."""
        filtered, gated = (
            torch.baddbmm(self.start[:, layer, None], samples[:, None], self.taps[layer].expand(len(x), -1, -1))
            .squeeze(1)
            .chunk(2, 1)
        )
        mixed = torch.addmm(self.mix_bias[layer], filtered.tanh() * gated.sigmoid(), self.mix[layer])
        return x + mixed[:, : x.shape[1]], skips + mixed[:, x.shape[1] :]

    def _draw(self) -> Tensor:
        if self.weights.kind == "softmax":
            if self.temperature == 0:
                return self.logits.argmax(1)
            sums = (self.logits / self.temperature).softmax(1).cumsum(1)
            return (
                torch.searchsorted(sums, self.uniforms[:, :1].to(sums.dtype) * sums[:, -1:], right=True)
                .squeeze(1)
                .clamp(max=self.weights.levels - 1)
            )
        choice, means, log_scales = self.logits.chunk(3, 1)
        noise = torch.zeros_like(means[:, 0])
        if self.temperature == 0:
            chosen = choice.argmax(1, keepdim=True)
        else:
            sums = (choice / self.temperature).softmax(1).cumsum(1)
            chosen = torch.searchsorted(sums, self.uniforms[:, :1].to(sums.dtype) * sums[:, -1:], right=True)
            chosen = chosen.clamp(max=choice.shape[1] - 1)
            inside = self.uniforms[:, 1].clamp(EDGE, 1 - EDGE)
            noise = self.temperature * (inside.log() - (1 - inside).log())
        scale = log_scales.gather(1, chosen).squeeze(1).clamp(min=self.weights.least_log_scale).exp()
        value = (means.gather(1, chosen).squeeze(1) + scale * noise).clamp(-1, 1)
        return ((value + 1) * (HIGHEST / 2) + 0.5).floor().to(torch.int64)


def graphed(step: Callable[[], None]) -> Callable[[], None]:
    """A step captured as a CUDA graph."""
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph.replay
