"""Puts the toy systems beside soundloom's own, as a plug-in would: a folder on the path of `soundloom.systems`."""

from __future__ import annotations

from pathlib import Path

import soundloom.systems

TOYS = Path(__file__).parent / "toy_systems"
NAMES = tuple(sorted(path.parent.name for path in TOYS.glob("*/__init__.py")))


def unplug() -> None:
    """Forget them again."""
    soundloom.systems.__path__.remove(str(TOYS))


def plug_in() -> None:
    """Make the toy systems known in this process."""
    if str(TOYS) not in soundloom.systems.__path__:
        soundloom.systems.__path__.append(str(TOYS))
