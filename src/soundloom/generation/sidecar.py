"""request.json, beside the sounds of a folder: what was asked of which model, and which files came of it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from soundloom.audio import Audio
from soundloom.generation.given_sounds import fingerprint
from soundloom.generation.record import from_dict
from soundloom.generation.request import Request
from soundloom.runtime.files import read_json

SIDECAR = "request.json"
OF_RESULTS = ("files", "stopped")  # keys that describe the results; the others describe the request


class Written(NamedTuple):
    """The contents of a request.json."""

    model: str
    digest: str
    format: str
    request: Request
    stopped: bool  # some of its sounds are missing or cut short


def read_request(path: Path, sounds: Iterable[Audio] = ()) -> Written:
    """Read a request.json.

    Args:
        path: of the file, or of the folder that holds it.
        sounds: those that the request gave in memory; the file has only their hashes.

    Raises:
        ValueError: not a file that soundloom wrote, or a sound that it names is missing or has changed.
    """
    path = path / SIDECAR if path.is_dir() else path
    if not path.is_file():
        raise ValueError(f"{path} is not there; --again takes a request.json or the folder that holds it")
    data = read_json(path)
    try:
        model, format, request = data["model"], data["format"], data["request"]
        name, digest, stopped = str(model["name"]), str(model["digest"]), bool(data.get("stopped"))
    except (KeyError, TypeError, AttributeError):
        raise ValueError(f"{path} is not a request that soundloom wrote; name a request.json") from None
    in_memory = {fingerprint(sound): sound for sound in sounds}
    return Written(name, digest, str(format), from_dict(request, str(path), in_memory), stopped)


def sounds_of_before(folder: Path, recorded: dict[str, Any], replace: bool) -> dict[str, dict[str, Any]]:
    """Entries of the sounds of the same request that a folder holds, by file name.

    Raises:
        ValueError: the folder is a file, or holds the sounds of another request and `replace` is not set.
    """
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder} is a file; name another folder with --out")
    sidecar = folder / SIDECAR
    if replace or not sidecar.exists():
        return {}
    before = read_json(sidecar)
    if not isinstance(before, dict) or {key: before[key] for key in before if key not in OF_RESULTS} != recorded:
        raise ValueError(
            f"{folder} holds the sounds of another request, whose {SIDECAR} would be lost; choose another "
            f"--out, or add --replace"
        )
    return {entry["file"]: entry for entry in _entries(before) if (folder / entry["file"]).is_file()}


def _entries(content: Any) -> list[dict[str, Any]]:
    """The sounds that a request.json lists, without entries that soundloom does not write or that leave its folder."""
    files = content.get("files") if isinstance(content, dict) else None
    return [entry for entry in files if _is_entry(entry)] if isinstance(files, list) else []


def _is_entry(entry: Any) -> bool:
    if not isinstance(entry, dict) or not isinstance(entry.get("seconds", 0.0), int | float):
        return False
    name = entry.get("file")
    return isinstance(name, str) and Path(name).name == name and isinstance(entry.get("conditions"), dict)


def clear(folder: Path) -> None:
    """Remove a request.json together with the sounds that it lists: nothing else records how they were made."""
    sidecar = folder / SIDECAR
    if not sidecar.is_file():
        return
    try:
        entries = _entries(read_json(sidecar))
    except ValueError:
        entries = []  # not one of ours: only the sidecar itself is in the way
    sidecar.unlink()
    for entry in entries:
        (folder / entry["file"]).unlink(missing_ok=True)
