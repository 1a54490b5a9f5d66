"""The sounds of a request on their way into a folder, where an earlier call may have left some of them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from soundloom.audio import read, write
from soundloom.conditions.sweep import Sweep
from soundloom.generation.pictures import ContactSheet
from soundloom.generation.sampling import Generated, cut_short


class Results:
    """Writes sounds, adds them to the picture and lists them for request.json.

    A sound never replaces a longer one of the same request, which an earlier call may have left.

    Args:
        folder: to write into.
        format: of the files.
        before: entries of the sounds of this request that the folder holds, by file name.
        picture: whether to draw spectrograms.
        sweep: of the request; each of its sounds gets a row of the picture.
    """

    def __init__(
        self, folder: Path, format: str, before: dict[str, dict[str, Any]], picture: bool, sweep: Sweep | None = None
    ) -> None:
        self.folder, self.format, self.before, self.picture, self.sweep = folder, format, before, picture, sweep
        self.entries: list[dict[str, Any]] = []  # as request.json has them
        self.sheet = ContactSheet() if sweep is None else ContactSheet(sweep.steps)  # a row for each sound
        self.by_model: dict[str, None] = {}  # remarks, each once
        self.by_file: list[str] = []  # remarks of writing, one for a file
        self.cut = False  # whether a sound of this call was cut short

    @property
    def files(self) -> tuple[Path, ...]:
        return tuple(self.folder / str(entry["file"]) for entry in self.entries)

    @property
    def remarks(self) -> tuple[str, ...]:
        """What the caller should know; remarks on several files are summed up in one."""
        more = f" (and {len(self.by_file) - 1} more)" if len(self.by_file) > 1 else ""
        return (*self.by_model, *(f"{note}{more}" for note in self.by_file[:1]))

    def put(self, name: str, sound: Generated, length: int) -> None:
        """Write a sound that has `length` samples unless it was cut short."""
        audio, remarks = sound.audio, sound.remarks
        entry: dict[str, Any] = {"file": name, "conditions": sound.conditions}
        samples = audio.samples.shape[1]
        if samples < length:
            self.cut = True
            entry["seconds"] = audio.seconds
            remarks = tuple(remark for remark in remarks if remark != cut_short(samples, length, audio.sample_rate))
        earlier = self.before.pop(name, None)
        if earlier is not None and _seconds(earlier) > _seconds(entry):
            self._keep(earlier)
            return
        note = write(self.folder / name, audio, self.format)
        self.by_file += [note] if note else []
        self.by_model.update(dict.fromkeys(remarks))
        self.entries.append(entry)
        if self.picture:
            self.sheet.add(audio, self._title(name, sound.conditions))

    def keep_the_rest(self) -> None:
        """Keep the earlier sounds that this call did not make."""
        for entry in self.before.values():
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


def _seconds(entry: dict[str, Any]) -> float:
    """Length of a sound that was cut short; infinite for a whole one."""
    return float(entry.get("seconds", math.inf))


def _title(name: str, conditions: dict[str, Any]) -> str:
    values = ", ".join(f"{value:.4g}" if isinstance(value, float) else str(value) for value in conditions.values())
    number = name.rsplit(".", 1)[0].rsplit("-", 1)[-1]
    return f"{number}: {values}" if values else number
