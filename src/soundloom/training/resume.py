"""Resuming: everything comes from the run folder, also the length unless one is given."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from soundloom.checkpoints import checkpoint
from soundloom.conditions.schema import measured_names
from soundloom.contract import System
from soundloom.data.provenance import FILE as DATA
from soundloom.data.provenance import require_same_cut
from soundloom.descriptors import TIMBRE
from soundloom.runtime.files import read_json
from soundloom.runtime.settings import from_json, nearest, override, to_json
from soundloom.training import state
from soundloom.training.data import TrainingData, open_measured
from soundloom.training.distributed import Team
from soundloom.training.loop import Training
from soundloom.training.recipe import TRAINING, Recipe
from soundloom.training.watcher import Watcher


class Asked(NamedTuple):
    """Settings that are given with `resume`: they must be those that the run began with."""

    preset: str | None = None
    changes: tuple[str, ...] = ()
    where: Mapping[str, str] | None = None
    conditions: Sequence[str] | None = None
    labels: tuple[str, ...] = ()
    start_from: str | Path | None = None

    def check(self, system: System, began: Recipe, run: Path) -> None:
        """Refuse what differs from how a run began.

        Raises:
            ValueError: names what differs.
        """
        config = to_json(system.config)
        differs = []
        if self.preset is not None:
            if self.preset not in system.PRESETS:
                raise ValueError(f"no preset {self.preset!r}; {nearest(self.preset, system.PRESETS)}")
            preset = override(system.PRESETS[self.preset], self.changes)
            if any(config[key] != value for key, value in to_json(preset).items() if key != "conditions"):
                differs.append(f"preset {self.preset}" + (f" with {', '.join(self.changes)}" if self.changes else ""))
        elif self.changes and to_json(override(system.config, self.changes)) != config:
            differs.append(f"set {', '.join(self.changes)}")
        if self.where is not None and dict(self.where) != began.where:
            differs.append("where")
        if self.conditions is not None and list(self.conditions) != config["conditions"]:
            differs.append("conditions")
        if not set(self.labels) <= {TIMBRE, *measured_names(system.schema)}:
            differs.append("labels")
        if self.start_from is not None and str(self.start_from) != began.start_from.get("name"):
            differs.append("from")
        if differs:
            raise ValueError(
                f"{run} was begun with other settings ({'; '.join(differs)}), and it keeps its own; leave them "
                f"out, or train into another --out"
            )


def resumed_training(
    name: str,
    folder: Path,
    run: Path,
    length: dict[str, Any],
    again: Asked,
    us: Team,
    watcher: Watcher,
    started_at: float,
    stop: threading.Event | None,
) -> Training:
    """The training in a run folder, at its last saved state.

    Raises:
        ValueError: no run, one of another system or of an earlier version, other settings, or other clips.
    """
    if not (run / TRAINING).is_file():
        raise ValueError(f"{run} holds no run to resume; leave --resume out to begin one")
    data = read_json(run / TRAINING)
    if isinstance(data, dict) and isinstance(data.get("system"), str) and data["system"] != name:
        raise ValueError(f"{run} is a run of {data['system']}, not of {name}; name that system")
    state.read(run)  # refuses what is damaged, and what an earlier version wrote
    before = from_json(Recipe, data, where=str(run / TRAINING))
    asked = length if any(value is not None for value in length.values()) else {}
    settings = from_json(type(before.training), {**to_json(before.training), **asked}, where=str(run / TRAINING))
    system = checkpoint.build(read_json(run / checkpoint.CONFIG), where=str(run / checkpoint.CONFIG))
    again.check(system, before, run)
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
