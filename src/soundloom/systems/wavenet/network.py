"""The network: a causal stack of gated dilated convolutions with residual and skip connections.

van den Oord et al. 2016, https://arxiv.org/abs/1609.03499, sections 2.1 to 2.6.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F

from soundloom.systems.wavenet.context import ContextStack
from soundloom.systems.wavenet.frames import FrameNetwork, at_samples
from soundloom.systems.wavenet.gated import Convolution, GatedLayer, Stack
from soundloom.systems.wavenet.logistics import initial_bias
from soundloom.systems.wavenet.settings import WaveNetConfig

WAVES = 8  # number of sines and of cosines over the classes in an untrained first layer
CODE = 32  # dimensions to which a row of conditions is projected before it reaches the gates


class FirstLayer(nn.Module):
    """Symbols to channels: a causal convolution; for one-hot classes it is a table lookup."""

    def __init__(self, config: WaveNetConfig, levels: int) -> None:
        super().__init__()
        self.levels, self.classes = levels, config.classes
        shape = (
            (config.first_kernel, levels + 1, config.residual)
            if config.classes
            else (config.first_kernel, config.residual)
        )
        self.taps = nn.Parameter(torch.randn(shape) / math.sqrt(config.first_kernel))
        if config.classes:
            with torch.no_grad():
                self.taps[:, :levels] = smooth(len(self.taps), levels, config.residual) / math.sqrt(config.first_kernel)
        self.bias = nn.Parameter(torch.zeros(config.residual))

    def forward(self, symbols: Tensor) -> Tensor:
        """Symbols (batch, time) to (batch, residual, time - first_kernel + 1)."""
        reach = len(self.taps)
        left = symbols.shape[1] - reach + 1
        x = self.bias + sum(self._tap(self.taps[tap], symbols[:, reach - 1 - tap :][:, :left]) for tap in range(reach))
        return rearrange(x, "batch time channel -> batch channel time")

    def _tap(self, weight: Tensor, symbols: Tensor) -> Tensor:
        return F.embedding(symbols, weight) if self.classes else values(symbols, self.levels)[..., None] * weight


def smooth(tables: int, levels: int, width: int) -> Tensor:
    """Random tables (table, level, width) with a root mean square of 1, in which neighbouring classes are similar.

    Classes are ordered. A network with unordered tables spends its first thousand steps on learning the order.
    """
    place = torch.linspace(-1, 1, levels)[:, None]
    waves = torch.arange(1, WAVES + 1)
    shapes = [
        place,
        place.abs(),
        torch.sin(math.pi * waves * place) / waves,
        torch.cos(math.pi * waves * place) / waves,
    ]
    features = torch.cat([shape / shape.square().mean().sqrt() for shape in shapes], dim=1)
    drawn = features @ torch.randn(tables, features.shape[1], width)
    return drawn / drawn.square().mean().sqrt()


def values(symbols: Tensor, levels: int) -> Tensor:
    """Symbols 0 to levels - 1 as numbers from -1 to 1; the symbol that precedes a clip is 2."""
    numbers = symbols.float() * (2 / (levels - 1)) - 1
    return torch.where(symbols == levels, 2.0, numbers)


def before_clip(levels: int, classes: bool) -> int:
    """The symbol that precedes every clip endlessly. It is not silence, after which a sound need not begin."""
    return levels if classes else levels + levels // 2  # 2 as a number, outside the range of samples


class Network(nn.Module):
    """The samples so far to the distribution of the next: classes, or a mixture of logistics."""

    def __init__(self, config: WaveNetConfig, levels: int, code_width: int) -> None:
        super().__init__()
        self.config, self.levels = config, levels
        self.first = FirstLayer(config, levels)
        self.layers = Stack(
            GatedLayer(config.residual, config.gate, config.skip, config.kernel, dilation)
            for dilation in config.dilations
        )
        gates = 2 * config.gate * len(self.layers)
        self.code = nn.Linear(code_width, CODE) if code_width else None
        self.code_gates = nn.Linear(CODE, gates, bias=False) if code_width else None
        self.frames = FrameNetwork(config.frames, config.frame_channels) if config.frames else None
        self.frame_gates = nn.Conv1d(config.frame_channels, gates, 1, bias=False) if config.frames else None
        self.context = ContextStack(config.context) if config.context else None
        self.context_gates = nn.Conv1d(config.context.channels, gates, 1, bias=False) if config.context else None
        self.end = Convolution(config.skip, config.end, 1)
        self.head = Convolution(config.end, levels if config.classes else 3 * config.logistics, 1)
        with torch.no_grad():
            self.head.weight.mul_(0.1)
            self.head.bias.copy_(torch.zeros(levels) if config.classes else initial_bias(config.logistics))

    def forward(
        self,
        symbols: Tensor,
        codes: Tensor,
        steps: int,
        spectra: Tensor | None = None,
        hidden: Tensor | None = None,
        position: Tensor | None = None,
        begins: bool = False,
    ) -> Tensor:
        """Predict the sample after each of the last `steps` symbols.

        Args:
            symbols: (batch, config.history + steps - 1), or (batch, first_kernel + steps - 1) of a clip that `begins`.
            codes: condition rows, (batch, width).
            spectra: for a vocoder, the clip's mel frames, 0 at the floor and 1 at the peak, (batch, band, frame).
            hidden: which clips' frames are unknown, (batch,), or None.
            position: for a vocoder, the index of the first predicted sample in its clip, (batch,). With a context
                stack, the first given symbol begins one of its frames.
            begins: whether the clip begins here, so that only the symbol before a clip precedes the first sample; then
                nothing is computed for the constant past. Not with a context stack.

        Returns:
            Logits or parameters, (batch, outputs, steps).
        """
        time = (
            steps if begins else steps + self.config.stack_field - self.config.first_kernel
        )  # inputs of the first gates
        before = 0 if begins else self.config.gates_before
        moving: list[tuple[nn.Conv1d, Tensor]] = []
        if self.frames is not None and self.frame_gates is not None:
            assert spectra is not None
            assert position is not None
            frames = at_samples(self.frames(spectra, hidden), position - before, steps + before, self.frames.hop)
            moving.append((self.frame_gates, frames))
        if self.context is not None and self.context_gates is not None:
            moving.append((self.context_gates, self.context(values(symbols, self.levels), steps + before)))
        x = self.first(symbols[:, -(time + self.config.first_kernel - 1) :])
        total = self.layers(x, self._added(self.code_parts(codes), moving), steps, begins)
        found: Tensor = self.head(F.relu(self.end(F.relu(total))))
        return found

    def code_parts(self, codes: Tensor) -> Tensor | None:
        """The contribution of conditions to the gates of all layers, (batch, layers * 2 gate, 1)."""
        if self.code is None or self.code_gates is None:
            return None
        gates: Tensor = self.code_gates(F.gelu(self.code(codes)))
        return gates[..., None]

    def _added(self, fixed: Tensor | None, moving: Sequence[tuple[nn.Conv1d, Tensor]]) -> Iterator[Tensor | None]:
        """The conditioning of each layer's gates, (batch, 2 gate, 1 or time)."""
        size = 2 * self.config.gate
        for number in range(len(self.layers)):
            place = slice(number * size, (number + 1) * size)
            part = None if fixed is None else fixed[:, place]
            for gates, signal in moving:
                more = F.conv1d(signal, gates.weight[place])
                part = more if part is None else part + more
            yield part
