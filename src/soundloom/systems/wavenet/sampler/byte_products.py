"""The products of `products`, with weights and inputs of 8 bits each.

A weight is s w, with a scale s for each output and an integer w from -127 to 127; an input is low + step q, with a low
and a step for each vector of inputs and an integer q from 0 to 255. Then

    sum_k weights[k] x[k] = (step s) sum_k w[k] q[k] + low c,        c = s sum_k w[k],

where the sum of products is an integer, exact in any order and with any instructions: four products at once where the
processor has `vpdpbusd`.

An arena is of int32: for each group all c, then all s, as float32, then (input / 4, output) with four weights in each
element, the first input's in the lowest byte. A vector of inputs is of int32 too: (input / 4) with four q each, then
its low and its step as float32; with 16 lanes, each of these is (element, lane).
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]

from soundloom.systems.wavenet.sampler.products import ROWS
from soundloom.systems.wavenet.sampler.vectors import (
    FEATURES,
    FLOAT,
    FLOATS,
    INT,
    INTS,
    LANES,
    SIZE,
    Instructions,
    cgutils,
    function,
)

EACH = 4  # weights or inputs in an element
UNROLL = 16 // EACH  # elements in one iteration of a loop; inputs are padded to a multiple of 16
HEADER = 2  # elements before the weights of each output, and after the inputs of each vector
FOUR_AT_ONCE = "+avx512vnni" in FEATURES


def byte_product(module: Any, rows: int, blocks: int) -> Any:
    """As `product`: emit a function (sums, arena, x, sums_apart, x_apart, inputs)."""
    ints = INT.as_pointer()
    name = f"product.bytes.{rows}.{blocks}"
    kernel, llvm = function(module, name, [FLOAT.as_pointer(), ints, ints, SIZE, SIZE, SIZE])
    if llvm is None:
        return kernel
    sums, arena, x, sums_apart, x_apart, inputs = kernel.args
    ins = [llvm.offset(x, x_apart, row) for row in range(rows)]
    totals = [[llvm.variable(INTS(None)) for _ in range(blocks)] for _ in ins]
    words = llvm.builder.lshr(inputs, SIZE(2))
    with cgutils.for_range_slice(llvm.builder, SIZE(0), words, SIZE(UNROLL)) as (k, _):
        lines = llvm.offset(llvm.offset(arena, HEADER * blocks * LANES), k, blocks * LANES)
        for n in range(UNROLL):
            splats = [llvm.broadcast(llvm.load_scalar(llvm.offset(llvm.offset(row, k), n), INT)) for row in ins]
            for block in range(blocks):
                here = llvm.offset(lines, (n * blocks + block) * LANES)
                weights = llvm.load(here, INTS)
                for splat, total in zip(splats, totals, strict=True):
                    _accumulate(llvm, total[block], splat, weights)
    for row, total in enumerate(totals):
        low, step = (
            llvm.broadcast(llvm.load_scalar(llvm.offset(llvm.offset(ins[row], words), n))) for n in range(HEADER)
        )
        for block in range(blocks):
            centre, scale = (llvm.load(llvm.offset(arena, (n * blocks + block) * LANES)) for n in range(HEADER))
            out = llvm.offset(llvm.offset(sums, sums_apart, row), LANES * block)
            _finish(llvm, out, llvm.builder.load(total[block]), low, step, centre, scale)
    llvm.builder.ret_void()
    return kernel


def byte_product_of_lanes(module: Any) -> Any:
    """As `product_of_lanes`: emit a function (sums, arena, x, apart, inputs)."""
    ints = INT.as_pointer()
    kernel, llvm = function(module, "product.bytes.lanes", [FLOAT.as_pointer(), ints, ints, SIZE, SIZE])
    if llvm is None:
        return kernel
    sums, arena, x, apart, inputs = kernel.args
    totals = [llvm.variable(INTS(None)) for _ in range(ROWS)]
    words = llvm.builder.lshr(inputs, SIZE(2))
    with cgutils.for_range_slice(llvm.builder, SIZE(0), words, SIZE(UNROLL)) as (k, _):
        for n in range(UNROLL):
            lanes = llvm.load(llvm.offset(llvm.offset(x, k, LANES), LANES * n), INTS)
            line = llvm.offset(llvm.offset(llvm.offset(arena, apart, HEADER), k, apart), apart, n)
            for row, total in enumerate(totals):
                _accumulate(llvm, total, lanes, llvm.broadcast(llvm.load_scalar(llvm.offset(line, row), INT)))
    low, step = (llvm.load(llvm.offset(llvm.offset(x, words, LANES), LANES * n)) for n in range(HEADER))
    for row, total in enumerate(totals):
        centre, scale = (
            llvm.broadcast(llvm.load_scalar(llvm.offset(llvm.offset(arena, apart, n), row))) for n in range(HEADER)
        )
        _finish(llvm, llvm.offset(sums, LANES * row), llvm.builder.load(total), low, step, centre, scale)
    llvm.builder.ret_void()
    return kernel


def _accumulate(llvm: Instructions, total: Any, inputs: Any, weights: Any) -> None:
    """Add the products of four unsigned bytes, `inputs`, and four signed bytes, `weights`, in each lane."""
    build, so_far = llvm.builder, llvm.builder.load(total)
    if FOUR_AT_ONCE:
        kind = ir.FunctionType(INTS, [INTS] * 3)
        name = "llvm.x86.avx512.vpdpbusd.512"
        build.store(
            build.call(cgutils.get_or_insert_function(build.module, kind, name), [so_far, inputs, weights]), total
        )
        return
    for byte in range(EACH):
        one = build.and_(build.lshr(inputs, INTS([8 * byte] * LANES)), INTS([255] * LANES))
        other = build.ashr(build.shl(weights, INTS([24 - 8 * byte] * LANES)), INTS([24] * LANES))
        so_far = build.add(so_far, build.mul(one, other))
    build.store(so_far, total)


def _finish(llvm: Instructions, out: Any, total: Any, low: Any, step: Any, centre: Any, scale: Any) -> None:
    """Add low c and (step s) times a total to 16 sums."""
    total = llvm.builder.sitofp(total, FLOATS)
    sums = llvm.multiply_add(low, centre, llvm.load(out))
    llvm.store(llvm.multiply_add(llvm.builder.fmul(step, scale), total, sums), out)
