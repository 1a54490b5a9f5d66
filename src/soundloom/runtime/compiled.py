"""Compile a loop with numba: on first use, cached on disk where the disk allows it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

Loop = TypeVar("Loop", bound=Callable[..., object])
_warned: list[str] = []


def compiled(*, reorder: bool = False) -> Callable[[Loop], Loop]:
    """A decorator that compiles a function of arrays and numbers and releases the interpreter lock while it runs.

    A division by zero gives infinity or NaN, as in arrays: the check for it would keep loops out of vector registers.

    Args:
        reorder: allow sums to be reordered and fused, which lets loops over floats run in vector registers.
    """

    def compile_one(function: Loop) -> Loop:
        loop: Any = numba.njit(nogil=True, fastmath=reorder, error_model="numpy")(function)
        try:
            loop.enable_caching()
        except RuntimeError as error:  # no folder to keep the result in
            _warn_once(str(error))
        else:
            loop._cache = _ForgivingCache(loop._cache)
        return cast(Loop, loop)

    return compile_one


class _ForgivingCache:
    """A numba cache whose faults cost time and nothing else: what cannot be read or kept is compiled in memory."""

    def __init__(self, files: Any) -> None:
        self.files = files

    def __getattr__(self, name: str) -> Any:
        return getattr(self.files, name)

    def load_overload(self, signature: Any, target: Any) -> Any:
        """The compiled code for a signature; None where it is missing or damaged."""
        try:
            return self.files.load_overload(signature, target)
        except Exception as error:  # a damaged pickle can raise anything
            _warn_once(f"{self.files.cache_path} is damaged ({type(error).__name__}: {error})")
            return None

    def save_overload(self, signature: Any, code: Any) -> None:
        """Keep compiled code, in place of a damaged file if need be."""
        try:
            self.files.save_overload(signature, code)
        except Exception:
            try:
                self.files.flush()  # an index that is damaged makes room for a new one
                self.files.save_overload(signature, code)
            except Exception as error:
                _warn_once(f"{self.files.cache_path} cannot be written ({error})")


def _warn_once(reason: str) -> None:
    """Warn, once in each process, that loops are compiled again."""
    if not _warned:
        _warned.append(reason)
        logging.getLogger("soundloom").warning(
            "the cache of compiled loops cannot be used: %s; loops are compiled again, which takes longer. "
            "NUMBA_CACHE_DIR=/path names another folder",
            reason,
        )
