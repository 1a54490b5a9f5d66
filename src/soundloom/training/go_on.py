"""A training that goes on: everything comes from the run folder, its length too unless one is given."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from soundloom.checkpoints import checkpoint
from soundloom.conditions.schema import measured_names
from soundloom.data.provenance import FILE as DATA
from soundloom.data.provenance import require_same_cut
from soundloom.runtime.files import read_json
from soundloom.runtime.settings import from_json, nearest, to_json
from soundloom.training import state
from soundloom.training.data import TrainingData, open_measured
from soundloom.training.distributed import Team
from soundloom.training.loop import Training
from soundloom.training.recipe import TRAINING, Recipe
from soundloom.training.watcher import Watcher


def go_on(
    name: str,
    folder: Path,
    run: Path,
    length: dict[str, Any],
    preset: str | None,
    us: Team,
    watcher: Watcher,
    started_at: float,
    stop: threading.Event | None,
) -> Training:
    """The training in a run folder, ready to go on.

    Raises:
        ValueError: no run, one of another system or of an earlier version, other settings, or other clips.
    """
    if not (run / TRAINING).is_file():
        raise ValueError(f"{run} holds no run to resume; leave --resume out to begin one")
    data = read_json(run / TRAINING)
    if isinstance(data, dict) and str(data.get("system")) != name:
        raise ValueError(f"{run} is a run of {data.get('system')}, not of {name}; name that system")
    state.read(run)  # refuses what is damaged, and what an earlier version wrote
    before = from_json(Recipe, data, where=str(run / TRAINING))
    asked = length if any(value is not None for value in length.values()) else {}
    settings = from_json(type(before.training), {**to_json(before.training), **asked}, where=str(run / TRAINING))
    system = checkpoint.build(read_json(run / checkpoint.CONFIG), where=str(run / checkpoint.CONFIG))
    if preset is not None:
        _check_preset(system, preset, run)
    names = measured_names(system.schema)
    store = open_measured(folder, system.config, system.representation.sample_rate, before.where, names, watcher)
    clips = TrainingData.of(folder, before.where, system.config, store, system.schema, settings.held_out, watcher)
    provenance = read_json(run / DATA)
    if not isinstance(provenance, dict) or "clips" not in provenance:
        raise ValueError(f"{run / DATA} does not say what the run was trained on; restore it, or start a new --out")
    require_same_cut(provenance, run)
    if provenance["clips"] != clips.fingerprint:
        raise ValueError(
            f"{folder} no longer gives the clips that {run} was trained on; put them back, or start a new --out"
        )
    training = Training(run, system, name, clips, settings, us, watcher, started_at, stop, fresh=not before.start_from)
    training.resume()
    return training


def _check_preset(system: Any, preset: str, run: Path) -> None:
    if preset not in system.PRESETS:
        raise ValueError(f"no preset {preset!r}; {nearest(preset, system.PRESETS)}")
    ours, theirs = to_json(system.config), to_json(system.PRESETS[preset])
    if any(ours[key] != value for key, value in theirs.items() if key != "conditions"):
        raise ValueError(
            f"{run} was begun with other settings than the preset {preset}; leave it out, or train into another --out"
        )
