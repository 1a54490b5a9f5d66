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

from collections.abc import Callable
from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core import cgutils as untyped_cgutils
from numba.core import codegen, config
from numba.extending import intrinsic

LANES = 16  # float32 in a register of AVX-512
UNROLL = 4  # inputs of one turn of a loop: their number is padded to a multiple
AHEAD = 4096  # bytes in front of the weights in use that memory is asked for

MANY_REGISTERS = "+avx512f" in str(config.CPU_FEATURES or codegen.get_host_cpu_features())  # type: ignore
BLOCKS = 8 if MANY_REGISTERS else 4  # times 16 outputs that `weigh` sums at once, at most
ROWS = 16 if MANY_REGISTERS else 4  # outputs that `weigh_lanes` sums at once

cgutils: Any = untyped_cgutils
FLOAT = ir.FloatType()
INT = ir.IntType(32)
SIZE = ir.IntType(64)
FLOATS = ir.VectorType(FLOAT, LANES)
INTS = ir.VectorType(INT, LANES)


def instruction(emitter: Callable[..., Any]) -> Callable[..., Any]:
    """A function for compiled loops, from one that takes numba's context and the arguments' types and tells:

    the signature, and what puts the instructions. Numbers that are written out are known by their types.
    """
    made: Callable[..., Any] = intrinsic(prefer_literal=True)(emitter)
    return made


@instruction
def weigh(typing: Any, sums: Any, to: Any, arena: Any, at: Any, x: Any, inputs: Any, blocks: Any) -> Any:
    """Add weighted inputs to `blocks` * 16 sums; returns where the arena goes on.

    Args:
        sums: float32, those from `to` on.
        arena: weights; the group (input, blocks * 16) from `at` on.
        x: float32, its first `inputs`, a multiple of UNROLL.
        blocks: a literal number.
    """

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        zero = values[5].type(0)
        places = [
            _place(context, builder, kind, array, index)
            for kind, array, index in ((sums, *values[0:2]), (arena, *values[2:4]), (x, values[4], zero))
        ]
        kernel = _weigh(builder.module, _element(arena), 1, blocks.literal_value)
        builder.call(kernel, [*places, zero, zero, values[5]])
        return _end(builder, values[3], values[5], arena, blocks.literal_value)

    return types.intp(sums, to, arena, at, x, inputs, blocks), emit


@instruction
def weigh_steps(
    typing: Any,
    sums: Any,
    to: Any,
    sums_apart: Any,
    arena: Any,
    at: Any,
    x: Any,
    start: Any,
    inputs: Any,
    steps: Any,
    blocks: Any,
) -> Any:
    """As `weigh`, for several steps at once, so that what is read of the arena serves them all.

    Args:
        sums: float32; the first step's from `to` on, the next step's `sums_apart` further.
        arena: weights; the group (input, blocks * 16) from `at` on.
        x: float32; the first step's inputs from `start` on, the next step's after them.
        inputs: a multiple of UNROLL.
        steps, blocks: literal numbers, of which the product should fit the registers.
    """

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        places = [_place(context, builder, kind, *values[n : n + 2]) for n, kind in ((0, sums), (3, arena), (5, x))]
        kernel = _weigh(builder.module, _element(arena), steps.literal_value, blocks.literal_value)
        builder.call(kernel, [*places, values[2], values[7], values[7]])
        return _end(builder, values[4], values[7], arena, blocks.literal_value)

    return types.intp(sums, to, sums_apart, arena, at, x, start, inputs, steps, blocks), emit


@instruction
def weigh_lanes(
    typing: Any, sums: Any, to: Any, arena: Any, at: Any, apart: Any, x: Any, start: Any, inputs: Any
) -> Any:
    """Add `inputs` weighted inputs to ROWS sums of each of 16 sequences.

    Args:
        sums: float32 (output, lane), from `to` on.
        arena: weights, of float32; the ROWS of the first input from `at` on, those of the next `apart` further.
        x: float32 (input, lane), from `start` on.
        inputs: a multiple of UNROLL.
    """

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        places = [_place(context, builder, kind, *values[n : n + 2]) for n, kind in ((0, sums), (2, arena), (5, x))]
        builder.call(_weigh_lanes(builder.module), [*places, values[4], values[7]])
        return context.get_dummy_value()

    return types.void(sums, to, arena, at, apart, x, start, inputs), emit


@instruction
def add_to_lanes(typing: Any, sums: Any, to: Any, term: Any) -> Any:
    """Add one number to 16 sums from `to` on."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        put = _Instructions(builder)
        place = _place(context, builder, sums, *values[0:2])
        put.store(builder.fadd(put.load(place), put.spread(values[2])), place)
        return context.get_dummy_value()

    return types.void(sums, to, types.float32), emit


@instruction
def fetch(typing: Any, array: Any, at: Any) -> Any:
    """Have the 64 bytes brought near in which an element is, while something else is computed."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        _Instructions(builder).fetch(_place(context, builder, array, *values))
        return context.get_dummy_value()

    return types.void(array, at), emit


