"""The sampler in plain torch, step by step for a batch: it checks the compiled kernels, and draws on CUDA devices."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from soundloom.systems.wavenet.sampler.draws import EDGE, HIGHEST
from soundloom.systems.wavenet.sampler.weights import Weights


class TorchSampler:
    """A batch of sequences that are preceded by endless silence.

    A step reads and writes the same tensors every time and never copies a number to the host, so on a CUDA device it is
    captured as a graph and replayed.

    Args:
        conditioning: added to the gates, (sequence, layer, frame, 2 G); only the first frame is read. Everything is
            computed on its device and in its type.
        silence: the symbol of silence.
        temperature, top_p, guidance: as for `Sampler.advance`.
    """

    def __init__(
        self,
        weights: Weights,
        conditioning: Tensor,
        silence: int,
        temperature: float = 1.0,
        top_p: float = 1.0,
        guidance: float = 1.0,
    ) -> None:
        layers, kernel, residual, gates = weights.taps.shape
        sequences, device = len(conditioning), conditioning.device

        def here(values: object) -> Tensor:
            return torch.as_tensor(values).to(device, conditioning.dtype)

        self.weights, self.temperature, self.top_p, self.guidance = weights, temperature, top_p, guidance
        self.first, self.first_bias = here(weights.first), here(weights.first_bias)
        self.taps = here(weights.taps).reshape(layers, kernel * residual, gates)
        self.mix, self.mix_bias = here(weights.mix), here(weights.mix_bias)
        self.end, self.end_bias = here(weights.end), here(weights.end_bias)
        self.head, self.head_bias = here(weights.head), here(weights.head_bias)

        dilations = torch.as_tensor(weights.dilations).to(device)
        self.slots = (kernel - 1) * dilations[:, None]
        self.tap_slots = torch.arange(kernel - 1, device=device) * dilations[:, None]
        self.queues = [torch.zeros(sequences, int(slots), residual).to(conditioning) for slots in self.slots]
        self.time = torch.zeros((), dtype=torch.int64, device=device)
        self.start = conditioning[:, :, 0].clone()
        self.uniforms = torch.zeros(sequences, weights.draws, dtype=torch.float64, device=device)
        self.symbol = torch.full((sequences,), silence, device=device)
        self.history = self.symbol[:, None].repeat(1, len(weights.first))
        self.logits = torch.zeros(sequences, weights.outputs).to(conditioning)
        self._fill_with_silence()
        self._step = graphed(self.step, self._changing()) if conditioning.is_cuda else self.step

    def advance(
        self,
        symbols: Tensor,
        uniforms: Tensor,
        conditioning: Tensor,
        hop: int = 1,
        offset: int = 0,
        logits: Tensor | None = None,
    ) -> None:
        """As `Sampler.advance`: negative symbols (sequence, step) are replaced by draws."""
        for t in range(symbols.shape[1]):
            if t == 0 or conditioning.shape[2] > 1:
                frame, part = divmod(offset + t, hop)
                this, following = (conditioning[:, :, min(n, conditioning.shape[2] - 1)] for n in (frame, frame + 1))
                self.start.copy_(torch.lerp(this, following, part / hop))
            self.uniforms.copy_(uniforms[:, t])
            self.symbol.copy_(symbols[:, t])
            self._step()
            symbols[:, t] = self.symbol
            if logits is not None:
                logits[:, t] = self.logits

    def step(self) -> None:
        """Compute logits from the history, draw a symbol where `symbol` is negative, and append it to the history."""
        read = (self.time + self.tap_slots) % self.slots
        x = self._first_input()
        skips = x.new_zeros(len(x), self.weights.skip)
        for layer, queue in enumerate(self.queues):
            samples = torch.cat([queue.index_select(1, read[layer]).flatten(1), x], 1)
            queue.index_copy_(1, read[layer, :1], x[:, None])
            x, skips = self._layer(layer, samples, x, skips)
        ended = F.relu(self._linear(self.end_bias, F.relu(skips * self.weights.skip_scale), self.end))
        self.logits.copy_(self._linear(self.head_bias, ended, self.head))
        self.symbol.copy_(torch.where(self.symbol < 0, self._draw(), self.symbol))
        self.history.copy_(torch.cat([self.symbol[:, None], self.history[:, :-1]], 1))
        self.time.add_(1)

    def _fill_with_silence(self) -> None:
        x = self._first_input()
        skips = x.new_zeros(len(x), self.weights.skip)
        for layer, queue in enumerate(self.queues):
            queue.copy_(x[:, None].expand_as(queue))
            x, skips = self._layer(layer, x.repeat(1, self.weights.taps.shape[1]), x, skips)

    def _changing(self) -> list[Tensor]:
        return [*self.queues, self.time, self.symbol, self.history, self.logits]

    def _first_input(self) -> Tensor:
        if self.weights.kind == "softmax":
            taps = torch.arange(self.history.shape[1], device=self.history.device)
            return self.first_bias + self.first[taps, self.history].sum(1)
        return torch.addmm(self.first_bias, self.history.to(self.first.dtype) * (2 / HIGHEST) - 1, self.first)

    def _layer(self, layer: int, samples: Tensor, x: Tensor, skips: Tensor) -> tuple[Tensor, Tensor]:
        """The next layer's input and the skips so far; `samples` are the inputs of all taps, oldest first."""
        filtered, gated = self._linear(self.start[:, layer], samples, self.taps[layer]).chunk(2, 1)
        mixed = self._linear(self.mix_bias[layer], filtered.tanh() * gated.sigmoid(), self.mix[layer])
        return x + mixed[:, : x.shape[1]], skips + mixed[:, x.shape[1] :]

    def _linear(self, sums: Tensor, x: Tensor, matrix: Tensor) -> Tensor:
        return torch.addmm(sums, x, matrix)

    def _draw(self) -> Tensor:
        if self.weights.kind == "softmax":
            return self._choose(self._guided(), self.uniforms[:, 0])
        choices, means, log_scales = self.logits.chunk(3, 1)
        chosen = self._choose(choices, self.uniforms[:, 0])[:, None]
        scale = log_scales.gather(1, chosen)[:, 0].clamp(min=self.weights.least_log_scale).exp()
        noise = self.temperature * self.uniforms[:, 1].clamp(EDGE, 1 - EDGE).logit()
        value = (means.gather(1, chosen)[:, 0] + scale * noise).clamp(-1, 1)
        return ((value + 1) * (HIGHEST / 2) + 0.5).floor().to(torch.int64)

    def _guided(self) -> Tensor:
        if self.guidance == 1:
            return self.logits
        conditional, unconditional = self.logits[0::2], self.logits[1::2]
        return torch.lerp(unconditional, conditional, self.guidance).repeat_interleave(2, 0)

    def _choose(self, logits: Tensor, uniform: Tensor) -> Tensor:
        if self.temperature == 0:
            return logits.argmax(1)
        chances = (logits / self.temperature).softmax(1)
        if self.top_p < 1 and self.weights.kind == "softmax":
            ordered = chances.sort(1, descending=True).values
            kept = (ordered.cumsum(1) < self.top_p).sum(1, keepdim=True).clamp(max=logits.shape[1] - 1)
            least = ordered.gather(1, kept)
            chances = torch.where(chances < least, 0.0, chances)
        sums = chances.cumsum(1)
        bound = uniform[:, None].to(sums.dtype) * sums[:, -1:]
        return torch.searchsorted(sums, bound, right=True)[:, 0].clamp(max=logits.shape[1] - 1)


def graphed(step: Callable[[], None], changing: Sequence[Tensor]) -> Callable[[], None]:
    """Capture a step as a CUDA graph; the tensors that it changes keep their values."""
    before = [tensor.clone() for tensor in changing]
    side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):  # libraries initialise on their first calls, which must not be captured
        step()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    for tensor, value in zip(changing, before, strict=True):
        tensor.copy_(value)
    return graph.replay
