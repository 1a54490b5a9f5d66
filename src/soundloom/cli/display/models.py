"""The table of shipped models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from soundloom.runtime.units import duration

SHOWN_CHARACTERS = 40


def models_table(models: Sequence[dict[str, Any]]) -> None:
    """Print the shipped models."""
    table = Table("model", "makes", "conditions", "size", "data and licence")
    for model in models:
        sizes = f"{model['megabytes']} MB\n{model['seconds']:g} s at {model['sample_rate']} Hz"
        if model["longest_seconds"] > model["seconds"]:
            sizes += f"\nup to {duration(model['longest_seconds'])}"
        conditions = "\n".join(map(in_words, model["conditions"])) or "none"
        table.add_row(model["name"], model["makes"], conditions, sizes, f"{model['data']}; weights {model['licence']}")
    Console().print(table)


def in_words(condition: Mapping[str, Any]) -> str:
    """A condition, as `to_dict` gives it, in one line."""
    if condition["kind"] == "category":
        return f"{condition['name']}: one of {', '.join(condition['values'])}"
    if condition["kind"] == "text":
        shown = condition["alphabet"][:SHOWN_CHARACTERS]
        return f"{condition['name']}: a text of up to {condition['longest']} characters, out of {shown!r}"
    numbers = f"{condition['low']:g} to {condition['high']:g} {condition['unit']}".rstrip()
    words, measured = f"{condition['name']}: a number from {numbers}", condition["measured"]
    if measured:
        zero, one = (f"{measured[key]:.4g} {measured['unit']}".rstrip() for key in ("zero", "one"))
        words += f"; 0 is {zero} as measured, 1 is {one}"
    return words
