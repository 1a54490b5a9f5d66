"""Label tables, metadata.csv and metadata.jsonl, in the Hugging Face audiofolder form, however people write them."""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from soundloom.data.cells import clean, spell

SUFFIXES = (".csv", ".tsv", ".jsonl")
UNREADABLE = {
    ".parquet": 'convert it, such as by: python -c "import pandas; '
    "pandas.read_parquet('metadata.parquet').to_csv('metadata.csv', index=False)\"",
    ".xlsx": "save it as CSV",
    ".xls": "save it as CSV",
    ".ods": "save it as CSV",
}
FILE_HEADERS = ("file_name", "filename", "file", "path")
SEPARATOR_LINE = re.compile(r'"?sep=(.)"?[ \t]*\r?\n', re.IGNORECASE)  # Excel's own first line


@dataclass
class Table:
    """Rows as text by header; `file_header` names the column that holds the files."""

    headers: list[str]
    file_header: str
    rows: list[dict[str, str]]
    separator: str = ","
    notes: list[str] = field(default_factory=list)


def is_table(location: str) -> bool:
    """Whether a file is a label table by its name, metadata.csv and the like, in letters of any case."""
    name = PurePosixPath(location.lower())
    return name.stem == "metadata" and name.suffix in (*SUFFIXES, *UNREADABLE)


def read_table(path: Path) -> Table:
    """Read a label table: comma, semicolon, tab or bar between cells; UTF-8, UTF-16 or Windows-1252.

    Raises:
        ValueError: it cannot be read, is no text, or has no column of file names; the message says which.
    """
    suffix = path.suffix.lower()
    if suffix in UNREADABLE:
        kind = suffix[1:].capitalize()
        raise ValueError(f"{path.name}: {kind} tables cannot be read, so its labels are not used; {UNREADABLE[suffix]}")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ValueError(f"{path.name} cannot be opened ({error.strerror}), so its labels are not used") from None
    text, notes = _decode(path.name, content)
    table = _from_jsonl(path.name, text) if suffix == ".jsonl" else _from_csv(path.name, text)
    changes = clean(table.rows, [header for header in table.headers if header != table.file_header], table.separator)
    table.notes = [*notes, *table.notes, *(f"{path.name}: {change}" for change in changes)]
    return table


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
    separators = ",;\t|"
    if first := SEPARATOR_LINE.match(text):
        separators, text = first[1] + separators, text[first.end() :]
    for separator in separators:
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
    table = Table([header for header in headers if header], file_header, [], separator)
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
    for line in filter(
        None, (line.strip() for line in text.split("\n"))
    ):  # not U+2028 and the like: text may hold them
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
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
    by_lower_case = {header.lower(): header for header in headers}
    return next((by_lower_case[name] for name in FILE_HEADERS if name in by_lower_case), "")
