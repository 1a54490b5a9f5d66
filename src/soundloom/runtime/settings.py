"""Settings as frozen dataclasses: to and from JSON, overrides by name, errors that suggest the nearest key."""

from __future__ import annotations

import dataclasses
import difflib
import json
from collections.abc import Iterable, Mapping
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
    """A dataclass as JSON values."""
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


def override(
    value: T, assignments: Iterable[str], *, where: str = "--set", renamed: Mapping[str, str] | None = None
) -> T:
    """Apply `name=value` or `name.part=value` texts to a frozen dataclass; values are JSON where they parse, else text.

    A field may carry a function `read` in its metadata, (value before, value given) to the value to take: it
    interprets a text, and checks parts that no type lists. `renamed` maps names of earlier versions to present ones.

    Raises:
        ValueError: no `=`, an unknown name, or a value of the wrong type.
    """
    before, data = to_json(value), to_json(value)
    readers = {field.name: field.metadata["read"] for field in dataclasses.fields(value) if "read" in field.metadata}  # type: ignore[arg-type]

    def read(name: str) -> None:
        try:
            data[name] = readers[name](before[name], data[name])
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from None

    changed = set()
    for assignment in assignments:
        name, separator, text = assignment.partition("=")
        if not separator:
            raise ValueError(f"{where} {assignment}: write it as name=value")
        first, *parts = name.split(".")
        if renamed and first in renamed:
            raise ValueError(f"{where} {assignment}: {first} is now called {renamed[first]}; write that")
        if parts and first in readers and not isinstance(data[first], dict):
            read(first)
        try:
            _assign(data, [first, *parts], parse(text), anything=first in readers)
        except ValueError as error:
            raise ValueError(f"{where} {assignment}: {error}") from None
        changed.add(first)
    for name in sorted(changed & readers.keys()):
        read(name)
    return from_json(type(value), data, where=where)


def _assign(data: dict[str, Any], path: list[str], given: Any, anything: bool) -> None:
    """Put a value at a path of names into nested dictionaries; with `anything` below the first name, new names too."""
    for depth, name in enumerate(path):
        above = ".".join(path[:depth])
        if not isinstance(data, dict):
            raise ValueError(f"{above} is {data!r} and has no parts; write {above}=VALUE")
        if name not in data and not (anything and depth == len(path) - 1 > 0):
            raise ValueError(f"no setting {name!r}{' in ' * bool(above)}{above}; {nearest(name, data)}")
        if depth < len(path) - 1:
            data = data[name]
    now = data.get(path[-1])
    if isinstance(now, dict) and now and not isinstance(given, dict) and not anything:
        raise ValueError(
            f"{'.'.join(path)} has parts; write {'.'.join(path)}.{next(iter(now))}=VALUE ({nearest('', now)})"
        )
    data[path[-1]] = given


def parse(text: str) -> Any:
    """A command-line value: JSON where it parses (numbers, true, lists), else the text itself."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text
