"""Sums of products in vector registers, written in LLVM's own instructions.

Numba turns a loop over an array into one that loads, adds to and stores each sum. What makes a sampler fast is that
sums stay in registers while weights stream by, so the two inner loops of the sampler are spelt out here. Both compute

    sums[o] += weights[k, o] * x[k]        for k = 0, 1, 2 ..., one fused multiply-add after another,

and differ in what the 16 lanes of a register hold: `weigh` has 16 outputs o of one sequence, `weigh_lanes` one output
of 16 sequences. A sum takes the same terms in the same order in both, so both give the same bits, on any machine: LLVM
splits a vector of 16 into what the processor has, and `llvm.fma` is one rounding wherever it runs.

Weights lie in an arena, a flat array in the order in which `weigh` reads it: groups of so many blocks of 16 outputs,
each group (input, output). The type of the arena says what an element is: a float32, or a uint32 that holds two
bfloat16, of an even input in its lower half and of the input after it in the upper. A bfloat16 is the upper half of a
float32.

Arrays come with the place of the first element wanted, since a slice costs more than a number. They are contiguous;
nothing need be aligned, but what is aligned to 64 bytes is read faster. Numba looks at a function's own file only to
see whether the copy on disk is old: after a change here, touch `alone.py` and `together.py`.
"""

from __future__ import annotations

from typing import Any

import numba
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.codegen import get_host_cpu_features
from numba.extending import intrinsic

LANES = 16  # float32 in a register of AVX-512
UNROLL = 4  # inputs of one turn of a loop: their number is padded to a multiple
AHEAD = 4096  # bytes in front of the weights in use that memory is asked for

MANY_REGISTERS = "+avx512f" in (numba.config.CPU_FEATURES or get_host_cpu_features())
BLOCKS = 8 if MANY_REGISTERS else 4  # times 16 outputs that `weigh` sums at once, at most
ROWS = 16 if MANY_REGISTERS else 4  # outputs that `weigh_lanes` sums at once

FLOAT = ir.FloatType()
INT = ir.IntType(32)
FLOATS = ir.VectorType(FLOAT, LANES)
INTS = ir.VectorType(INT, LANES)


class Emitter:
    """Puts instructions on vectors of 16 into a function that numba builds; a place is a pointer to an element."""

    def __init__(self, context: Any, builder: Any) -> None:
        self.context, self.builder = context, builder

    def place(self, kind: Any, array: Any, index: Any) -> Any:
        return self.builder.gep(self.context.make_array(kind)(self.context, self.builder, array).data, [index])

    def after(self, place: Any, elements: Any, times: Any = 1) -> Any:
        """The place so many elements further on; numbers may be Python's own."""
        factors = [ir.Constant(ir.IntType(64), n) if isinstance(n, int) else n for n in (elements, times)]
        return self.builder.gep(place, [self.builder.mul(*factors)])

    def load(self, place: Any, kind: Any = FLOATS) -> Any:
        return self.builder.load(self.builder.bitcast(place, kind.as_pointer()), align=4)

    def store(self, vector: Any, place: Any) -> None:
        self.builder.store(vector, self.builder.bitcast(place, vector.type.as_pointer()), align=4)

    def splat(self, place: Any) -> Any:
        """One float in every lane."""
        first = self.builder.insert_element(ir.Constant(FLOATS, ir.Undefined), self.builder.load(place), INT(0))
        return self.builder.shuffle_vector(first, ir.Constant(FLOATS, ir.Undefined), ir.Constant(INTS, None))

    def weights(self, place: Any) -> list[Any]:
        """What 16 elements of an arena hold, as one vector for each input."""
        if place.type.pointee == FLOAT:
            return [self.load(place)]
        words = self.load(place, INTS)
        lower = self.builder.shl(words, ir.Constant(INTS, [16] * LANES))
        upper = self.builder.and_(words, ir.Constant(INTS, [0xFFFF0000] * LANES))
        return [self.builder.bitcast(half, FLOATS) for half in (lower, upper)]

    def multiply_add(self, a: Any, b: Any, c: Any) -> Any:
        signature = ir.FunctionType(FLOATS, [FLOATS] * 3)
        name = f"llvm.fma.v{LANES}f32"
        return self.builder.call(cgutils.get_or_insert_function(self.builder.module, signature, name), [a, b, c])

    def ask_for(self, place: Any) -> None:
        """Have memory that is about to be read fetched."""
        pointer = self.builder.bitcast(place, ir.IntType(8).as_pointer())
        signature = ir.FunctionType(ir.VoidType(), [pointer.type, INT, INT, INT])
        fetch = cgutils.get_or_insert_function(self.builder.module, signature, "llvm.prefetch.p0")
        ahead = self.builder.gep(pointer, [ir.Constant(ir.IntType(64), AHEAD)])
        self.builder.call(fetch, [ahead, INT(0), INT(3), INT(1)])

    def held(self, vector: Any) -> Any:
        """A register of its own for a vector that changes in a loop."""
        return cgutils.alloca_once_value(self.builder, vector)


