"""Requests as JSON values, so that a file can record how to make its sounds again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from soundloom.audio import Audio
from soundloom.conditions.sweep import Sweep
from soundloom.generation.given_sounds import fingerprint
from soundloom.generation.request import Request, Sound
from soundloom.runtime.settings import from_json

IN_MEMORY = "memory:"  # begins the name of a sound that is in no file, before its hash


def to_dict(request: Request) -> dict[str, Any]:
    """A request as JSON values, with the fingerprints of the sounds that it names.

    A sound in memory is recorded by the hash of its samples; `from_dict` takes the sound itself.
    """
    given: tuple[Sound, ...] = (*request.like, *(() if request.prompt is None else (request.prompt,)))
    return {
        "count": int(request.count),
        "seconds": None if request.seconds is None else float(request.seconds),
        "conditions": dict(request.conditions),
        "prompt": None if request.prompt is None else _name(request.prompt),
        "like": [_name(sound) for sound in request.like],
        "distance": float(request.distance),
        "temperature": float(request.temperature),
        "seed": int(request.seed),
        "options": dict(request.options),
        "sounds": {_name(sound): fingerprint(sound) for sound in given},
        **_phase(request.phase),
        **({} if request.sweep is None else {"sweep": asdict(request.sweep)}),
    }


def from_dict(data: Mapping[str, Any], where: str, sounds: Mapping[str, Audio] | None = None) -> Request:
    """The request that `to_dict` wrote.

    Args:
        data: from `to_dict`.
        where: it was read; for errors.
        sounds: those that were in memory when it was written, by their fingerprint.

    Raises:
        ValueError: not a request, or a sound or a vocoder that it names has changed or is not there.
    """
    try:
        request = Request(
            count=int(data["count"]),
            seconds=None if data["seconds"] is None else float(data["seconds"]),
            conditions=dict(data["conditions"]),
            prompt=None if data["prompt"] is None else _given(_text(data["prompt"]), where, sounds or {}),
            like=tuple(_given(_text(sound), where, sounds or {}) for sound in data["like"]),
            distance=float(data["distance"]),
            temperature=float(data["temperature"]),
            seed=int(data["seed"]),
            options=dict(data["options"]),
            phase=None if data.get("phase") is None else _text(data["phase"]),
            sweep=None if data.get("sweep") is None else from_json(Sweep, data["sweep"]),
        )
        recorded = dict(data["sounds"])
    except _NotThere as error:
        raise ValueError(str(error)) from None
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{where} is not a request that soundloom wrote ({error}); name a request.json") from None
    for path, expected in recorded.items():
        if path.startswith(IN_MEMORY):
            continue
        if not Path(path).is_file():
            raise ValueError(f"{where} names the sound {path}, which is not there; run it where it was made")
        if fingerprint(path) != expected:
            raise ValueError(f"{path} has changed since {where} was written, so the sounds would differ; put it back")
    if _phase(request.phase).get("vocoder") != data.get("vocoder"):
        raise ValueError(
            f"{request.phase} has changed since {where} was written, so the sounds would differ; put it back"
        )
    return request


class _NotThere(ValueError):
    """A sound in memory that is not given again."""


def _name(sound: Sound) -> str:
    return f"{IN_MEMORY}{fingerprint(sound)}" if isinstance(sound, Audio) else str(sound)


def _given(name: str, where: str, sounds: Mapping[str, Audio]) -> Sound:
    if not name.startswith(IN_MEMORY):
        return name
    digest = name.removeprefix(IN_MEMORY)
    if digest not in sounds:
        raise _NotThere(
            f"{where} was made with a sound in memory (hash {digest}), which is in no file; repeat it from the program "
            f"that has the sound"
        )
    return sounds[digest]


def _phase(phase: str | None) -> dict[str, Any]:
    """The phase method, with the digest of a vocoder; empty if none is asked for, as in files of earlier versions."""
    if phase is None:
        return {}
    from soundloom.generation.vocoder import names_vocoder, vocoder_named

    return {"phase": phase, **({"vocoder": vocoder_named(phase).digest} if names_vocoder(phase) else {})}


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value
