"""The plug-in rule: a system is a folder under `systems/`, found by its name; nothing is registered by hand."""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING

from soundloom.config import nearest

if TYPE_CHECKING:
    from soundloom.system import System


def names(package: str) -> tuple[str, ...]:
    """The public modules directly under `soundloom.<package>`, sorted; none of them is imported."""
    parent = importlib.import_module(f"soundloom.{package}")
    return tuple(sorted(info.name for info in pkgutil.iter_modules(parent.__path__) if not info.name.startswith("_")))


def system_named(name: str) -> type[System]:
    """The class of a system.

    Raises:
        ValueError: no such system; the nearest one is named.
    """
    if name not in names("systems"):
        raise ValueError(f"no system {name!r}; {nearest(name, names('systems'))}")
    found: type[System] = importlib.import_module(f"soundloom.systems.{name}").SYSTEM
    return found
