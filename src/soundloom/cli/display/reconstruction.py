"""The table of what a representation kept of each file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text


def reconstruction_table(rows: Sequence[dict[str, Any]]) -> None:
    """Print what a representation kept of each file."""
    table = Table("file", "spectral convergence (dB)", "log-spectral distance (dB)", "written to")
    for row in rows:
        measured = (f"{row['spectral_convergence_db']:.1f}", f"{row['log_spectral_distance_db']:.1f}")
        table.add_row(Text(row["file"]), *measured, Text(row["written"]))
    Console().print(table)
