"""Settings as frozen dataclasses: to and from JSON, overrides by name, errors that suggest the nearest key."""

from __future__ import annotations

import dataclasses
import difflib
import json
import os
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

T = TypeVar("T")


def nearest(word: str, known: Iterable[str]) -> str:
    """A sentence that names the closest known word, or all of them: the tail of an error message."""
    names = sorted(known)
    close = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]!r}? (known: {', '.join(names)})"
    return f"known: {', '.join(names) or 'none'}"


def to_json(value: Any) -> dict[str, Any]:
    """A dataclass as plain JSON values."""
    return dict(TypeAdapter(type(value)).dump_python(value, mode="json"))


def from_json(kind: type[T], data: Mapping[str, Any], *, where: str = "settings") -> T:
    """Build a dataclass from JSON values, checking every name and type.

    Raises:
        ValueError: an unknown key (the nearest known one is named) or a value of the wrong type.
    """
    known = [field.name for field in dataclasses.fields(kind)]  # type: ignore[arg-type]
    for key in data:
        if key not in known:
            raise ValueError(f"{where}: no setting {key!r}; {nearest(key, known)}")
    try:
        return TypeAdapter(kind).validate_python(dict(data))
    except ValidationError as error:
        first = error.errors()[0]
        ours = first.get("ctx", {}).get("error")
        if isinstance(ours, ValueError):  # our own sentence, from a dataclass that checks itself
            raise ValueError(f"{where}: {ours}") from None
        place = ".".join(str(part) for part in first["loc"]) or where
        raise ValueError(f"{where}: {place} = {first.get('input')!r}: {first['msg'].lower()}") from None


def override(value: T, assignments: Iterable[str], *, where: str = "--set") -> T:
    """Apply `name=value` texts to a frozen dataclass; values are JSON where they parse, else text.

    Raises:
        ValueError: no `=`, an unknown name, or a value of the wrong type.
    """
    data = to_json(value)
    for assignment in assignments:
        name, separator, text = assignment.partition("=")
        if not separator:
            raise ValueError(f"{where} {assignment}: write it as name=value")
        if name not in data:
            raise ValueError(f"{where} {assignment}: no setting {name!r}; {nearest(name, data)}")
        data[name] = parse(text)
    return from_json(type(value), data, where=where)


def parse(text: str) -> Any:
    """A command-line value: JSON where it parses (numbers, true, lists), else the text itself."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def read_json(path: Path) -> Any:
    """The JSON in a file.

    Raises:
        ValueError: the file is not JSON; the message names it.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not readable JSON ({error}); restore it or make it again") from None


def write_atomically(path: Path, content: bytes, durable: bool = True) -> None:
    """Write a file so that a kill or a full disk leaves either the old file or the new one, never half of one.

    `durable` also survives a power cut, at some milliseconds a file: for what cannot be made again.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:80]}.", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        Path(name).chmod(0o666 & ~_umask())
        os.replace(name, path)  # noqa: PTH105 - tests stand in for a full disk here
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def write_json(path: Path, data: Any) -> None:
    """Write JSON atomically, keys in the order given, text readable by people."""
    write_atomically(path, (json.dumps(data, indent=2, ensure_ascii=False) + "\n").encode())


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