@intrinsic(prefer_literal=True)  # type: ignore[untyped-decorator]
def weigh(
    typing: Any,
    sums: Any,
    to: Any,
    sums_apart: Any,
    weights: Any,
    at: Any,
    x: Any,
    start: Any,
    x_apart: Any,
    inputs: Any,
    rows: Any,
    blocks: Any,
) -> Any:
    """Add `inputs` weighted inputs to `blocks` * 16 sums, for each of `rows` sets of inputs and sums.

    Args:
        sums: float32; the first set from `to` on, the next `sums_apart` further.
        weights: an arena; the group (input, blocks * 16) from `at` on.
        x: float32; the first set of inputs from `start` on, the next `x_apart` further.
        inputs: a multiple of UNROLL.
        rows, blocks: literal numbers, of which the product should fit the registers.
    """
    high, wide = rows.literal_value, blocks.literal_value
    arguments = (sums, to, sums_apart, weights, at, x, start, x_apart, inputs, rows, blocks)

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        put = Emitter(context, builder)
        outs = [put.after(put.place(sums, *values[0:2]), values[2], row) for row in range(high)]
        ins = [put.after(put.place(x, *values[5:7]), values[7], row) for row in range(high)]
        group = put.place(weights, *values[3:5])
        per_element = 1 if group.type.pointee == FLOAT else 2
        totals = [[put.held(put.load(put.after(out, LANES * block))) for block in range(wide)] for out in outs]
        with cgutils.for_range_slice(builder, values[8].type(0), values[8], values[8].type(UNROLL)) as (k, _):
            line = put.after(group, k, wide * LANES // per_element)
            for element in range(UNROLL // per_element):
                splats = [
                    [put.splat(put.after(put.after(row, k), element * per_element + n)) for row in ins]
                    for n in range(per_element)
                ]
                for block in range(wide):
                    here = put.after(line, (element * wide + block) * LANES)
                    put.ask_for(here)
                    for weight, inputs_of_rows in zip(put.weights(here), splats, strict=True):
                        for one, total in zip(inputs_of_rows, totals, strict=True):
                            builder.store(put.multiply_add(weight, one, builder.load(total[block])), total[block])
        for out, total in zip(outs, totals, strict=True):
            for block in range(wide):
                put.store(builder.load(total[block]), put.after(out, LANES * block))
        return context.get_dummy_value()

    return types.void(*arguments), emit


@intrinsic  # type: ignore[untyped-decorator]
def weigh_lanes(
    typing: Any, sums: Any, to: Any, weights: Any, at: Any, apart: Any, x: Any, start: Any, inputs: Any
) -> Any:
    """Add `inputs` weighted inputs to ROWS sums of each of 16 sequences.

    Args:
        sums: float32 (output, lane), from `to` on.
        weights: an arena of float32; the ROWS weights of the first input from `at` on, the next input's `apart` further.
        x: float32 (input, lane), from `start` on.
        inputs: a multiple of UNROLL.
    """
    arguments = (sums, to, weights, at, apart, x, start, inputs)

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        put = Emitter(context, builder)
        out, group, lanes = put.place(sums, *values[0:2]), put.place(weights, *values[2:4]), put.place(x, *values[5:7])
        totals = [put.held(put.load(put.after(out, LANES * row))) for row in range(ROWS)]
        with cgutils.for_range_slice(builder, values[7].type(0), values[7], values[7].type(UNROLL)) as (k, _):
            for n in range(UNROLL):
                one = put.load(put.after(put.after(lanes, k, LANES), LANES * n))
                line = put.after(put.after(group, k, values[4]), values[4], n)
                for row, total in enumerate(totals):
                    weight = put.splat(put.after(line, row))
                    builder.store(put.multiply_add(weight, one, builder.load(total)), total)
        for row, total in enumerate(totals):
            put.store(builder.load(total), put.after(out, LANES * row))
        return context.get_dummy_value()

    return types.void(*arguments), emit
