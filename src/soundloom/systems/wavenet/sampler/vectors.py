"""Registers of sixteen numbers, in LLVM's own instructions, for functions that numba compiles.

LLVM splits a vector of 16 into what the processor has. Arrays come with the place of the first element wanted, since a
slice costs more than a number; they are contiguous, and read faster if they begin at a multiple of 64 bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core import cgutils as untyped_cgutils
from numba.core import codegen, config
from numba.extending import intrinsic

LANES = 16  # numbers of four bytes in a register of AVX-512
FEATURES = str(config.CPU_FEATURES or codegen.get_host_cpu_features()).split(",")  # type: ignore
MANY_REGISTERS = "+avx512f" in FEATURES

cgutils: Any = untyped_cgutils
BYTE = ir.IntType(8)
INT = ir.IntType(32)
SIZE = ir.IntType(64)
FLOAT = ir.FloatType()
INTS = ir.VectorType(INT, LANES)
FLOATS = ir.VectorType(FLOAT, LANES)


class Instructions:
    """Puts instructions into a function; a place is a pointer to an element."""

    def __init__(self, builder: Any) -> None:
        self.builder = builder

    def after(self, place: Any, elements: Any, times: Any = 1) -> Any:
        """The place so many elements further on; numbers may be Python's own."""
        factors = (SIZE(n) if isinstance(n, int) else n for n in (elements, times))
        return self.builder.gep(place, [self.builder.mul(*factors)])

    def number(self, place: Any, kind: Any = FLOAT) -> Any:
        return self.builder.load(self.builder.bitcast(place, kind.as_pointer()))

    def load(self, place: Any, kind: Any = FLOATS) -> Any:
        return self.builder.load(self.builder.bitcast(place, kind.as_pointer()), align=4)

    def store(self, vector: Any, place: Any) -> None:
        self.builder.store(vector, self.builder.bitcast(place, vector.type.as_pointer()), align=4)

    def spread(self, number: Any) -> Any:
        """One number in every lane."""
        kind = ir.VectorType(number.type, LANES)
        first = self.builder.insert_element(kind(ir.Undefined), number, INT(0))
        return self.builder.shuffle_vector(first, kind(ir.Undefined), INTS(None))

    def held(self, vector: Any) -> Any:
        """A variable, of which LLVM makes a register."""
        return cgutils.alloca_once_value(self.builder, vector)

    def multiply_add(self, a: Any, b: Any, c: Any) -> Any:
        """a * b + c, rounded once."""
        kind = ir.FunctionType(FLOATS, [FLOATS] * 3)
        fused = cgutils.get_or_insert_function(self.builder.module, kind, f"llvm.fma.v{LANES}f32")
        return self.builder.call(fused, [a, b, c])


def instruction(emitter: Callable[..., Any]) -> Callable[..., Any]:
    """A function for compiled loops, from one that takes numba's context and the types of arguments, and gives two:

    its signature, and what puts its instructions. Numbers that are written out in a call are known by their types.
    """
    made: Callable[..., Any] = intrinsic(prefer_literal=True)(emitter)
    return made


def function(module: Any, name: str, arguments: Sequence[Any]) -> tuple[Any, Instructions | None]:
    """A function of a module, and what fills it if it is new. It stays a function: it is called from many places."""
    if name in module.globals:
        return module.globals[name], None
    made = ir.Function(module, ir.FunctionType(ir.VoidType(), arguments), name)
    made.linkage = "linkonce_odr"
    made.attributes.add("noinline")
    made.attributes.add("nounwind")
    return made, Instructions(ir.IRBuilder(made.append_basic_block()))


def place(context: Any, builder: Any, kind: Any, array: Any, index: Any) -> Any:
    """Of an element of an array."""
    return builder.gep(context.make_array(kind)(context, builder, array).data, [index])


@instruction
def add_to_lanes(typing: Any, sums: Any, to: Any, term: Any) -> Any:
    """Add one number to 16 sums from `to` on."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        put = Instructions(builder)
        here = place(context, builder, sums, *values[0:2])
        put.store(builder.fadd(put.load(here), put.spread(values[2])), here)
        return context.get_dummy_value()

    return types.void(sums, to, types.float32), emit
