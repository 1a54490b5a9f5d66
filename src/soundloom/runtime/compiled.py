"""Compile a loop with numba: on first use, kept on disk where the disk allows it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

Loop = TypeVar("Loop", bound=Callable[..., object])


def compiled(*, reorder: bool = False) -> Callable[[Loop], Loop]:
    """A decorator that compiles a function of arrays and numbers and frees the interpreter while it runs.

    A division by zero gives infinity or NaN, as in arrays: the check for it would keep loops out of vector registers.

    Args:
        reorder: allow sums to be reordered and fused, which lets loops over floats run in vector registers.
    """

    def compile_one(function: Loop) -> Loop:
        loop: Any
        try:
            loop = numba.njit(cache=True, nogil=True, fastmath=reorder, error_model="numpy")(function)
        except RuntimeError:  # no folder to keep the result in: compile anew in each process
            loop = numba.njit(nogil=True, fastmath=reorder, error_model="numpy")(function)
        return cast(Loop, loop)

    return compile_one
