"""The weights of a trained network as plain arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Head = Literal["softmax", "logistics"]
Precision = Literal["float32", "bfloat16", "int8"]
PRECISIONS: tuple[Precision, ...] = ("float32", "bfloat16", "int8")  # slowest first

MIXTURE = 3  # parameters of one logistic: logit, mean and log scale


@dataclass(frozen=True)
class Weights:
    """A dilated stack with R residual, G gate, S skip and E end channels, kernels of K samples and N layers.

    Matrices are (input, output). A layer's bias and all conditions, which are added to its gates, are not stored: they
    are passed with each sequence as `conditioning`.

    Attributes:
        first: what previous symbols add to the first layer's input, newest first. A table for the softmax,
            (k0, levels or more, R): there may be symbols that occur in a history but are never drawn. For logistics,
            whose symbols are numbers in [-1, 1], (k0, R).
        first_bias: (R,).
        taps: (N, K, R, 2 G), the oldest sample's first; of the outputs the first G pass tanh, the last G the sigmoid.
        dilations: (N,).
        mix: (N, G, R + S), gate to residual and skip.
        mix_bias: (N, R + S).
        skip_scale: factor of the sum of all layers' skips.
        end: (S, E).
        end_bias: (E,).
        head: (E, outputs).
        head_bias: (outputs,).
        kind: "softmax" has a logit for each of `levels` symbols; "logistics" has logits, means and log scales of M
            logistic distributions over [-1, 1], 3 M outputs in this order.
        levels: number of symbols, 0 to levels - 1.
        least_log_scale: lower bound of a logistic's log scale.
    """

    first: Floats
    first_bias: Floats
    taps: Floats
    dilations: NDArray[np.int64]
    mix: Floats
    mix_bias: Floats
    skip_scale: float
    end: Floats
    end_bias: Floats
    head: Floats
    head_bias: Floats
    kind: Head = "softmax"
    levels: int = 256
    least_log_scale: float = -7.0

    def __post_init__(self) -> None:
        layers, kernel, residual, gates = self.taps.shape
        outputs = self.head.shape[1]
        entries = (self.first.shape[1],) if self.kind == "softmax" else ()
        wanted = {
            "first": (len(self.first), *entries, residual),
            "first_bias": (residual,),
            "dilations": (layers,),
            "mix": (layers, gates // 2, residual + self.skip),
            "mix_bias": (layers, residual + self.skip),
            "end": (self.skip, self.head.shape[0]),
            "end_bias": (self.head.shape[0],),
            "head_bias": (outputs,),
        }
        for name, shape in wanted.items():
            assert getattr(self, name).shape == shape, f"{name} is {getattr(self, name).shape}, not {shape}"
        assert kernel >= 2
        assert gates % 2 == 0
        assert outputs % MIXTURE == 0 if self.kind == "logistics" else outputs == self.levels

    @property
    def residual(self) -> int:
        return int(self.taps.shape[2])

    @property
    def gates(self) -> int:
        return int(self.taps.shape[3]) // 2

    @property
    def skip(self) -> int:
        return len(self.end)

    @property
    def outputs(self) -> int:
        return len(self.head_bias)

    @property
    def draws(self) -> int:
        """Uniform numbers that one symbol takes."""
        return 1 if self.kind == "softmax" else 2

    @property
    def queue_floats(self) -> int:
        """Floats in the queues of one sequence: for every layer, the inputs that its older taps still need."""
        return int(((self.taps.shape[1] - 1) * self.dilations).sum()) * self.residual
