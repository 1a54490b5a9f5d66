"""From names to contenders: models, baselines, and folders of sounds."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from soundloom.evaluation import baselines
from soundloom.evaluation.candidates import BaselineContender, Contender, FolderContender, ModelContender, Terms
from soundloom.runtime.files import printable
from soundloom.runtime.settings import nearest

if TYPE_CHECKING:
    from soundloom.data.clips import ClipSettings
    from soundloom.evaluation.reference_data import Material

COURSE = f"{baselines.PREFIX}course"
COURSE_MINUTES = 10.0


def check(names: Sequence[str], folder: Path) -> None:
    """Refuse names that are no contender, before anything that takes long.

    Raises:
        ValueError: an unknown baseline or model; the nearest is named. Or the same name twice, or no folder.
    """
    from soundloom.checkpoints.checkpoint import locate

    for name in names:
        if list(names).count(name) > 1:
            raise ValueError(f"{name} is named {list(names).count(name)} times; name each once")
        if name.startswith(baselines.PREFIX):
            plain = name.removeprefix(baselines.PREFIX)
            if plain not in baselines.NAMES:
                known = [baselines.PREFIX + each for each in baselines.NAMES]
                raise ValueError(f"no baseline {plain!r}; {nearest(name, known)}")
        elif not is_folder_of_sounds(name):
            locate(name)
    if not folder.is_dir():
        raise ValueError(f"{printable(folder)} is no folder; name the folder of sounds to judge by, last")


def is_folder_of_sounds(name: str) -> bool:
    """A folder that is no run: whatever made the sounds in it, they can be judged."""
    from soundloom.checkpoints.checkpoint import CONFIG, WEIGHTS, shipped

    path = Path(name)
    return path.is_dir() and not any((path / file).exists() for file in (CONFIG, WEIGHTS)) and name not in shipped()


def models(names: Sequence[str]) -> dict[str, ModelContender]:
    """The trained models among the names, loaded."""
    from soundloom.generation import load

    plain = [name for name in names if not name.startswith(baselines.PREFIX) and not is_folder_of_sounds(name)]
    return {name: ModelContender(name, load(name)) for name in plain}


def folders(names: Sequence[str], settings: ClipSettings, terms: Terms) -> dict[str, FolderContender]:
    """The folders of sounds among the names, looked through: one of no use is found out before anything is heard."""
    return {name: FolderContender.open(name, settings, terms) for name in names if is_folder_of_sounds(name)}


def contender(
    name: str,
    loaded: Mapping[str, ModelContender | FolderContender],
    material: Material,
    representation: Any,
    course_minutes: float,
    say: Callable[[str], None],
) -> Contender:
    """One contender, ready to make sounds."""
    if name in loaded:
        return loaded[name]
    if not len(material.training):
        raise ValueError(
            f"{name} learns from the training sounds, and none of them is in {material.held_out.index.folder}; "
            f"name the folder that the models were trained on"
        )
    if name == COURSE:
        return ModelContender(name, course(material, course_minutes, say), role="baseline")
    return BaselineContender(name, material, representation)


def course_makes() -> tuple[int, float]:
    """Rate and length of the sounds of `baseline:course`, which its network fixes."""
    from soundloom.systems.discovery import system_named

    config = system_named("vae").PRESETS["course"]
    return config.representation["sample_rate"], config.seconds


def course(material: Material, minutes: float, say: Callable[[str], None]) -> Any:
    """The network of the lecture's course, trained on the same sounds; kept in the cache for the next time."""
    from soundloom.data.provenance import Provenance
    from soundloom.data.scan_cache import cache_folder
    from soundloom.generation import load
    from soundloom.training import train

    digests = sorted(entry.digest for entry in material.training.entries)
    key = hashlib.blake2b(repr((digests, minutes)).encode(), digest_size=8).hexdigest()
    run = cache_folder() / "baselines" / f"course-{key}"
    finished = run / "finished"
    if not finished.exists():
        say(f"training the course's network for {minutes:g} minutes, once")
        shutil.rmtree(run, ignore_errors=True)  # of a training that was stopped
        where = dict(material.where)
        folder = material.held_out.index.folder
        unseen: dict[str, Any] = {"preview_seconds": 0.0, "judge_count": 0}  # the verdict follows; nobody watches this
        done = train("vae", folder, out=run, preset="course", minutes=minutes, where=where, **unseen)
        if not done.finished:  # by Ctrl-C, which training takes for itself
            raise KeyboardInterrupt
        finished.touch()
    provenance = Provenance.read(run)
    held_out = {entry.digest for entry in material.held_out.entries}
    if provenance is not None and any(digest.startswith(tuple(provenance.training)) for digest in held_out):
        say("baseline:course was trained on some of the held-out sounds, which flatters it")
    return load(run)
