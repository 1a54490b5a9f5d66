"""What the cells of a label table mean: which ones are empty in effect, and numbers as other countries write them."""

from __future__ import annotations

import re
from collections.abc import Iterable

# What pandas takes for a missing value, and dashes. "none" stays a value: the reverb of a dry sound.
EMPTY = frozenset(("", "<NA>", "N/A", "n/a", "NA", "NULL", "null", "NaN", "nan", "-NaN", "-nan", "None"))
EMPTY |= {"#N/A", "#N/A N/A", "#NA", "1.#IND", "-1.#IND", "1.#QNAN", "-1.#QNAN"}
EMPTY |= {"-", "--", "---", "?", "\N{EN DASH}", "\N{EM DASH}"}
WHOLE_NUMBER = re.compile(r"-?\d+\.0+")
INTEGER = re.compile(r"[+-]?\d+")
COMMA_NUMBER = re.compile(r"[+-]?\d*,\d+(e[+-]?\d+)?", re.IGNORECASE)
THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+")

Rows = list[dict[str, str]]


def spell(cell: str) -> str:
    """A cell without outer blanks; 3.0 becomes 3, because tables that held gaps write whole numbers so."""
    text = cell.strip()
    return text.split(".")[0] if WHOLE_NUMBER.fullmatch(text) else text


def clean(rows: Rows, headers: Iterable[str], separator: str = ",") -> list[str]:
    """Drop the cells that are empty in effect, and write decimal commas as points; in place.

    Args:
        rows: cells by header.
        headers: the columns to clean; not the one of file names.
        separator: of the table's cells. It decides what 1,500 is: one and a half, unless the table separates by commas.

    Returns:
        A sentence for each thing that was changed.
    """
    notes, dropped = list[str](), list[str]()
    for header in headers:
        for row in rows:
            if row.get(header) in EMPTY:
                dropped.append(row.pop(header))
        cells = [row[header] for row in rows if header in row]
        with_comma = next((cell for cell in cells if "," in cell), None)
        if with_comma is None:
            continue
        if separator == "," and all(INTEGER.fullmatch(cell) or THOUSANDS.fullmatch(cell) for cell in cells):
            _rewrite(rows, header, "")
        elif all(INTEGER.fullmatch(cell) or COMMA_NUMBER.fullmatch(cell) for cell in cells):
            _rewrite(rows, header, ".")
        else:
            continue
        example = [row[header] for row in rows if header in row][cells.index(with_comma)]
        notes.append(f"{header} has commas in its numbers; {with_comma} is read as {example}")
    if dropped:
        notes.append(f"{len(dropped)} cells such as {dropped[0]!r} count as empty")
    return notes


def _rewrite(rows: Rows, header: str, mark: str) -> None:
    for row in rows:
        if header in row:
            row[header] = spell(row[header].replace(",", mark))
