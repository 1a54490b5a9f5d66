"""From a request to a folder: sounds, one picture of their spectrograms, and request.json, which makes them again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from soundloom.audio import write
from soundloom.config import read_json, write_json
from soundloom.generate import Model, Request, check, plain, unplain

SIDECAR, PICTURE = "request.json", "spectrograms.png"


@dataclass(frozen=True)
class Rendered:
    """What was written, and what the caller should know about it."""

    folder: Path
    files: tuple[Path, ...]
    picture: Path | None
    remarks: tuple[str, ...]


def render(
    model: Model,
    request: Request,
    folder: Path,
    *,
    format: str = "wav",
    picture: bool = True,
    replace: bool = False,
    jobs: int | None = None,
    called: str | None = None,
    on_sound: Callable[[int], None] | None = None,
) -> Rendered:
    """Make a request's sounds and write them.

    Args:
        folder: made if need be. Sounds of another request in it are refused, unless `replace`.
        format: wav, flac, ogg, opus, mp3 or aiff.
        picture: draw the first 16 spectrograms into spectrograms.png.
        jobs: threads; None takes all processors. The bytes do not depend on it.
        called: how the model was named, for `--again`; None is its name.
        on_sound: told how many sounds are done.

    Raises:
        ValueError: the model cannot do it, or the folder holds the sounds of another request.
        OSError: the folder cannot be written.
    """
    from soundloom import __version__

    check(model.system, request)
    facts: dict[str, Any] = {
        "soundloom": __version__,
        "model": {"name": called or model.name, "digest": model.digest},
        "format": format,
        "request": plain(request),
    }
    _check_folder(folder, facts, replace)
    made: list[dict[str, Any]] = []
    shown, titles, remarks, notes = [], [], dict[str, None](), list[str]()
    for index, sound in enumerate(model.stream(request, jobs)):
        name = f"{_stem(model.name, request)}-{index:0{len(str(max(999, request.count - 1)))}d}.{format}"
        if replace and not made:
            _clear(folder)
        note = write(folder / name, sound.audio, format)
        made.append({"file": name, "conditions": sound.conditions})
        remarks.update(dict.fromkeys(sound.remarks))
        notes += [note] if note else []
        if picture and index < 16:
            shown.append(sound.audio)
            titles.append(_title(name, sound.conditions))
        if on_sound:
            on_sound(index + 1)
    if notes:
        remarks[notes[0] if len(notes) == 1 else f"{notes[0]} (and {len(notes) - 1} more likewise)"] = None
    write_json(folder / SIDECAR, {**facts, "files": made})
    if picture:
        from soundloom.pictures import contact_sheet

        contact_sheet(folder / PICTURE, shown, titles)
    files = tuple(folder / str(entry["file"]) for entry in made)
    return Rendered(folder, files, folder / PICTURE if picture else None, tuple(remarks))


def read_request(path: Path) -> tuple[str, str, str, Request]:
    """What a request.json says: the model's name and digest, the format of the files, and the request.

    Raises:
        ValueError: not a file that soundloom wrote, or a sound that it names has changed.
    """
    path = path / SIDECAR if path.is_dir() else path
    if not path.is_file():
        raise ValueError(f"{path} is not there; --again takes a request.json or the folder that holds it")
    data = read_json(path)
    try:
        model, format, request = data["model"], data["format"], data["request"]
        name, digest = str(model["name"]), str(model["digest"])
    except (KeyError, TypeError):
        raise ValueError(f"{path} is not a request that soundloom wrote; name a request.json") from None
    return name, digest, str(format), unplain(request, str(path))


def _check_folder(folder: Path, facts: dict[str, Any], replace: bool) -> None:
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder} is a file; name another folder with --out")
    sidecar = folder / SIDECAR
    if replace or not sidecar.exists():
        return
    before = read_json(sidecar)
    if not isinstance(before, dict) or {key: value for key, value in before.items() if key != "files"} != facts:
        raise ValueError(
            f"{folder} holds the sounds of another request, which would no longer say how they were made; "
            f"choose another --out, or add --replace"
        )


def _clear(folder: Path) -> None:
    """Remove a request and the sounds that it names: without it nothing would say how they were made."""
    sidecar = folder / SIDECAR
    if not sidecar.is_file():
        return
    try:
        names = [str(entry["file"]) for entry in read_json(sidecar)["files"]]
    except (ValueError, KeyError, TypeError):
        names = []  # not one of ours: only the sidecar itself is in the way
    sidecar.unlink()
    for name in names:
        if Path(name).name == name:  # never outside the folder, whatever the file says
            (folder / name).unlink(missing_ok=True)


def _stem(model: str, request: Request) -> str:
    """A file name that says what was asked: drums-snare-seed7."""
    asked = "-".join(_slug(value) for value in request.conditions.values())
    return "-".join(part for part in (_slug(model), asked, f"seed{request.seed}") if part)


def _slug(value: Any) -> str:
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return "".join(letter if letter.isalnum() or letter in "_." else "-" for letter in text)[:40].strip("-.")


def _title(name: str, conditions: dict[str, Any]) -> str:
    said = ", ".join(f"{value:g}" if isinstance(value, float) else str(value) for value in conditions.values())
    number = name.rsplit(".", 1)[0].rsplit("-", 1)[-1]
    return f"{number}: {said}" if said else number
