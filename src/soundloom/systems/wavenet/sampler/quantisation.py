"""Quantise vectors of inputs to the 8 bits that `byte_products` takes.

One vector and 16 lanes are rounded by the same arithmetic, so they give the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import types
from numba.extending import overload as untyped_overload
from numpy.typing import NDArray

from soundloom.systems.wavenet.sampler.byte_products import EACH
from soundloom.systems.wavenet.sampler.compilation import compiled
from soundloom.systems.wavenet.sampler.elementwise import multiply_add
from soundloom.systems.wavenet.sampler.vectors import (
    BYTE,
    FLOAT,
    FLOATS,
    INT,
    INTS,
    LANES,
    SIZE,
    Instructions,
    cgutils,
    function,
    instruction,
    place,
)
from soundloom.systems.wavenet.sampler.weights import Floats

overload: Any = untyped_overload
Bytes = NDArray[np.int32]
STEPS = np.float32(255.0)  # steps from the smallest to the largest input
WHOLE = np.float32(2**23)  # adding it to a small positive number leaves the nearest integer in the lowest bits
ZERO = np.float32(0.0)


def inputs_of(x: Floats, buffer: Bytes | None) -> Floats | Bytes:
    """Inputs as an arena needs them: unchanged, or quantised if there is a buffer for the bytes."""
    return x if buffer is None else quantised(x, buffer)


def inputs_of_lanes(x: Floats, buffer: Bytes | None) -> Floats | Bytes:
    """As `inputs_of`, for 16 lanes, (input, lane)."""
    return x if buffer is None else quantised_lanes(x, buffer)


@overload(inputs_of, strict=False)  # type: ignore[untyped-decorator]
def _inputs_of(x: Any, buffer: Any) -> Callable[..., Any]:
    """In compiled loops the choice is made by type: the result has a single type."""
    return (lambda x, buffer: x) if isinstance(buffer, types.NoneType) else (lambda x, buffer: quantised(x, buffer))


@overload(inputs_of_lanes, strict=False)  # type: ignore[untyped-decorator]
def _inputs_of_lanes(x: Any, buffer: Any) -> Callable[..., Any]:
    return (
        (lambda x, buffer: x) if isinstance(buffer, types.NoneType) else (lambda x, buffer: quantised_lanes(x, buffer))
    )


@compiled()
def quantised(x: Floats, buffer: Bytes) -> Bytes:
    """Quantise one vector of inputs."""
    low, high = extent(x)
    inverse = STEPS / (high - low) if high > low else ZERO
    for k in range(len(x)):
        set_byte(buffer, k, multiply_add(x[k] - low, inverse, WHOLE))
    set_number(buffer, len(x) // EACH, low)
    set_number(buffer, len(x) // EACH + 1, (high - low) / STEPS)
    return buffer


@compiled()
def quantised_lanes(x: Floats, buffer: Bytes) -> Bytes:
    """Quantise 16 vectors of inputs, (input, lane), each as `quantised` does."""
    quantise_lanes(buffer, x, len(x) // LANES)
    return buffer


@compiled(reorder=True)
def extent(x: Floats) -> tuple[np.float32, np.float32]:
    """The smallest and the largest number, whatever the order of comparisons."""
    low = high = x[0]
    for k in range(len(x)):
        low, high = min(low, x[k]), max(high, x[k])
    return low, high


@instruction
def set_byte(typing: Any, buffer: Any, index: Any, number: Any) -> Any:
    """Write the lowest byte of a float's bits as byte `index` of an array."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        start = place(context, builder, buffer, values[0], SIZE(0))
        byte = builder.trunc(builder.bitcast(values[2], INT), BYTE)
        builder.store(byte, builder.gep(builder.bitcast(start, byte.type.as_pointer()), [values[1]]))
        return context.get_dummy_value()

    return types.void(buffer, index, types.float32), emit


@instruction
def set_number(typing: Any, buffer: Any, index: Any, number: Any) -> Any:
    """Write the bits of a float to an array of int32."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        builder.store(builder.bitcast(values[2], INT), place(context, builder, buffer, *values[0:2]))
        return context.get_dummy_value()

    return types.void(buffer, index, types.float32), emit


@instruction
def quantise_lanes(typing: Any, buffer: Any, x: Any, inputs: Any) -> Any:
    """`quantised` in every lane: x (input, lane) to buffer (input / 4 + 2, lane)."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        places = [
            place(context, builder, kind, value, SIZE(0)) for kind, value in ((buffer, values[0]), (x, values[1]))
        ]
        builder.call(_quantise_lanes(builder.module), [*places, values[2]])
        return context.get_dummy_value()

    return types.void(buffer, x, inputs), emit


def _quantise_lanes(module: Any) -> Any:
    kernel, llvm = function(module, "quantise.lanes", [INT.as_pointer(), FLOAT.as_pointer(), SIZE])
    if llvm is None:
        return kernel
    build, (buffer, x, inputs) = llvm.builder, kernel.args
    low, high = llvm.variable(llvm.load(x)), llvm.variable(llvm.load(x))
    with cgutils.for_range_slice(build, SIZE(0), inputs, SIZE(1)) as (k, _):
        number = llvm.load(llvm.offset(x, k, LANES))
        for end, sign in ((low, "<"), (high, ">")):
            so_far = build.load(end)
            build.store(build.select(build.fcmp_ordered(sign, number, so_far), number, so_far), end)
    least, width = build.load(low), build.fsub(build.load(high), build.load(low))
    steps = FLOATS([float(STEPS)] * LANES)
    some = build.fcmp_ordered(">", width, FLOATS([0.0] * LANES))
    inverse = build.select(some, build.fdiv(steps, width), FLOATS([0.0] * LANES))
    words = build.lshr(inputs, SIZE(2))
    with cgutils.for_range_slice(build, SIZE(0), words, SIZE(1)) as (k, _):
        llvm.store(_word(llvm, llvm.offset(x, k, EACH * LANES), least, inverse), llvm.offset(buffer, k, LANES))
    llvm.store(least, llvm.offset(buffer, words, LANES))
    llvm.store(build.fdiv(width, steps), llvm.offset(llvm.offset(buffer, words, LANES), LANES))
    build.ret_void()
    return kernel


def _word(llvm: Instructions, x: Any, low: Any, inverse: Any) -> Any:
    """Four inputs of each lane in one element, the first in the lowest byte."""
    word = INTS(None)
    for n in range(EACH):
        number = llvm.builder.fsub(llvm.load(llvm.offset(x, n * LANES)), low)
        whole = llvm.multiply_add(number, inverse, FLOATS([float(WHOLE)] * LANES))
        byte = llvm.builder.and_(llvm.builder.bitcast(whole, INTS), INTS([255] * LANES))
        word = llvm.builder.or_(word, llvm.builder.shl(byte, INTS([8 * n] * LANES)))
    return word
