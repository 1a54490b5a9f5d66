"""Draw symbols of any number of sequences, in chunks of any length, with the same result."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from soundloom.systems.wavenet.sampler import batched as together
from soundloom.systems.wavenet.sampler import single as alone
from soundloom.systems.wavenet.sampler.memory import Memory, settled
from soundloom.systems.wavenet.sampler.packing import floats, halves, quarters, rounded
from soundloom.systems.wavenet.sampler.plan import plan
from soundloom.systems.wavenet.sampler.steady import inputs_in_silence
from soundloom.systems.wavenet.sampler.vectors import LANES
from soundloom.systems.wavenet.sampler.weights import Floats, Precision, Weights

FEWEST_TOGETHER = 6  # sequences that are quicker with idle lanes beside them than one after another


@dataclass
class State:
    """What sequences remember between two calls of `Sampler.advance`, one call at a time.

    A sequence takes `Weights.queue_floats` floats of four bytes, R rounded up to a multiple of 16; alone, 16 steps of
    as many sums as there are gates in all layers; and twice these gates for what they start with.

    Attributes:
        time: steps taken so far.
        groups: sequences that advance together: from which on, and what they remember.
    """

    sequences: int
    time: int
    groups: list[tuple[slice, Memory]]


class Sampler:
    """Samples a network on the CPU; only reads itself, so threads may share it, each with states of its own.

    A sequence's symbols and logits are the same, to the last bit, alone and among others, in one call and in many.
    """

    def __init__(self, weights: Weights, precision: Precision = "float32") -> None:
        if precision == "bfloat16":
            weights = replace(
                weights,
                taps=rounded(weights.taps),
                mix=rounded(weights.mix),
                end=rounded(weights.end),
                head=rounded(weights.head),
            )
        self.weights = weights
        self._together = plan(weights, quarters if precision == "int8" else floats)
        self._alone = plan(weights, halves) if precision == "bfloat16" else self._together

    @property
    def draws(self) -> int:
        """Uniform numbers that drawing one symbol takes."""
        return self.weights.draws

    def begin(self, starts: Floats, silence: int, paired: bool = False) -> State:
        """Sequences after endless silence.

        Args:
            starts: what gates start with, (sequence, layer, frame, 2 G), of which the first frame counts.
            silence: the symbol of silence.
            paired: whether sequences go on in pairs, which `advance` may guide.
        """
        inputs = np.stack([inputs_in_silence(self.weights, one[:, 0].astype(np.float32), silence) for one in starts])
        groups = []
        for first in range(0, len(inputs), LANES):
            group = inputs[first : first + LANES]
            if paired or len(group) >= FEWEST_TOGETHER:
                filled = np.pad(group, ((0, LANES - len(group)), (0, 0), (0, 0)))
                groups.append((slice(first, first + len(group)), settled(self._together, filled, silence)))
            else:
                groups += [
                    (slice(n, n + 1), settled(self._alone, inputs[n : n + 1], silence))
                    for n in range(first, first + len(group))
                ]
        return State(len(inputs), 0, groups)

    def advance(
        self,
        state: State,
        symbols: NDArray[np.int64],
        uniforms: NDArray[np.float64],
        starts: Floats,
        *,
        hop: int = 1,
        offset: int = 0,
        temperature: float = 1.0,
        top_p: float = 1.0,
        guidance: float = 1.0,
        logits: Floats | None = None,
    ) -> None:
        """Take as many steps as there are symbols: those given are heard, those that are negative are drawn and put.

        Args:
            state: is led on.
            symbols: (sequence, step), contiguous.
            uniforms: numbers in [0, 1), (sequence, step, draw), `Weights.draws` of them for each step.
            starts: what gates start with, (sequence, layer, frame, 2 G); between frames it moves on a straight line.
            hop: steps from frame to frame.
            offset: steps from the first frame to the first symbol.
            temperature: divides the logits; at 0 it is the likeliest symbol.
            top_p: of the probability is left to be drawn from, the likeliest symbols first.
            guidance: other than 1, of sequences in pairs and of classes only: both of a pair, which are given the same
                symbols and uniform numbers, draw by the second's outputs and so many times what the first has more.
            logits: takes the network's outputs, (sequence, step, output), contiguous.
        """
        assert symbols.shape[0] == state.sequences
        assert symbols.flags.c_contiguous
        assert guidance == 1 or all((which.stop - which.start) % 2 == 0 for which, _ in state.groups)
        starts = np.ascontiguousarray(starts, np.float32)
        uniforms = np.ascontiguousarray(uniforms, np.float64)
        room = np.empty((state.sequences, 0, 0), np.float32) if logits is None else logits
        for which, held in state.groups:
            if which.stop - which.start == 1:
                one = which.start
                values = (symbols[one], uniforms[one], starts[one], hop, offset, temperature, top_p, room[one])
                alone.advance(self._alone, held, state.time, *values)
            else:
                values = (symbols[which], uniforms[which], starts[which], hop, offset, temperature, top_p, guidance)
                together.advance(self._together, held, state.time, *values, room[which])
        state.time += symbols.shape[1]
