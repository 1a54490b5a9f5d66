"""Registers of 16 numbers for functions that numba compiles, written as LLVM instructions.

LLVM splits a vector of 16 into what the processor has. Arrays are passed with the index of the first element, since a
slice is slower than a number; they are contiguous, and are read faster if they begin at a multiple of 64 bytes.
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
    """Emits instructions into a function; a place is a pointer to an element."""

    def __init__(self, builder: Any) -> None:
        self.builder = builder

    def offset(self, place: Any, elements: Any, times: Any = 1) -> Any:
        """The place `elements` * `times` elements further on; each may be a Python integer."""
        factors = (SIZE(n) if isinstance(n, int) else n for n in (elements, times))
        return self.builder.gep(place, [self.builder.mul(*factors)])

    def load_scalar(self, place: Any, kind: Any = FLOAT) -> Any:
        """One element."""
        return self.builder.load(self.builder.bitcast(place, kind.as_pointer()))

    def load(self, place: Any, kind: Any = FLOATS) -> Any:
        """A vector of 16 elements."""
        return self.builder.load(self.builder.bitcast(place, kind.as_pointer()), align=4)

    def store(self, vector: Any, place: Any) -> None:
        self.builder.store(vector, self.builder.bitcast(place, vector.type.as_pointer()), align=4)

    def broadcast(self, number: Any) -> Any:
        """One number in every lane."""
        kind = ir.VectorType(number.type, LANES)
        first = self.builder.insert_element(kind(ir.Undefined), number, INT(0))
        return self.builder.shuffle_vector(first, kind(ir.Undefined), INTS(None))

    def variable(self, vector: Any) -> Any:
        """A mutable vector, which LLVM keeps in a register."""
        return cgutils.alloca_once_value(self.builder, vector)

    def multiply_add(self, a: Any, b: Any, c: Any) -> Any:
        """a * b + c, rounded once."""
        kind = ir.FunctionType(FLOATS, [FLOATS] * 3)
        fused = cgutils.get_or_insert_function(self.builder.module, kind, f"llvm.fma.v{LANES}f32")
        return self.builder.call(fused, [a, b, c])


def instruction(emitter: Callable[..., Any]) -> Callable[..., Any]:
    """Make a function for compiled loops, as `numba.extending.intrinsic`, with literal arguments known by their types.

    `emitter` takes numba's context and the types of the arguments. It returns the signature and the code generator.
    """
    made: Callable[..., Any] = intrinsic(prefer_literal=True)(emitter)
    return made


def function(module: Any, name: str, arguments: Sequence[Any]) -> tuple[Any, Instructions | None]:
    """A function of a module, and what fills its body if it is new. It is never inlined, as it has many callers."""
    if name in module.globals:
        return module.globals[name], None
    made = ir.Function(module, ir.FunctionType(ir.VoidType(), arguments), name)
    made.linkage = "linkonce_odr"
    made.attributes.add("noinline")
    made.attributes.add("nounwind")
    return made, Instructions(ir.IRBuilder(made.append_basic_block()))


def place(context: Any, builder: Any, kind: Any, array: Any, index: Any) -> Any:
    """Pointer to an element of an array."""
    return builder.gep(context.make_array(kind)(context, builder, array).data, [index])


@instruction
def add_to_lanes(typing: Any, sums: Any, to: Any, term: Any) -> Any:
    """Add one number to 16 sums from `to` on."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        llvm = Instructions(builder)
        here = place(context, builder, sums, *values[0:2])
        llvm.store(builder.fadd(llvm.load(here), llvm.broadcast(values[2])), here)
        return context.get_dummy_value()

    return types.void(sums, to, types.float32), emit
