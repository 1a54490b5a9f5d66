"""Folders and files that soundloom itself has written, which are no training data."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from soundloom.runtime.files import read_json

RUN_FILES = ("config.json", "training.json")  # every run folder holds them, from its first step on
INSIDE_RUN = ("previews", "best", "progress")
RECORDS = ("request.json", "reconstruct.json")  # beside sounds that were made, with the names of these


def is_run_folder(folder: Path, names: Collection[str]) -> bool:
    """Whether a folder with files of these names was written by `soundloom train`."""
    if not set(RUN_FILES) <= set(names):
        return False
    recipe = _json(folder / "training.json")
    return isinstance(recipe, dict) and {"system", "training"} <= recipe.keys()


def made_in(folder: Path, names: Collection[str]) -> set[str]:
    """Names of the files in a folder that a record beside them says soundloom has made."""
    made = set()
    for record in RECORDS:
        found = _json(folder / record) if record in names else None
        if isinstance(found, dict) and "soundloom" in found and isinstance(found.get("files"), list):
            made |= {str(entry["file"]) for entry in found["files"] if isinstance(entry, dict) and "file" in entry}
    return made & set(names)


def _json(path: Path) -> Any:
    try:
        return read_json(path)
    except (OSError, ValueError):
        return None
