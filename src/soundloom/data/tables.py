"""Label tables, metadata.csv and metadata.jsonl, in the Hugging Face audiofolder form, however people write them."""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

NAMES = ("metadata.csv", "metadata.jsonl", "metadata.tsv")
FILE_HEADERS = ("file_name", "filename", "file", "path")
WHOLE_NUMBER = re.compile(r"-?\d+\.0+")


@dataclass
class Table:
    """Rows as text by header; `file_header` names the column that holds the files."""

    headers: list[str]
    file_header: str
    rows: list[dict[str, str]]
    notes: list[str] = field(default_factory=list)


def read_table(path: Path) -> Table:
    """Read a label table: comma, semicolon, tab or bar between cells; UTF-8, UTF-16 or Windows-1252.

    Raises:
        ValueError: it cannot be read, is no text, or has no column of file names; the message says which.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ValueError(f"{path.name} cannot be opened ({error.strerror}), so its labels are not used") from None
    text, notes = _decode(path.name, content)
    table = _from_jsonl(path.name, text) if path.suffix == ".jsonl" else _from_csv(path.name, text)
    table.notes[:0] = notes
    return table


def spell(cell: str) -> str:
    """A cell without outer blanks; 3.0 becomes 3, because tables that held gaps write whole numbers so."""
    text = cell.strip()
    return text.split(".")[0] if WHOLE_NUMBER.fullmatch(text) else text


def _decode(name: str, content: bytes) -> tuple[str, list[str]]:
    notes = []
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        text = content.decode("utf-16", "replace")
    else:
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = content.decode("cp1252", "replace")
            notes.append(f"{name} is not UTF-8; it was read as Windows-1252, so look at its accents")
    if "\0" in text:
        raise ValueError(f"{name} is not text, so its labels are not used; save it as CSV in UTF-8")
    return text, notes


def _from_csv(name: str, text: str) -> Table:
    for separator in ",;\t|":
        try:
            lines = [line for line in csv.reader(io.StringIO(text, newline=""), delimiter=separator) if any(line)]
        except csv.Error as error:
            raise ValueError(f"{name} is not a table ({error}), so its labels are not used; save it as CSV") from None
        headers = [header.strip() for header in lines[0]] if lines else []
        file_header = _file_header(headers)
        if file_header:
            break
    else:
        seen = ", ".join(next(csv.reader(io.StringIO(text)), [])[:8]) or "no columns"
        raise ValueError(f"{name} has no file_name column (it has {seen}), so its labels are not used; add one")
    table = Table([header for header in headers if header], file_header, [])
    ragged = sum(len(line) != len(headers) for line in lines[1:])
    if ragged:
        table.notes.append(f"{name}: {ragged} rows have more or fewer cells than the header")
    if len(set(table.headers)) < len(table.headers):
        table.notes.append(f"{name}: a column name comes twice; the last one counts")
    for line in lines[1:]:
        cells = zip(headers, line, strict=False)
        table.rows.append({header: spell(cell) for header, cell in cells if header and cell.strip()})
    return table


def _from_jsonl(name: str, text: str) -> Table:
    headers: dict[str, None] = {}
    rows, bad, nested = [], 0, set()
    for line in filter(None, (line.strip() for line in text.splitlines())):
        try:
            row = json.loads(line)
        except ValueError:
            row = None
        if not isinstance(row, dict):
            bad += 1
            continue
        nested |= {key for key, value in row.items() if isinstance(value, dict | list)}
        rows.append({key.strip(): text for key, value in row.items() if (text := _text(value))})
        headers |= dict.fromkeys(key.strip() for key in row)
    known = [header for header in headers if header not in nested]
    file_header = _file_header(known)
    if not file_header:
        raise ValueError(f"{name} has no file_name in its rows, so its labels are not used; add one to each")
    table = Table(known, file_header, rows)
    if bad:
        table.notes.append(f"{name}: {bad} lines are not JSON objects and were left out")
    if nested:
        table.notes.append(f"{name}: {', '.join(sorted(nested))} hold lists or objects and are not used as labels")
    return table


def _text(value: object) -> str:
    if value is None or isinstance(value, dict | list):
        return ""
    return spell(json.dumps(value) if isinstance(value, bool | int | float) else str(value))


def _file_header(headers: Iterable[str]) -> str:
    by_plain_name = {header.lower(): header for header in headers}
    return next((by_plain_name[name] for name in FILE_HEADERS if name in by_plain_name), "")
