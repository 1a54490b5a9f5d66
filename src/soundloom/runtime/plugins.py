"""The plug-in rule: a file or folder under a package is found by its name; nothing is registered by hand."""

from __future__ import annotations

import importlib
import pkgutil


def modules_in(package: str, *, folders_only: bool = False) -> tuple[str, ...]:
    """The public modules directly under `soundloom.<package>`, sorted; none of them is imported."""
    parent = importlib.import_module(f"soundloom.{package}")
    return tuple(
        sorted(
            info.name
            for info in pkgutil.iter_modules(parent.__path__)
            if not info.name.startswith("_") and (info.ispkg or not folders_only)
        )
    )
