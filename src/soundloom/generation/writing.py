"""From a request to a folder: sounds, one picture of their spectrograms, and request.json, which makes them again."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from dataclasses import replace as replace_fields
from pathlib import Path
from typing import Any, NamedTuple

from soundloom.audio import Audio, read, write
from soundloom.conditions.sweep import Sweep
from soundloom.generation import Generated, Model, Request
from soundloom.generation.checks import check, length_of
from soundloom.generation.given_sounds import fingerprint
from soundloom.generation.pictures import ContactSheet
from soundloom.generation.record import from_dict, to_dict
from soundloom.generation.sampling import OnProgress, cut_short
from soundloom.runtime.files import read_json, write_json

SIDECAR, PICTURE = "request.json", "spectrograms.png"
OF_RESULTS = ("files", "stopped")  # what a request.json says of what came of a request, not of the request


@dataclass(frozen=True)
class Rendered:
    """What was written, and what the caller should know about it."""

    folder: Path
    files: tuple[Path, ...]
    picture: Path | None
    remarks: tuple[str, ...]
    stopped: str | None = None  # how far it came, where it was stopped: 3 of 8 sounds, one of them 12.30 of 60 s


class Written(NamedTuple):
    """What a request.json says."""

    model: str
    digest: str
    format: str
    request: Request
    stopped: bool  # some of its sounds are missing or cut short


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
        called: how the model was named, for `--again`; None is its name.
        on_progress: told the seconds of sound that are made and those to make, by one thread at a time.
        stop: set it to end early: what is done is written, but never over a longer sound of the same request.

    Raises:
        ValueError: the model cannot do it, or the folder holds the sounds of another request.
        OSError: the folder cannot be written.
    """
    from soundloom import __version__

    check(model.system, request)
    request = replace_fields(request, conditions=model.system.schema.check(request.conditions))
    facts: dict[str, Any] = {
        "soundloom": __version__,
        "model": {"name": called or model.name, "digest": model.digest},
        "format": format,
        "request": to_dict(request),
    }
    results = _Results(folder, format, _sounds_there(folder, facts, replace), picture, request.sweep)
    length, count = length_of(model.system, request), 0
    for count, sound in enumerate(model.stream(request, jobs, on_progress=on_progress, stop=stop), start=1):
        if replace and count == 1:
            _clear(folder)
        number = f"{count - 1:0{len(str(max(999, request.sounds - 1)))}d}"
        results.put(f"{_stem(model.name, request)}-{number}.{format}", sound, length)
    stopped = count < request.sounds or results.cut
    if not count:
        return Rendered(folder, (), None, (), f"0 of {request.sounds} sounds; nothing was written")
    results.keep_the_rest()
    short = results.short_of(request.sounds)
    write_json(folder / SIDECAR, {**facts, **({"stopped": True} if short else {}), "files": results.entries})
    if picture:
        results.sheet.write(folder / PICTURE)
    far = results.how_far(request.sounds, length / model.sample_rate) if stopped else None
    return Rendered(folder, results.files, folder / PICTURE if picture else None, results.said, far)


