"""Vectors of inputs in the form in which weights of eight bits take them; see `byte_products`.

One sequence's vector and 16 side by side are rounded by the same arithmetic, so they give the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import types
from numba.extending import overload as untyped_overload
from numpy.typing import NDArray

from soundloom.systems.wavenet.sampler.byte_products import EACH
from soundloom.systems.wavenet.sampler.compiling import compiled
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
STEPS = np.float32(255.0)  # from the smallest to the largest input
WHOLE = np.float32(2**23)  # adding it to a small number above 0 leaves the nearest whole number in the lowest bits
ZERO = np.float32(0.0)


def inputs_of(x: Floats, room: Bytes | None) -> Floats | Bytes:
    """Inputs as an arena takes them: as they are, or as bytes if there is room for these."""
    return x if room is None else quantised(x, room)


def inputs_of_lanes(x: Floats, room: Bytes | None) -> Floats | Bytes:
    """As `inputs_of`, of 16 sequences, (input, lane)."""
    return x if room is None else quantised_lanes(x, room)


@overload(inputs_of, strict=False)  # type: ignore[untyped-decorator]
def _inputs_of(x: Any, room: Any) -> Callable[..., Any]:
    """In compiled loops the types decide: what they return has one."""
    return (lambda x, room: x) if isinstance(room, types.NoneType) else (lambda x, room: quantised(x, room))


@overload(inputs_of_lanes, strict=False)  # type: ignore[untyped-decorator]
def _inputs_of_lanes(x: Any, room: Any) -> Callable[..., Any]:
    return (lambda x, room: x) if isinstance(room, types.NoneType) else (lambda x, room: quantised_lanes(x, room))


@compiled()
def quantised(x: Floats, room: Bytes) -> Bytes:
    """One vector of inputs, rounded."""
    low, high = extent(x)
    inverse = STEPS / (high - low) if high > low else ZERO
    for k in range(len(x)):
        set_byte(room, k, multiply_add(x[k] - low, inverse, WHOLE))
    set_number(room, len(x) // EACH, low)
    set_number(room, len(x) // EACH + 1, (high - low) / STEPS)
    return room


@compiled()
def quantised_lanes(x: Floats, room: Bytes) -> Bytes:
    """Sixteen vectors of inputs side by side, each rounded as `quantised` does."""
    quantise_lanes(room, x, len(x) // LANES)
    return room


@compiled(reorder=True)
def extent(x: Floats) -> tuple[np.float32, np.float32]:
    """The smallest and the largest number, which no order of comparing changes."""
    low = high = x[0]
    for k in range(len(x)):
        low, high = min(low, x[k]), max(high, x[k])
    return low, high


@instruction
def set_byte(typing: Any, room: Any, index: Any, number: Any) -> Any:
    """Put the lowest byte of a float's bits, byte number `index` of an array."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        start = place(context, builder, room, values[0], SIZE(0))
        byte = builder.trunc(builder.bitcast(values[2], INT), BYTE)
        builder.store(byte, builder.gep(builder.bitcast(start, byte.type.as_pointer()), [values[1]]))
        return context.get_dummy_value()

    return types.void(room, index, types.float32), emit


@instruction
def set_number(typing: Any, room: Any, index: Any, number: Any) -> Any:
    """Put the bits of a float into an array of int32."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        builder.store(builder.bitcast(values[2], INT), place(context, builder, room, *values[0:2]))
        return context.get_dummy_value()

    return types.void(room, index, types.float32), emit


@instruction
def quantise_lanes(typing: Any, room: Any, x: Any, inputs: Any) -> Any:
    """`quantised` in every lane: x (input, lane) to room (input / 4 + 2, lane)."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        places = [place(context, builder, kind, value, SIZE(0)) for kind, value in ((room, values[0]), (x, values[1]))]
        builder.call(_quantise_lanes(builder.module), [*places, values[2]])
        return context.get_dummy_value()

    return types.void(room, x, inputs), emit


def _quantise_lanes(module: Any) -> Any:
    kernel, put = function(module, "quantise.lanes", [INT.as_pointer(), FLOAT.as_pointer(), SIZE])
    if put is None:
        return kernel
    build, (room, x, inputs) = put.builder, kernel.args
    low, high = put.held(put.load(x)), put.held(put.load(x))
    with cgutils.for_range_slice(build, SIZE(0), inputs, SIZE(1)) as (k, _):
        number = put.load(put.after(x, k, LANES))
        for end, sign in ((low, "<"), (high, ">")):
            so_far = build.load(end)
            build.store(build.select(build.fcmp_ordered(sign, number, so_far), number, so_far), end)
    least, width = build.load(low), build.fsub(build.load(high), build.load(low))
    steps = FLOATS([float(STEPS)] * LANES)
    some = build.fcmp_ordered(">", width, FLOATS([0.0] * LANES))
    inverse = build.select(some, build.fdiv(steps, width), FLOATS([0.0] * LANES))
    words = build.lshr(inputs, SIZE(2))
    with cgutils.for_range_slice(build, SIZE(0), words, SIZE(1)) as (k, _):
        put.store(_word(put, put.after(x, k, EACH * LANES), least, inverse), put.after(room, k, LANES))
    put.store(least, put.after(room, words, LANES))
    put.store(build.fdiv(width, steps), put.after(put.after(room, words, LANES), LANES))
    build.ret_void()
    return kernel


def _word(put: Instructions, x: Any, low: Any, inverse: Any) -> Any:
    """Four inputs of each lane in one element of it, the first in the lowest byte."""
    word = INTS(None)
    for n in range(EACH):
        number = put.builder.fsub(put.load(put.after(x, n * LANES)), low)
        whole = put.multiply_add(number, inverse, FLOATS([float(WHOLE)] * LANES))
        byte = put.builder.and_(put.builder.bitcast(whole, INTS), INTS([255] * LANES))
        word = put.builder.or_(word, put.builder.shl(byte, INTS([8 * n] * LANES)))
    return word
