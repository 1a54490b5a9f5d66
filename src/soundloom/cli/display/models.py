"""The table of shipped models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from soundloom.runtime.units import duration


def models_table(found: Sequence[dict[str, Any]]) -> None:
    """Print the shipped models."""
    table = Table("model", "makes", "conditions", "size", "data and licence")
    for entry in found:
        sizes = f"{entry['megabytes']} MB\n{entry['seconds']:g} s at {entry['sample_rate']} Hz"
        if entry["longest_seconds"] > entry["seconds"]:
            sizes += f"\nup to {duration(entry['longest_seconds'])}"
        asked = "\n".join(entry["conditions"].values()) or "none"
        table.add_row(entry["name"], entry["makes"], asked, sizes, f"{entry['data']}; weights {entry['licence']}")
    Console().print(table)