def _weigh(module: Any, element: Any, rows: int, blocks: int) -> Any:
    """The function that `weigh` calls: (sums, arena, x, sums_apart, x_apart, inputs)."""
    floats = FLOAT.as_pointer()
    name = f"weigh.{element}.{rows}.{blocks}"
    kernel, put = _function(module, name, [floats, element.as_pointer(), floats, SIZE, SIZE, SIZE])
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
                [put.spread(put.builder.load(put.after(put.after(row, k), first + n))) for row in ins]
                for n in range(inputs_each)
            ]
            for block in range(blocks):
                here = put.after(line, (first // inputs_each * blocks + block) * LANES)
                put.fetch(here, AHEAD)
                for weights, splat_of_rows in zip(put.weights(here), splats, strict=True):
                    for splat, total in zip(splat_of_rows, totals, strict=True):
                        put.accumulate(total[block], weights, splat)
    for out, total in zip(outs, totals, strict=True):
        for block in range(blocks):
            put.store(put.builder.load(total[block]), put.after(out, LANES * block))
    put.builder.ret_void()
    return kernel


def _weigh_lanes(module: Any) -> Any:
    """The function that `weigh_lanes` calls: (sums, arena, x, apart, inputs)."""
    floats = FLOAT.as_pointer()
    kernel, put = _function(module, "weigh.lanes", [floats, floats, floats, SIZE, SIZE])
    if put is None:
        return kernel
    sums, arena, x, apart, inputs = kernel.args
    totals = [put.held(put.load(put.after(sums, LANES * row))) for row in range(ROWS)]
    with cgutils.for_range_slice(put.builder, SIZE(0), inputs, SIZE(UNROLL)) as (k, _):
        for n in range(UNROLL):
            one = put.load(put.after(put.after(x, k, LANES), LANES * n))
            line = put.after(put.after(arena, k, apart), apart, n)
            for row, total in enumerate(totals):
                put.accumulate(total, put.spread(put.builder.load(put.after(line, row))), one)
    for row, total in enumerate(totals):
        put.store(put.builder.load(total), put.after(sums, LANES * row))
    put.builder.ret_void()
    return kernel


class _Instructions:
    """Puts instructions on vectors of 16 into a function; a place is a pointer to an element."""

    def __init__(self, builder: Any) -> None:
        self.builder = builder

    def after(self, place: Any, elements: Any, times: Any = 1) -> Any:
        """The place so many elements further on; numbers may be Python's own."""
        return self.builder.gep(
            place, [self.builder.mul(*(SIZE(n) if isinstance(n, int) else n for n in (elements, times)))]
        )

    def load(self, place: Any, kind: Any = FLOATS) -> Any:
        return self.builder.load(self.builder.bitcast(place, kind.as_pointer()), align=4)

    def store(self, vector: Any, place: Any) -> None:
        self.builder.store(vector, self.builder.bitcast(place, vector.type.as_pointer()), align=4)

    def spread(self, number: Any) -> Any:
        """One float in every lane."""
        first = self.builder.insert_element(FLOATS(ir.Undefined), number, INT(0))
        return self.builder.shuffle_vector(first, FLOATS(ir.Undefined), INTS(None))

    def weights(self, place: Any) -> list[Any]:
        """What 16 elements of an arena hold: one vector, or those of two inputs."""
        if place.type.pointee == FLOAT:
            return [self.load(place)]
        words = self.load(place, INTS)
        lower = self.builder.shl(words, INTS([16] * LANES))
        upper = self.builder.and_(words, INTS([0xFFFF0000] * LANES))
        return [self.builder.bitcast(half, FLOATS) for half in (lower, upper)]

    def held(self, vector: Any) -> Any:
        """A variable, of which LLVM makes a register."""
        return cgutils.alloca_once_value(self.builder, vector)

    def accumulate(self, total: Any, a: Any, b: Any) -> None:
        """total += a * b, rounded once."""
        kind = ir.FunctionType(FLOATS, [FLOATS] * 3)
        fused = cgutils.get_or_insert_function(self.builder.module, kind, f"llvm.fma.v{LANES}f32")
        self.builder.store(self.builder.call(fused, [a, b, self.builder.load(total)]), total)

    def fetch(self, place: Any, ahead: int = 0) -> None:
        """Have the memory so many bytes after a place brought near."""
        pointer = self.builder.bitcast(place, ir.IntType(8).as_pointer())
        kind = ir.FunctionType(ir.VoidType(), [pointer.type, INT, INT, INT])
        prefetch = cgutils.get_or_insert_function(self.builder.module, kind, "llvm.prefetch.p0")
        self.builder.call(prefetch, [self.builder.gep(pointer, [SIZE(ahead)]), INT(0), INT(3), INT(1)])


def _function(module: Any, name: str, arguments: list[Any]) -> tuple[Any, _Instructions | None]:
    """A function of a module, and what fills it if it is new. It stays a function: it is called from many places."""
    if name in module.globals:
        return module.globals[name], None
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), arguments), name)
    function.linkage = "linkonce_odr"
    function.attributes.add("noinline")
    function.attributes.add("nounwind")
    return function, _Instructions(ir.IRBuilder(function.append_basic_block()))


def _element(arena: Any) -> Any:
    return INT if arena.dtype == types.uint32 else FLOAT


def _end(builder: Any, at: Any, inputs: Any, arena: Any, blocks: int) -> Any:
    """Where a group ends."""
    inputs_each = 1 if _element(arena) == FLOAT else 2
    return builder.add(at, builder.mul(inputs, inputs.type(blocks * LANES // inputs_each)))


def _place(context: Any, builder: Any, kind: Any, array: Any, index: Any) -> Any:
    """Of an element of an array."""
    return builder.gep(context.make_array(kind)(context, builder, array).data, [index])