class _Results:
    """The sounds of a request on their way into a folder, where a run that was stopped may have left longer ones."""

    def __init__(
        self, folder: Path, format: str, there: dict[str, dict[str, Any]], picture: bool, sweep: Sweep | None = None
    ) -> None:
        self.folder, self.format, self.there, self.picture, self.sweep = folder, format, there, picture, sweep
        self.entries: list[dict[str, Any]] = []  # as request.json has them
        self.sheet = ContactSheet() if sweep is None else ContactSheet(sweep.steps)  # a row for each sound
        self.remarks: dict[str, None] = {}
        self.notes: list[str] = []
        self.cut = False  # any that was made now

    @property
    def files(self) -> tuple[Path, ...]:
        return tuple(self.folder / str(entry["file"]) for entry in self.entries)

    @property
    def said(self) -> tuple[str, ...]:
        """Remarks, of which many that are alike are one."""
        more = f" (and {len(self.notes) - 1} more likewise)" if len(self.notes) > 1 else ""
        return (*self.remarks, *(f"{note}{more}" for note in self.notes[:1]))

    def put(self, name: str, sound: Generated, length: int) -> None:
        """Write a sound that should have so many samples."""
        audio, remarks = sound.audio, sound.remarks
        entry: dict[str, Any] = {"file": name, "conditions": sound.conditions}
        samples = audio.samples.shape[1]
        if samples < length:
            self.cut = True
            entry["seconds"] = audio.seconds
            remarks = tuple(remark for remark in remarks if remark != cut_short(samples, length, audio.sample_rate))
        before = self.there.pop(name, None)
        if before is not None and _seconds(before) > _seconds(entry):
            self._keep(before)
            return
        note = write(self.folder / name, audio, self.format)
        self.notes += [note] if note else []
        self.remarks.update(dict.fromkeys(remarks))
        self.entries.append(entry)
        if self.picture:
            self.sheet.add(audio, self._title(name, sound.conditions))

    def keep_the_rest(self) -> None:
        """Keep the sounds of the same request that were there before and not made anew."""
        for entry in self.there.values():
            self._keep(entry)

    def _keep(self, entry: dict[str, Any]) -> None:
        self.entries.append(entry)
        if self.picture and not self.sheet.full:
            self.sheet.add(read(self.folder / entry["file"]), self._title(entry["file"], entry["conditions"]))

    def _title(self, name: str, conditions: dict[str, Any]) -> str:
        if self.sweep is None:
            return _title(name, conditions)
        value = conditions.get(self.sweep.name)
        return f"{self.sweep.name} {value:g}" if isinstance(value, float) else _title(name, conditions)

    def short_of(self, count: int) -> bool:
        """Whether the folder lacks some of `count` sounds, or the ends of some."""
        return len(self.entries) < count or any("seconds" in entry for entry in self.entries)

    def how_far(self, count: int, seconds: float) -> str:
        """How many sounds there are, and how long those are that were cut short."""
        sounds = f"{len(self.entries)} of {count} sounds"
        cut = sorted(entry["seconds"] for entry in self.entries if "seconds" in entry)
        if not cut:
            return sounds
        span = f"{cut[0]:.2f}" + (f" to {cut[-1]:.2f}" if cut[-1] > cut[0] else "") + f" of {seconds:g} s"
        return span if count == 1 else f"{sounds}, {len(cut) if len(cut) > 1 else 'one'} of them {span}"


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


def _sounds_there(folder: Path, facts: dict[str, Any], replace: bool) -> dict[str, dict[str, Any]]:
    """The sounds of the same request that a folder holds, by file name, as its request.json has them."""
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder} is a file; name another folder with --out")
    sidecar = folder / SIDECAR
    if replace or not sidecar.exists():
        return {}
    before = read_json(sidecar)
    if not isinstance(before, dict) or {key: before[key] for key in before if key not in OF_RESULTS} != facts:
        raise ValueError(
            f"{folder} holds the sounds of another request, which would no longer say how they were made; "
            f"choose another --out, or add --replace"
        )
    return {entry["file"]: entry for entry in _entries(before) if (folder / entry["file"]).is_file()}


def _entries(said: Any) -> list[dict[str, Any]]:
    """The sounds that a request.json names: nothing that soundloom does not write, and nothing outside its folder."""
    files = said.get("files") if isinstance(said, dict) else None
    return [entry for entry in files if _is_entry(entry)] if isinstance(files, list) else []


def _is_entry(entry: Any) -> bool:
    if not isinstance(entry, dict) or not isinstance(entry.get("seconds", 0.0), int | float):
        return False
    name = entry.get("file")
    return isinstance(name, str) and Path(name).name == name and isinstance(entry.get("conditions"), dict)


def _seconds(entry: dict[str, Any]) -> float:
    """How long a sound is that was cut short; one that is whole is longer than any."""
    return float(entry.get("seconds", math.inf))


def _clear(folder: Path) -> None:
    """Remove a request and the sounds that it names: without it nothing would say how they were made."""
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


def _stem(model: str, request: Request) -> str:
    """A file name that says what was asked: drums-snare-seed7."""
    asked = "-".join(_slug(value) for value in request.conditions.values())
    asked = f"{asked}-{_slug(request.sweep.name)}" if request.sweep else asked
    return "-".join(part for part in (_slug(model), asked.strip("-"), f"seed{request.seed}") if part)


def _slug(value: Any) -> str:
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return "".join(letter if letter.isalnum() or letter in "_." else "-" for letter in text)[:40].strip("-.")


def _title(name: str, conditions: dict[str, Any]) -> str:
    said = ", ".join(f"{value:.4g}" if isinstance(value, float) else str(value) for value in conditions.values())
    number = name.rsplit(".", 1)[0].rsplit("-", 1)[-1]
    return f"{number}: {said}" if said else number
