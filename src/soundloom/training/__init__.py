"""Training: from a folder of sounds to a run folder, whose checkpoint is all that generation needs."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from soundloom.data.provenance import FILE as DATA
from soundloom.runtime.files import read_json, write_json
from soundloom.runtime.settings import from_json, nearest, override, to_json
from soundloom.training.settings import TrainSettings

if TYPE_CHECKING:
    import numpy as np

    from soundloom.conditions.schema import Schema
    from soundloom.contract.system import System
    from soundloom.data.clips import ClipStore
    from soundloom.training.distributed import Team
    from soundloom.training.loop import Outcome, Watcher

TRAINING = "training.json"

__all__ = ["TrainSettings", "train"]


@dataclass(frozen=True)
class Recipe:
    """What training.json holds: all that --resume cannot take from the checkpoint."""

    system: str
    where: dict[str, str]
    training: TrainSettings


class Silent:
    """Watches nothing."""

    def step(self, step: int, fraction: float, loss: float, clips: int) -> None: ...

    def say(self, sentence: str) -> None: ...


def train(
    system: str,
    folder: str | Path,
    *,
    out: str | Path,
    preset: str | None = None,
    minutes: float | None = None,
    steps: int | None = None,
    set: Sequence[str] = (),
    where: Mapping[str, str] | None = None,
    conditions: Sequence[str] | None = None,
    labels: Sequence[str] = (),
    seed: int = 0,
    resume: bool = False,
    watcher: Watcher | None = None,
    **more: Any,
) -> Outcome:
    """Train a system on a folder of sounds.

    Args:
        system: the name of a model family, such as "vae".
        folder: the sounds; with metadata.csv or folder names for labels.
        out: the run folder; made if need be. One that holds a run is refused, unless `resume`.
        preset: named settings of the system; None takes its default for any sounds.
        minutes: stop after so long, from this call on; the schedule adapts. Or
        steps: stop after so many steps; then an interrupted and resumed training ends with the same weights.
        set: changes to the preset, as "latent=32".
        where: use only files whose labels have these values, as {"permissive": "yes"}.
        conditions: labels that the model can be asked for; None takes the preset's, or what the data offers.
        labels: descriptors to measure in the clips, which the model can then be asked for besides: "brightness" and so
            on, or "timbre" for seven of them, see `soundloom.descriptors`. Where neither these nor conditions are
            given, the preset's.
        seed: of weights, order and draws.
        resume: go on with the run in `out`, under its own settings; only minutes or steps may be given anew.
        watcher: is told of each step and of what happens.
        more: other fields of `TrainSettings`.

    Raises:
        ValueError: an unknown name or value, no usable sound, or a folder that holds another run.
    """
    from soundloom.training.distributed import device_for, team

    started_at = time.monotonic()
    run, length = Path(out), {"steps": steps, "minutes": minutes}
    with team(device_for(str(more.get("device", "auto")))) as us:
        watch = watcher if watcher and us.leads else Silent()
        if resume:
            training = _again(system, Path(folder), run, length, us, watch, started_at)
        else:
            config = _config(system, preset, set, conditions)
            settings = from_json(TrainSettings, {**length, "seed": seed, **more}, where="training")
            training = _afresh(system, Path(folder), run, config, labels, settings, where, us, watch, started_at)
        outcome: Outcome = training.train()
        return outcome


def _config(system: str, preset: str | None, set: Sequence[str], conditions: Sequence[str] | None) -> Any:
    from soundloom.systems.discovery import system_named

    presets = system_named(system).PRESETS
    name = preset or next(iter(presets))
    if name not in presets:
        raise ValueError(f"{system} has no preset {name!r}; {nearest(name, presets)}")
    config = override(presets[name], set)
    return config if conditions is None else replace(config, conditions=tuple(conditions))


def _afresh(
    name: str,
    folder: Path,
    run: Path,
    config: Any,
    labels: Sequence[str],
    settings: TrainSettings,
    where: Mapping[str, str] | None,
    us: Team,
    watch: Watcher,
    started_at: float,
) -> Any:
    """A training from the beginning: scan, cut, look at the data once, start the weights."""
    import torch

    from soundloom.checkpoints import checkpoint
    from soundloom.conditions.joint_distribution import Joint
    from soundloom.conditions.schema import Schema
    from soundloom.data.labels import known, propose_conditions, to_measure
    from soundloom.data.provenance import digests
    from soundloom.descriptors import named
    from soundloom.representations import build
    from soundloom.systems.discovery import system_named
    from soundloom.training.loop import Training
    from soundloom.training.state import STATE

    kind = system_named(name)
    representation = build(config.representation)
    if us.leads and any((run / file).exists() for file in (checkpoint.WEIGHTS, STATE)):  # killed before: begin again
        raise ValueError(f"{run} holds a run already; go on with it by --resume, or choose another --out")
    named(labels)  # refuses what cannot be measured
    kind(config, representation, Schema())  # refuses settings that do not go together, before any file is read
    store = _clips(folder, config, representation.sample_rate, where)
    usual = named(getattr(config, "labels", ())) if config.conditions is None and not labels else ()
    store = _measured(store, to_measure(store.index, config.conditions, labels or usual), watch)
    schema = propose_conditions(store.index, config.conditions, _varied(store, usual))
    ours, held_out = _split(store, schema, settings.held_out)
    heard = {id(entry): entry for entry in ours.entries}
    sliders = _varied(ours, usual)
    if flat := [name for name in ours.measured if name not in sliders]:
        watch.say(f"no slider for {', '.join(flat)}: the same in all clips")
    schema = propose_conditions(replace(store.index, entries=tuple(heard.values())), config.conditions, sliders)
    if not len(ours):
        raise ValueError(f"all {len(store)} clips of {folder} would be held out; lower held_out or add sounds")
    watch.say(_summary(store, len(ours), len(held_out), schema))
    torch.manual_seed(settings.seed)
    from soundloom.training.feed import Feed

    clips, unseen = Feed(ours, schema), Feed(held_out, schema)
    if config.fit_range and hasattr(representation, "fitted"):
        representation = representation.fitted(audio for audio, _ in clips.batches(64))
    system: System = kind(config, representation, schema)
    system.study(clips)
    joint: Joint = system.joint
    joint.fit([known(schema, labels) for labels in ours.labels])
    if us.leads:
        run.mkdir(parents=True, exist_ok=True)
        write_json(run / DATA, _provenance(store, ours, held_out, schema) | digests(ours, held_out, where or {}))
        write_json(run / checkpoint.CONFIG, checkpoint.describe(system, name))
        write_json(run / TRAINING, to_json(Recipe(name, dict(where or {}), settings)))
    return Training(run, system, name, clips, unseen, settings, us, watch, started_at)


def _again(
    name: str, folder: Path, run: Path, length: dict[str, Any], us: Team, watch: Watcher, started_at: float
) -> Any:
    """A training that goes on: everything comes from the run folder, its length too unless one is given."""
    from soundloom.checkpoints import checkpoint
    from soundloom.conditions.schema import measured_names
    from soundloom.data.provenance import require_same_cut
    from soundloom.training.feed import Feed
    from soundloom.training.loop import Training

    if not (run / TRAINING).is_file():
        raise ValueError(f"{run} holds no run to resume; leave --resume out to begin one")
    before = from_json(Recipe, read_json(run / TRAINING), where=str(run / TRAINING))
    if before.system != name:
        raise ValueError(f"{run} is a run of {before.system}, not of {name}; name that system")
    asked = length if any(value is not None for value in length.values()) else {}
    settings = from_json(TrainSettings, {**to_json(before.training), **asked}, where=str(run / TRAINING))
    system = checkpoint.build(read_json(run / checkpoint.CONFIG), where=str(run / checkpoint.CONFIG))
    store = _clips(folder, system.config, system.representation.sample_rate, before.where)
    store = _measured(store, measured_names(system.schema), watch)
    ours, held_out = _split(store, system.schema, settings.held_out)
    provenance = read_json(run / DATA)
    if not isinstance(provenance, dict) or "clips" not in provenance:
        raise ValueError(f"{run / DATA} does not say what the run was trained on; restore it, or start a new --out")
    require_same_cut(provenance, run)
    if provenance["clips"] != _fingerprint(ours, system.schema):
        raise ValueError(
            f"{folder} no longer gives the clips that {run} was trained on; put them back, or start a new --out"
        )
    clips, unseen = Feed(ours, system.schema), Feed(held_out, system.schema)
    training = Training(run, system, name, clips, unseen, settings, us, watch, started_at)
    training.resume()
    return training


def _clips(folder: Path, config: Any, sample_rate: int, where: Mapping[str, str] | None) -> Any:
    from soundloom.data.clips import ClipSettings, open_clips

    cut = ClipSettings(
        sample_rate, config.seconds, cut=config.cut, trim=config.trim, loudness_lufs=config.loudness_lufs
    )
    return open_clips(folder, cut, where=where)


def _measured(store: ClipStore, names: Sequence[str], watch: Watcher) -> ClipStore:
    """The clips with descriptors among their labels; said where it takes its time."""
    if names:
        watch.say(f"measuring {', '.join(names)} in {len(store)} clips")
    return store.measure(names)


def _varied(store: ClipStore, usual: Sequence[str]) -> dict[str, np.ndarray]:
    """What was measured, without those of the usual descriptors that are the same in all clips."""
    from soundloom.conditions.schema import span

    return {name: values for name, values in store.measured.items() if name not in usual or len(set(span(values))) > 1}


def _split(store: ClipStore, schema: Schema, held_out: float) -> tuple[ClipStore, ClipStore]:
    """Whole groups are held out, unless the model is asked for the group itself: then files are."""
    from soundloom.data.labels import group_column

    return store.split(held_out, seed=0, by_file=group_column(store.index.columns) in schema.names)


def _summary(store: Any, ours: int, held_out: int, schema: Any) -> str:
    index = store.index
    named = ", ".join(schema.names) or "none"
    return (
        f"{index.found} files found, {len(index.entries)} used, {len(index.skipped)} skipped; {ours} clips to train "
        f"on, {held_out} held out; conditions: {named}"
    )


def _provenance(store: ClipStore, ours: ClipStore, held_out: ClipStore, schema: Schema) -> dict[str, Any]:
    """What the run was trained on, for people, for evaluation and for resuming."""
    whole = store.index.to_json()
    facts = {key: whole[key] for key in ("found", "used", "skipped", "notes")}
    sides = {"training": ours, "held_out": held_out}
    files = {side: sorted(dict.fromkeys(clips.files)) for side, clips in sides.items()}
    return {**facts, "clips": _fingerprint(ours, schema), **files}


def _fingerprint(clips: ClipStore, schema: Schema) -> str:
    """Changes with the name, the sound or a condition of a clip; not with the place of the folder."""
    from soundloom.data.labels import known

    said = [(entry.path, entry.digest, known(schema, entry.labels)) for entry in clips.entries]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:16]
