"""Tables of what a scan found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from soundloom.runtime.units import counts, duration, size

if TYPE_CHECKING:
    from soundloom.data.forecast import Forecast
    from soundloom.data.index import Index

SHOWN_SKIPS = 20


def scan_table(index: Index, cost: Forecast | None, remark: str | None = None) -> None:
    """Print what a scan found, the cost of training and a remark on it."""
    console = Console()
    summary = index.summary()
    overview = Table(title=Text(f"{index.folder}"), show_header=False, title_justify="left")
    lengths = summary["seconds"]
    overview.add_row("found", f"{index.found} files")
    overview.add_row("used", f"{len(index.entries)}, {duration(lengths['total'])} in all")
    overview.add_row("skipped", f"{len(index.skipped)} ({summary['duplicates']} duplicates)")
    overview.add_row(
        "lengths", f"{lengths['shortest']:.2f} to {lengths['longest']:.2f} s, median {lengths['median']:.2f} s"
    )
    for title, key in (("rates (Hz)", "sample_rates"), ("channels", "channels"), ("formats", "formats")):
        overview.add_row(title, counts(summary[key]))
    overview.add_row("groups", f"{summary['groups']} (a split keeps each on one side)")
    for name, label in summary["labels"].items():
        overview.add_row(
            Text(f"label {name}"), Text(counts(label["values"]) or f"{label['distinct']} different values")
        )
    if cost is not None:
        overview.add_row("clips", f"{cost.clips}, {100 * cost.coverage.share:.3g} % of the sound")
        overview.add_row("disk for the cache", size(cost.disk_bytes))
        overview.add_row("memory", size(cost.memory_bytes))
        overview.add_row("first decoding", duration(cost.first_decode_seconds))
        overview.add_row(
            "training", f"{duration(cost.epoch_seconds)} for each pass over the clips; 10 minutes is a good start"
        )
    console.print(overview)
    if index.skipped:
        table = Table("skipped", "reason")
        for skipped in index.skipped[:SHOWN_SKIPS]:
            table.add_row(Text(skipped.path), Text(skipped.reason))
        console.print(table)
        if len(index.skipped) > SHOWN_SKIPS:
            console.print(f"and {len(index.skipped) - SHOWN_SKIPS} more; --json lists them all")
    for note in (*index.notes, *((remark,) if remark else ())):
        console.print(Text(f"note: {note}"))


def descriptor_table(described: Mapping[str, Mapping[str, str | float]]) -> None:
    """Print where the descriptors of clips lie, as `soundloom.descriptors.summary` gives them; nothing for none."""
    if not described:
        return
    table = Table("descriptor", "unit", "1 %", "median", "99 %", "meaning")
    for name, row in described.items():
        table.add_row(
            name, str(row["unit"]), *(f"{row[key]:.3g}" for key in ("1 %", "median", "99 %")), str(row["says"])
        )
    Console().print(table)
