"""How candidates are named: models by name or run folder, `baseline:...`, folders of sounds, or sounds in memory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from soundloom.runtime.files import printable
from soundloom.runtime.settings import nearest

if TYPE_CHECKING:
    from soundloom.audio import Audio

Source: TypeAlias = "str | Path | Sequence[Audio]"

PREFIX = "baseline:"
FITTED = ("pca", "mixture", "nearest")  # in seconds; the others are trained, see `Trained`


class Trained(NamedTuple):
    """A baseline that is a system, trained with a preset: `baseline:SYSTEM:PRESET`."""

    system: str
    preset: str

    def __str__(self) -> str:
        return f"{PREFIX}{self.system}:{self.preset}"

    @classmethod
    def parse(cls, name: str) -> Trained | None:
        """The trained baseline of that name, or None for another kind of candidate."""
        system, colon, preset = name.removeprefix(PREFIX).partition(":")
        return cls(system, preset) if name.startswith(PREFIX) and colon else None


def name_of(source: Source) -> str:
    """The name of a candidate; of sounds in memory it is a hash of their samples."""
    if isinstance(source, str | Path):
        return str(source)
    from soundloom.evaluation.candidates.sounds import hashed_name

    return hashed_name(source)


def full_name(name: str) -> str:
    """The name of a candidate in full: `baseline:PRESET`, if one system alone has that preset, gets its system."""
    method = name.removeprefix(PREFIX)
    if not name.startswith(PREFIX) or method in FITTED or ":" in method:
        return name
    from soundloom.systems.discovery import system_named, system_names

    owners = [system for system in system_names() if method in system_named(system).PRESETS]
    return str(Trained(owners[0], method)) if len(owners) == 1 else name


def check_names(sources: Sequence[Source], folder: Path) -> None:
    """Refuse names that are no candidates, before anything that takes long.

    Raises:
        ValueError: an unknown baseline or model, whose nearest is named; the same name twice; no folder of real sounds.
    """
    from soundloom.checkpoints.checkpoint import locate

    names = [full_name(name_of(source)) for source in sources]
    for name, source in zip(names, sources, strict=True):
        if names.count(name) > 1:
            raise ValueError(f"{name} is named {names.count(name)} times; name each once")
        if name.startswith(PREFIX):
            _check_baseline(name)
        elif isinstance(source, str | Path) and not is_folder_of_sounds(name):
            locate(name)
    if not folder.is_dir():
        raise ValueError(f"{printable(folder)} is no folder; name the folder of real sounds to compare with, last")


def is_folder_of_sounds(name: str) -> bool:
    """Whether a name is a folder that holds no run, so that its files are taken as generated sounds."""
    from soundloom.checkpoints.checkpoint import CONFIG, WEIGHTS, shipped

    path = Path(name)
    return path.is_dir() and not any((path / file).exists() for file in (CONFIG, WEIGHTS)) and name not in shipped()


def _check_baseline(name: str) -> None:
    trained = Trained.parse(name)
    if trained is None:
        if name.removeprefix(PREFIX) not in FITTED:
            known = [PREFIX + each for each in FITTED]
            raise ValueError(
                f"no baseline {name.removeprefix(PREFIX)!r}; {nearest(name, known)}; or train one for some minutes: "
                f"{PREFIX}SYSTEM:PRESET"
            )
        return
    from soundloom.systems.discovery import system_named

    presets = system_named(trained.system).PRESETS
    if trained.preset not in presets:
        raise ValueError(
            f"{name}: {trained.system} has no preset {trained.preset!r}; {nearest(trained.preset, presets)}"
        )
