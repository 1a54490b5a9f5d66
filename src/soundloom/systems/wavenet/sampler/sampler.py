"""Draw symbols of any number of sequences, in chunks of any length; neither number changes the result."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from soundloom.systems.wavenet.sampler import batched, single
from soundloom.systems.wavenet.sampler.buffers import Buffers, buffers_after_silence
from soundloom.systems.wavenet.sampler.packing import pack_bfloat16, pack_float32, pack_int8, to_bfloat16
from soundloom.systems.wavenet.sampler.plan import plan
from soundloom.systems.wavenet.sampler.steady_state import layer_inputs_in_silence
from soundloom.systems.wavenet.sampler.vectors import LANES
from soundloom.systems.wavenet.sampler.weights import Floats, Precision, Weights

FEWEST_BATCHED = 6  # from this many sequences on, the batched kernel with unused lanes beats the single kernel


@dataclass
class State:
    """The state of sequences between two calls of `Sampler.advance`; not to be used by two threads at once.

    Each sequence holds `Weights.queue_floats` float32 values, with R rounded up to a multiple of 16, and two values
    of conditioning for each gate. A sequence in the single kernel also holds the gate sums of 16 steps.

    Attributes:
        time: steps taken so far.
        batches: sequences that share one kernel call, and the buffers of that call.
    """

    sequences: int
    time: int
    batches: list[tuple[slice, Buffers]]


class Sampler:
    """Samples a network on the CPU. It is never modified, so threads may share it if each has its own `State`.

    A sequence's symbols and logits do not depend, to the last bit, on the number of sequences or of calls.
    """

    def __init__(self, weights: Weights, precision: Precision = "float32") -> None:
        if precision == "bfloat16":
            weights = replace(
                weights,
                taps=to_bfloat16(weights.taps),
                mix=to_bfloat16(weights.mix),
                end=to_bfloat16(weights.end),
                head=to_bfloat16(weights.head),
            )
        self.weights = weights
        self._batched = plan(weights, pack_int8 if precision == "int8" else pack_float32)
        self._single = plan(weights, pack_bfloat16) if precision == "bfloat16" else self._batched

    @property
    def draws(self) -> int:
        """Uniform numbers that drawing one symbol takes."""
        return self.weights.draws

    def begin(self, conditioning: Floats, silence: int, paired: bool = False) -> State:
        """Return the state of sequences that are preceded by endless silence.

        Args:
            conditioning: added to the gates, (sequence, layer, frame, 2 G); only the first frame is read.
            silence: the symbol of silence.
            paired: whether sequences come in pairs, as guidance in `advance` needs.
        """
        inputs = np.stack(
            [layer_inputs_in_silence(self.weights, one[:, 0].astype(np.float32), silence) for one in conditioning]
        )
        batches = []
        for first in range(0, len(inputs), LANES):
            batch = inputs[first : first + LANES]
            if paired or len(batch) >= FEWEST_BATCHED:
                padded = np.pad(batch, ((0, LANES - len(batch)), (0, 0), (0, 0)))
                batches.append(
                    (slice(first, first + len(batch)), buffers_after_silence(self._batched, padded, silence))
                )
            else:
                batches += [
                    (slice(n, n + 1), buffers_after_silence(self._single, inputs[n : n + 1], silence))
                    for n in range(first, first + len(batch))
                ]
        return State(len(inputs), 0, batches)

    def advance(
        self,
        state: State,
        symbols: NDArray[np.int64],
        uniforms: NDArray[np.float64],
        conditioning: Floats,
        *,
        hop: int = 1,
        offset: int = 0,
        temperature: float = 1.0,
        top_p: float = 1.0,
        guidance: float = 1.0,
        logits: Floats | None = None,
    ) -> None:
        """Take one step for each symbol. Symbols of 0 or more are given; negative ones are replaced by draws.

        Args:
            state: updated in place.
            symbols: (sequence, step), contiguous; updated in place.
            uniforms: numbers in [0, 1), (sequence, step, draw), with `Weights.draws` of them for each step.
            conditioning: added to the gates, (sequence, layer, frame, 2 G), interpolated linearly between frames.
            hop: steps from one frame to the next.
            offset: steps from the first frame to the first symbol.
            temperature: divides the logits; 0 takes the most likely symbol.
            top_p: draws only from the most likely symbols that together have this probability.
            guidance: scale of classifier-free guidance; 1 is none. Any other value needs a softmax head and sequences
                in pairs (conditional, unconditional), both of which get the same symbols and uniform numbers.
            logits: filled with the network's outputs, (sequence, step, output), contiguous.
        """
        assert symbols.shape[0] == state.sequences
        assert symbols.flags.c_contiguous
        assert guidance == 1 or all((rows.stop - rows.start) % 2 == 0 for rows, _ in state.batches)
        conditioning = np.ascontiguousarray(conditioning, np.float32)
        uniforms = np.ascontiguousarray(uniforms, np.float64)
        outputs = np.empty((state.sequences, 0, 0), np.float32) if logits is None else logits
        for rows, buffers in state.batches:
            if rows.stop - rows.start == 1:
                row = rows.start
                values = (symbols[row], uniforms[row], conditioning[row], hop, offset, temperature, top_p, outputs[row])
                single.advance(self._single, buffers, state.time, *values)
            else:
                values = (symbols[rows], uniforms[rows], conditioning[rows], hop, offset, temperature, top_p, guidance)
                batched.advance(self._batched, buffers, state.time, *values, outputs[rows])
        state.time += symbols.shape[1]
