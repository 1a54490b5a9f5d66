"""Matrix-vector products for compiled loops; the element type of the arena selects the implementation.

float32 holds weights as they are, uint32 pairs of bfloat16, and int32 bytes, with inputs as bytes too.
"""

from __future__ import annotations

from typing import Any

from numba import types

from soundloom.systems.wavenet.sampler.byte_products import EACH, HEADER, byte_product, byte_product_of_lanes
from soundloom.systems.wavenet.sampler.products import product, product_of_lanes
from soundloom.systems.wavenet.sampler.vectors import FLOAT, INT, MANY_REGISTERS, instruction, place

BLOCKS = 8 if MANY_REGISTERS else 4  # of 16 outputs: the most that `add_matvec` computes at once


@instruction
def add_matvec(typing: Any, sums: Any, to: Any, arena: Any, at: Any, x: Any, inputs: Any, blocks: Any) -> Any:
    """Add the product of weights and inputs to `blocks` * 16 sums.

    Args:
        sums: float32, those from `to` on.
        arena: weights; the group (input, blocks * 16) begins at `at`.
        x: its first `inputs`, a multiple of 16.
        blocks: a literal number.
    """

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        zero = values[5].type(0)
        arrays = ((sums, *values[0:2]), (arena, *values[2:4]), (x, values[4], zero))
        kernel = _kernel(builder.module, arena, 1, blocks.literal_value)
        builder.call(kernel, [*(place(context, builder, *array) for array in arrays), zero, zero, values[5]])
        return context.get_dummy_value()

    return types.void(sums, to, arena, at, x, inputs, blocks), emit


@instruction
def add_matvec_steps(
    typing: Any,
    sums: Any,
    to: Any,
    sums_apart: Any,
    arena: Any,
    at: Any,
    x: Any,
    start: Any,
    x_apart: Any,
    inputs: Any,
    steps: Any,
    blocks: Any,
) -> Any:
    """As `add_matvec`, for several steps at once, so that the arena is read once for all of them.

    Args:
        sums: float32; the first step's begin at `to`, each next step's `sums_apart` further on.
        arena: weights; the group (input, blocks * 16) begins at `at`.
        x: the first step's inputs begin at `start`, each next step's `x_apart` further on.
        inputs: a multiple of 16.
        steps, blocks: literal numbers whose product should fit the registers.
    """

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        arrays = ((sums, *values[0:2]), (arena, *values[3:5]), (x, *values[5:7]))
        kernel = _kernel(builder.module, arena, steps.literal_value, blocks.literal_value)
        places = [place(context, builder, *array) for array in arrays]
        builder.call(kernel, [*places, values[2], values[7], values[8]])
        return context.get_dummy_value()

    return types.void(sums, to, sums_apart, arena, at, x, start, x_apart, inputs, steps, blocks), emit


@instruction
def add_matvec_lanes(
    typing: Any, sums: Any, to: Any, arena: Any, at: Any, apart: Any, x: Any, start: Any, inputs: Any
) -> Any:
    """Add the product of weights and inputs to ROWS sums of each of 16 sequences.

    Args:
        sums: float32 (output, lane), from `to` on.
        arena: weights, not of bfloat16; those of the first input begin at `at`, each next input's `apart` further on.
        x: (input, lane), from `start` on.
        inputs: a multiple of 16.
    """

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        arrays = ((sums, *values[0:2]), (arena, *values[2:4]), (x, *values[5:7]))
        of_lanes = byte_product_of_lanes if arena.dtype == types.int32 else product_of_lanes
        places = [place(context, builder, *array) for array in arrays]
        builder.call(of_lanes(builder.module), [*places, values[4], values[7]])
        return context.get_dummy_value()

    return types.void(sums, to, arena, at, apart, x, start, inputs), emit


@instruction
def group_size(typing: Any, arena: Any, inputs: Any, outputs: Any) -> Any:
    """Elements of an arena that a group of `inputs` and `outputs` takes."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        _, inputs, outputs = values
        if arena.dtype == types.uint32:
            inputs = builder.lshr(inputs, inputs.type(1))
        elif arena.dtype == types.int32:
            inputs = builder.add(builder.udiv(inputs, inputs.type(EACH)), inputs.type(HEADER))
        return builder.mul(inputs, outputs)

    return types.intp(arena, types.intp, types.intp), emit


def _kernel(module: Any, arena: Any, rows: int, blocks: int) -> Any:
    if arena.dtype == types.int32:
        return byte_product(module, rows, blocks)
    return product(module, INT if arena.dtype == types.uint32 else FLOAT, rows, blocks)
