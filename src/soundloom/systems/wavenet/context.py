"""A context stack: a second, slower and narrower stack whose output conditions the first (paper, section 2.6).

It sees the samples in frames, so a few layers reach back over seconds. Frame f conditions the samples of frame f + 1
and none of its own: no sample sees its future.
"""

from __future__ import annotations

import numpy as np
from einops import rearrange, repeat
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from soundloom.runtime.compiled import compiled
from soundloom.systems.wavenet.arrays import Floats, as_array, matrix_of
from soundloom.systems.wavenet.gated import Convolution, GatedLayer, Stack
from soundloom.systems.wavenet.settings import Context


class ContextStack(nn.Module):
    """Samples to a signal of `channels` that is constant within a frame."""

    def __init__(self, config: Context) -> None:
        super().__init__()
        self.config = config
        width = config.channels
        self.first = Convolution(config.stride, width, 1)
        self.layers = Stack(GatedLayer(width, width, width, 2, dilation) for dilation in config.dilations)

    def forward(self, values: Tensor, time: int) -> Tensor:
        """Return the conditioning of the `time` samples that end one after the last given one, (batch, channels, time).

        Args:
            values: samples from -1 to 1, (batch, given). The first one begins a frame, and at least config.frames whole
                frames precede the first sample of the result.
            time: number of samples to condition.
        """
        stride = self.config.stride
        whole = values.shape[1] // stride
        x = self.first(
            rearrange(values[:, : whole * stride], "batch (frame sample) -> batch sample frame", sample=stride)
        )
        left = whole - self.config.frames + 1
        found = F.relu(self.layers(x, [None] * len(self.layers), left))
        held = repeat(found, "batch channel frame -> batch channel (frame sample)", sample=stride)
        after = values.shape[1] + 1 - whole * stride  # samples predicted from the last frame's output
        return held[..., held.shape[-1] - stride + after - time : held.shape[-1] - stride + after]


class ContextState:
    """The stack one frame at a time, for sampling; each layer keeps its own past inputs.

    Every sequence is computed by itself with a fixed order of sums, so it does not depend on the batch size.
    """

    def __init__(self, stack: ContextStack, gates: Tensor, sequences: int, silence: float) -> None:
        """Start after endless silence.

        Args:
            stack: the trained stack.
            gates: the map from the stack to the gates of the main stack, (layers * 2 gate, channels).
            sequences: how many there are.
            silence: value of silence.
        """
        config = stack.config
        self.stride = config.stride
        self.first = matrix_of(stack.first)
        self.taps = np.stack([as_array(layer.dilated.weight.permute(2, 1, 0)) for layer in stack.layers])
        self.gate_bias = np.stack([as_array(layer.dilated.bias) for layer in stack.layers])
        self.mix = np.stack([matrix_of(layer.mix) for layer in stack.layers])
        self.mix_bias = np.stack([as_array(layer.mix.bias) for layer in stack.layers])
        self.first_bias, self.scale = as_array(stack.first.bias), np.float32(stack.layers.skip_scale)
        self.gates = np.ascontiguousarray(as_array(gates).T)
        self.dilations = np.array(config.dilations)
        self.begins = np.concatenate(([0], np.cumsum(self.dilations)))
        self.past = np.zeros((sequences, int(self.begins[-1]), config.channels), np.float32)
        self.frame = 0
        self.now = np.zeros((sequences, self.gates.shape[1]), np.float32)
        quiet = np.full((sequences, self.stride), silence, np.float32)
        for _ in range(config.frames):  # endless silence fills the past of every layer
            self.step(quiet)

    def step(self, values: np.ndarray) -> np.ndarray:
        """Take one frame of samples from -1 to 1, (sequence, stride).

        Returns what it adds to the gates of the next frame's samples, (sequence, layers * 2 gate).
        """
        for sequence in range(len(values)):
            _step(
                np.ascontiguousarray(values[sequence], np.float32), self.past[sequence], self.frame, self.now[sequence],
                self.dilations, self.begins, self.first, self.first_bias, self.taps, self.gate_bias, self.mix,
                self.mix_bias, self.scale, self.gates,
            )  # fmt: skip
        self.frame += 1
        return self.now


@compiled()
def _times(x: Floats, matrix: Floats, y: Floats) -> None:
    """y += x matrix, one input after another."""
    for row in range(len(x)):
        for column in range(matrix.shape[1]):
            y[column] += x[row] * matrix[row, column]


@compiled()
def _step(
    values: Floats,
    past: Floats,
    frame: int,
    now: Floats,
    dilations: NDArray[np.int64],
    begins: NDArray[np.int64],
    first: Floats,
    first_bias: Floats,
    taps: Floats,
    gate_bias: Floats,
    mix: Floats,
    mix_bias: Floats,
    scale: np.float32,
    gates: Floats,
) -> None:
    """Run one frame through all layers; `past` is a ring buffer of each layer's inputs."""
    channels = first.shape[1]
    x, total = first_bias.copy(), np.zeros(channels, np.float32)
    _times(values, first, x)
    for layer in range(len(dilations)):
        place = begins[layer] + frame % dilations[layer]
        gates_in, mixed = gate_bias[layer].copy(), mix_bias[layer].copy()
        _times(past[place], taps[layer, 0], gates_in)
        _times(x, taps[layer, 1], gates_in)
        past[place] = x
        z = np.tanh(gates_in[:channels]) / (np.float32(1) + np.exp(-gates_in[channels:]))
        _times(z, mix[layer], mixed)
        x += mixed[:channels]
        total += mixed[channels:]
    now[:] = 0
    _times(np.maximum(total * scale, np.float32(0)), gates, now)
