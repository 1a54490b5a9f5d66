"""Compiled loops whose cached machine code is valid only for the present sources of this folder.

Numba recompiles a loop when its own file has changed, but not when a function that is inlined into it has changed. So
the cache here is keyed by a hash of all files of this folder.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from soundloom.runtime.compiled import compiled as compiled_by_file

Loop = TypeVar("Loop", bound=Callable[..., object])

SOURCES = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py")))).hexdigest()


def compiled(*, reorder: bool = False) -> Callable[[Loop], Loop]:
    """As `soundloom.runtime.compiled.compiled`."""

    def compile_one(function: Loop) -> Loop:
        loop: Any = compiled_by_file(reorder=reorder)(function)
        kept = getattr(loop._cache, "_cache_file", None)  # None if no folder is writable
        if kept is not None:
            kept._source_stamp = (kept._source_stamp, SOURCES)
        return loop  # type: ignore[no-any-return]

    return compile_one
