"""Sums of products in vector registers, the inner loops of the sampler.

Numba turns a loop over an array into one that loads, adds to and stores each sum. What makes a sampler fast is that
sums stay in registers while weights stream by, so these loops are spelt out. Both compute

    sums[o] += weights[k, o] * x[k]        for k = 0, 1, 2 ..., one fused multiply-add after another,

and differ in what the 16 lanes of a register hold: `product` has 16 outputs o of one sequence, `product_of_lanes` one
output of 16 sequences. A sum takes the same terms in the same order in both, so both give the same bits, and so does
any machine: `llvm.fma` rounds once wherever it runs.

Weights lie in an arena, a flat array in the order in which `product` reads it: groups of so many blocks of 16 outputs,
each group (input, output). An element is a float32, or a uint32 of two bfloat16, of an even input in its lower half and
of the input after it in the upper. A bfloat16 is the upper half of a float32.
"""

from __future__ import annotations

from typing import Any

from soundloom.systems.wavenet.sampler.vectors import (
    FLOAT,
    FLOATS,
    INTS,
    LANES,
    MANY_REGISTERS,
    SIZE,
    Instructions,
    cgutils,
    function,
)

UNROLL = 4  # inputs of one turn of a loop: their number is padded to a multiple
ROWS = 16 if MANY_REGISTERS else 4  # outputs that `product_of_lanes` sums at once


def product(module: Any, element: Any, rows: int, blocks: int) -> Any:
    """A function (sums, arena, x, sums_apart, x_apart, inputs) that adds to `blocks` * 16 sums.

    It does so for each of `rows` sets of sums, `sums_apart` from each other, and inputs, `x_apart` from each other.

    Args:
        element: FLOAT, or INT for two bfloat16.
    """
    floats = FLOAT.as_pointer()
    name = f"product.{element}.{rows}.{blocks}"
    kernel, put = function(module, name, [floats, element.as_pointer(), floats, SIZE, SIZE, SIZE])
    if put is None:
        return kernel
    sums, arena, x, sums_apart, x_apart, inputs = kernel.args
    outs = [put.after(sums, sums_apart, row) for row in range(rows)]
    ins = [put.after(x, x_apart, row) for row in range(rows)]
    totals = [[put.held(put.load(put.after(out, LANES * block))) for block in range(blocks)] for out in outs]
    inputs_each = 1 if element == FLOAT else 2
    with cgutils.for_range_slice(put.builder, SIZE(0), inputs, SIZE(UNROLL)) as (k, _):
        line = put.after(arena, k, blocks * LANES // inputs_each)
        for first in range(0, UNROLL, inputs_each):
            splats = [
                [put.spread(put.number(put.after(put.after(row, k), first + n))) for row in ins]
                for n in range(inputs_each)
            ]
            for block in range(blocks):
                here = put.after(line, (first // inputs_each * blocks + block) * LANES)
                for weights, splat_of_rows in zip(_weights(put, here), splats, strict=True):
                    for splat, total in zip(splat_of_rows, totals, strict=True):
                        _accumulate(put, total[block], weights, splat)
    for out, total in zip(outs, totals, strict=True):
        for block in range(blocks):
            put.store(put.builder.load(total[block]), put.after(out, LANES * block))
    put.builder.ret_void()
    return kernel


def product_of_lanes(module: Any) -> Any:
    """A function (sums, arena, x, apart, inputs) that adds to ROWS sums (output, lane) the inputs (input, lane).

    The arena is of float32; the weights of an input are `apart` from those of the next.
    """
    floats = FLOAT.as_pointer()
    kernel, put = function(module, "product.lanes", [floats, floats, floats, SIZE, SIZE])
    if put is None:
        return kernel
    sums, arena, x, apart, inputs = kernel.args
    totals = [put.held(put.load(put.after(sums, LANES * row))) for row in range(ROWS)]
    with cgutils.for_range_slice(put.builder, SIZE(0), inputs, SIZE(UNROLL)) as (k, _):
        for n in range(UNROLL):
            lanes = put.load(put.after(put.after(x, k, LANES), LANES * n))
            line = put.after(put.after(arena, k, apart), apart, n)
            for row, total in enumerate(totals):
                _accumulate(put, total, put.spread(put.number(put.after(line, row))), lanes)
    for row, total in enumerate(totals):
        put.store(put.builder.load(total), put.after(sums, LANES * row))
    put.builder.ret_void()
    return kernel


def _weights(put: Instructions, place: Any) -> list[Any]:
    """What 16 elements of an arena hold: one vector, or those of two inputs."""
    if place.type.pointee == FLOAT:
        return [put.load(place)]
    words = put.load(place, INTS)
    lower = put.builder.shl(words, INTS([16] * LANES))
    upper = put.builder.and_(words, INTS([0xFFFF0000] * LANES))
    return [put.builder.bitcast(half, FLOATS) for half in (lower, upper)]


def _accumulate(put: Instructions, total: Any, a: Any, b: Any) -> None:
    put.builder.store(put.multiply_add(a, b, put.builder.load(total)), total)
