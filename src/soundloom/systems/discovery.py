"""Systems by name: each is a folder here whose `SYSTEM` is its class."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from soundloom.runtime.plugins import modules_in
from soundloom.runtime.settings import nearest

if TYPE_CHECKING:
    from soundloom.contract import System


def system_names() -> tuple[str, ...]:
    """All systems, sorted; none of them is imported."""
    return modules_in("systems", folders_only=True)


def system_named(name: str) -> type[System]:
    """The class of a system.

    Raises:
        ValueError: no such system; the nearest one is named.
    """
    if name not in system_names():
        raise ValueError(f"no system {name!r}; {nearest(name, system_names())}")
    found: type[System] = importlib.import_module(f"soundloom.systems.{name}").SYSTEM
    return found
