"""Durations, sizes and counts as people read them."""

from __future__ import annotations

from typing import Any

SHOWN_VALUES = 12


def duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} minutes" if seconds < 7200 else f"{seconds / 3600:.1f} hours"


def size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"


def counts(counts: dict[Any, int]) -> str:
    shown = [f"{value} ({count})" for value, count in list(counts.items())[:SHOWN_VALUES]]
    more = len(counts) - SHOWN_VALUES
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")
