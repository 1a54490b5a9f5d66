"""From a request to a folder: sounds, one picture of their spectrograms, and request.json, which makes them again."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from dataclasses import replace as replace_fields
from pathlib import Path
from typing import Any

from soundloom.generation.checks import check, length_of
from soundloom.generation.model import Model
from soundloom.generation.record import to_dict
from soundloom.generation.request import Request
from soundloom.generation.results import Results
from soundloom.generation.sampling import OnProgress
from soundloom.generation.sidecar import SIDECAR, clear, sounds_of_before
from soundloom.runtime.files import write_json

PICTURE = "spectrograms.png"


@dataclass(frozen=True)
class Rendered:
    """What was written, and what the caller should know about it."""

    folder: Path
    files: tuple[Path, ...]
    picture: Path | None
    remarks: tuple[str, ...]
    stopped: str | None = None  # how much is done, if it was stopped: "3 of 8 sounds, one of them 12.30 of 60 s"


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
    on_progress: OnProgress | None = None,
    stop: threading.Event | None = None,
) -> Rendered:
    """Make a request's sounds and write them.

    Args:
        folder: made if need be. Sounds of another request in it are refused, unless `replace`.
        format: wav, flac, ogg, opus, mp3 or aiff.
        picture: draw the first 16 spectrograms into spectrograms.png; of a sweep four rows, one for each sound.
        jobs: threads; None takes all processors. The bytes do not depend on it.
        called: the name or path that loads the model again, for request.json; None is the model's own name.
        on_progress: called with the seconds of sound that are done and those in all, from one thread at a time.
        stop: set it to end early: what is done is written, but never over a longer sound of the same request.

    Raises:
        ValueError: the model cannot do it, or the folder holds the sounds of another request.
        OSError: the folder cannot be written.
    """
    from soundloom import __version__

    check(model.system, request)
    request = replace_fields(request, conditions=model.system.schema.check(request.conditions))
    recorded: dict[str, Any] = {
        "soundloom": __version__,
        "model": {"name": called or model.name, "digest": model.digest},
        "format": format,
        "request": to_dict(request),
    }
    results = Results(folder, format, sounds_of_before(folder, recorded, replace), picture, request.sweep)
    length, count = length_of(model.system, request), 0
    for count, sound in enumerate(model.stream(request, jobs, on_progress=on_progress, stop=stop), start=1):
        if replace and count == 1:
            clear(folder)
        number = f"{count - 1:0{len(str(max(999, request.sounds - 1)))}d}"
        results.put(f"{_stem(model.name, request)}-{number}.{format}", sound, length)
    stopped = count < request.sounds or results.cut
    if not count:
        return Rendered(folder, (), None, (), f"0 of {request.sounds} sounds; nothing was written")
    results.keep_the_rest()
    short = results.short_of(request.sounds)
    write_json(folder / SIDECAR, {**recorded, **({"stopped": True} if short else {}), "files": results.entries})
    if picture:
        results.sheet.write(folder / PICTURE)
    far = results.how_far(request.sounds, length / model.sample_rate) if stopped else None
    return Rendered(folder, results.files, folder / PICTURE if picture else None, results.remarks, far)


def _stem(model: str, request: Request) -> str:
    """The beginning of file names, made of what was asked: drums-snare-seed7."""
    asked = "-".join(_slug(value) for value in request.conditions.values())
    asked = f"{asked}-{_slug(request.sweep.name)}" if request.sweep else asked
    return "-".join(part for part in (_slug(model), asked.strip("-"), f"seed{request.seed}") if part)


def _slug(value: Any) -> str:
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return "".join(letter if letter.isalnum() or letter in "_." else "-" for letter in text)[:40].strip("-.")
