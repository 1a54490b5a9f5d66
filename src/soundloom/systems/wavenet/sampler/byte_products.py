"""The sums of `products` with weights and inputs of eight bits each.

A weight is s w, with a scale s for each output and a whole number w from -127 to 127; an input is low + step q, with a
low and a step for each vector of inputs and a whole number q from 0 to 255. Then

    sum_k weights[k] x[k] = (step s) sum_k w[k] q[k] + low c,        c = s sum_k w[k],

where the sum of products is one of whole numbers, exact in any order and with any instructions: four of them at once
where the processor has that, `vpdpbusd`.

An arena is of int32: for each group first all c, then all s, as float32, then (input / 4, output) four weights in one
element, the first input's in the lowest byte. A vector of inputs is of int32 too: (input / 4) four q, then its low and
its step as float32; of 16 sequences, each of these for one lane after another.
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
UNROLL = 16 // EACH  # elements of one turn of a loop: inputs are padded to a multiple of 16
HEADER = 2  # elements of each output before its weights, and of each vector after its inputs
FOUR_AT_ONCE = "+avx512vnni" in FEATURES


def byte_product(module: Any, rows: int, blocks: int) -> Any:
    """As `product`: a function (sums, arena, x, sums_apart, x_apart, inputs)."""
    ints = INT.as_pointer()
    name = f"product.bytes.{rows}.{blocks}"
    kernel, put = function(module, name, [FLOAT.as_pointer(), ints, ints, SIZE, SIZE, SIZE])
    if put is None:
        return kernel
    sums, arena, x, sums_apart, x_apart, inputs = kernel.args
    ins = [put.after(x, x_apart, row) for row in range(rows)]
    totals = [[put.held(INTS(None)) for _ in range(blocks)] for _ in ins]
    words = put.builder.lshr(inputs, SIZE(2))
    with cgutils.for_range_slice(put.builder, SIZE(0), words, SIZE(UNROLL)) as (k, _):
        lines = put.after(put.after(arena, HEADER * blocks * LANES), k, blocks * LANES)
        for n in range(UNROLL):
            splats = [put.spread(put.number(put.after(put.after(row, k), n), INT)) for row in ins]
            for block in range(blocks):
                here = put.after(lines, (n * blocks + block) * LANES)
                weights = put.load(here, INTS)
                for splat, total in zip(splats, totals, strict=True):
                    _accumulate(put, total[block], splat, weights)
    for row, total in enumerate(totals):
        low, step = (put.spread(put.number(put.after(put.after(ins[row], words), n))) for n in range(HEADER))
        for block in range(blocks):
            centre, scale = (put.load(put.after(arena, (n * blocks + block) * LANES)) for n in range(HEADER))
            out = put.after(put.after(sums, sums_apart, row), LANES * block)
            _finish(put, out, put.builder.load(total[block]), low, step, centre, scale)
    put.builder.ret_void()
    return kernel


def byte_product_of_lanes(module: Any) -> Any:
    """As `product_of_lanes`: a function (sums, arena, x, apart, inputs)."""
    ints = INT.as_pointer()
    kernel, put = function(module, "product.bytes.lanes", [FLOAT.as_pointer(), ints, ints, SIZE, SIZE])
    if put is None:
        return kernel
    sums, arena, x, apart, inputs = kernel.args
    totals = [put.held(INTS(None)) for _ in range(ROWS)]
    words = put.builder.lshr(inputs, SIZE(2))
    with cgutils.for_range_slice(put.builder, SIZE(0), words, SIZE(UNROLL)) as (k, _):
        for n in range(UNROLL):
            lanes = put.load(put.after(put.after(x, k, LANES), LANES * n), INTS)
            line = put.after(put.after(put.after(arena, apart, HEADER), k, apart), apart, n)
            for row, total in enumerate(totals):
                _accumulate(put, total, lanes, put.spread(put.number(put.after(line, row), INT)))
    low, step = (put.load(put.after(put.after(x, words, LANES), LANES * n)) for n in range(HEADER))
    for row, total in enumerate(totals):
        centre, scale = (put.spread(put.number(put.after(put.after(arena, apart, n), row))) for n in range(HEADER))
        _finish(put, put.after(sums, LANES * row), put.builder.load(total), low, step, centre, scale)
    put.builder.ret_void()
    return kernel


def _accumulate(put: Instructions, total: Any, inputs: Any, weights: Any) -> None:
    """Add the products of four bytes without a sign, `inputs`, and four with one, in each lane."""
    build, so_far = put.builder, put.builder.load(total)
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


def _finish(put: Instructions, out: Any, total: Any, low: Any, step: Any, centre: Any, scale: Any) -> None:
    """Add low c and (step s) times a total to 16 sums."""
    total = put.builder.sitofp(total, FLOATS)
    sums = put.multiply_add(low, centre, put.load(out))
    put.store(put.multiply_add(put.builder.fmul(step, scale), total, sums), out)
