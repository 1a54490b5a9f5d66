"""Matrix-vector products in vector registers: the inner loops of the sampler.

Numba compiles `sums[o] += ...` to a load, an addition and a store for each term. The sampler is fast because sums stay
in registers while weights stream past, so these loops are written out as LLVM instructions. Both functions compute

    sums[o] += weights[k, o] * x[k]        for k = 0, 1, 2 ..., one fused multiply-add after another,

and differ in what the 16 lanes of a register hold: `product` has 16 outputs o of one sequence, `product_of_lanes` one
output of 16 sequences. A sum takes the same terms in the same order in both, so both give the same bits, and so does
every processor: `llvm.fma` rounds once wherever it runs.

Weights lie in an arena, a flat array in the order in which `product` reads it: groups of blocks of 16 outputs, each
group (input, output). An element is a float32, or a uint32 of two bfloat16: an even input in its lower half and the
next input in its upper half. A bfloat16 is the upper half of a float32.
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

UNROLL = 4  # inputs in one iteration of a loop; their number is padded to a multiple
ROWS = 16 if MANY_REGISTERS else 4  # outputs that `product_of_lanes` computes at once


def product(module: Any, element: Any, rows: int, blocks: int) -> Any:
    """Emit a function (sums, arena, x, sums_apart, x_apart, inputs) that adds to `blocks` * 16 sums.

    It does this for each of `rows` vectors of sums, `sums_apart` apart, and of inputs, `x_apart` apart.

    Args:
        element: FLOAT, or INT for two bfloat16.
    """
    floats = FLOAT.as_pointer()
    name = f"product.{element}.{rows}.{blocks}"
    kernel, llvm = function(module, name, [floats, element.as_pointer(), floats, SIZE, SIZE, SIZE])
    if llvm is None:
        return kernel
    sums, arena, x, sums_apart, x_apart, inputs = kernel.args
    outs = [llvm.offset(sums, sums_apart, row) for row in range(rows)]
    ins = [llvm.offset(x, x_apart, row) for row in range(rows)]
    totals = [[llvm.variable(llvm.load(llvm.offset(out, LANES * block))) for block in range(blocks)] for out in outs]
    inputs_each = 1 if element == FLOAT else 2
    with cgutils.for_range_slice(llvm.builder, SIZE(0), inputs, SIZE(UNROLL)) as (k, _):
        line = llvm.offset(arena, k, blocks * LANES // inputs_each)
        for first in range(0, UNROLL, inputs_each):
            splats = [
                [llvm.broadcast(llvm.load_scalar(llvm.offset(llvm.offset(row, k), first + n))) for row in ins]
                for n in range(inputs_each)
            ]
            for block in range(blocks):
                here = llvm.offset(line, (first // inputs_each * blocks + block) * LANES)
                for weights, splat_of_rows in zip(_weights(llvm, here), splats, strict=True):
                    for splat, total in zip(splat_of_rows, totals, strict=True):
                        _accumulate(llvm, total[block], weights, splat)
    for out, total in zip(outs, totals, strict=True):
        for block in range(blocks):
            llvm.store(llvm.builder.load(total[block]), llvm.offset(out, LANES * block))
    llvm.builder.ret_void()
    return kernel


def product_of_lanes(module: Any) -> Any:
    """Emit a function (sums, arena, x, apart, inputs) that adds the product of inputs (input, lane) to ROWS sums.

    The arena is of float32; `apart` is the distance from one input's weights to the next.
    """
    floats = FLOAT.as_pointer()
    kernel, llvm = function(module, "product.lanes", [floats, floats, floats, SIZE, SIZE])
    if llvm is None:
        return kernel
    sums, arena, x, apart, inputs = kernel.args
    totals = [llvm.variable(llvm.load(llvm.offset(sums, LANES * row))) for row in range(ROWS)]
    with cgutils.for_range_slice(llvm.builder, SIZE(0), inputs, SIZE(UNROLL)) as (k, _):
        for n in range(UNROLL):
            lanes = llvm.load(llvm.offset(llvm.offset(x, k, LANES), LANES * n))
            line = llvm.offset(llvm.offset(arena, k, apart), apart, n)
            for row, total in enumerate(totals):
                _accumulate(llvm, total, llvm.broadcast(llvm.load_scalar(llvm.offset(line, row))), lanes)
    for row, total in enumerate(totals):
        llvm.store(llvm.builder.load(total), llvm.offset(sums, LANES * row))
    llvm.builder.ret_void()
    return kernel


def _weights(llvm: Instructions, place: Any) -> list[Any]:
    """Load 16 elements of an arena: one vector, or those of two inputs."""
    if place.type.pointee == FLOAT:
        return [llvm.load(place)]
    words = llvm.load(place, INTS)
    lower = llvm.builder.shl(words, INTS([16] * LANES))
    upper = llvm.builder.and_(words, INTS([0xFFFF0000] * LANES))
    return [llvm.builder.bitcast(half, FLOATS) for half in (lower, upper)]


def _accumulate(llvm: Instructions, total: Any, a: Any, b: Any) -> None:
    """total += a * b."""
    llvm.builder.store(llvm.multiply_add(a, b, llvm.builder.load(total)), total)
