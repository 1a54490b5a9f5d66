"""A training from its beginning: scan, cut, look at the data once, start the weights."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from soundloom.checkpoints import checkpoint
from soundloom.conditions.schema import Schema
from soundloom.contract import DataSettings, System
from soundloom.data.coverage import FEW_AND_LONG, coverage_sentence, few_clips_sentence, header_seconds, prefers_windows
from soundloom.data.labels import known, propose_conditions, to_measure
from soundloom.data.provenance import FILE as DATA
from soundloom.data.scan import Survey
from soundloom.descriptors import named
from soundloom.representations import build
from soundloom.runtime.files import write_json
from soundloom.runtime.settings import nearest, override, to_json
from soundloom.systems.discovery import system_named
from soundloom.training.data import TrainingData, measured, open_measured, split, varied
from soundloom.training.distributed import Team
from soundloom.training.fine_tuning import Source
from soundloom.training.loop import Training
from soundloom.training.recipe import TRAINING, Recipe
from soundloom.training.settings import TrainSettings
from soundloom.training.state import STATE
from soundloom.training.watcher import Watcher


@dataclass(frozen=True)
class Start:
    """What a training begins with."""

    system: str
    config: DataSettings
    labels: tuple[str, ...]
    source: Source | None = None  # the model whose weights it takes
    cut_is_chosen: bool = False  # else a few long files are cut into windows

    @property
    def kind(self) -> type[System]:
        return system_named(self.system)


def settings_of(
    system: str,
    preset: str | None,
    changes: Sequence[str],
    conditions: Sequence[str] | None,
    labels: Sequence[str],
    start_from: str | Path | None,
) -> Start:
    """The settings of a system: a preset's or a trained model's, with changes.

    Raises:
        ValueError: an unknown name or value, or a change that contradicts the model.
    """
    kind = system_named(system)
    presets = kind.PRESETS
    if start_from is None:
        name = preset or next(iter(presets))
        if name not in presets:
            raise ValueError(f"{system} has no preset {name!r}; {nearest(name, presets)}")
        config, source = override(presets[name], changes, renamed=kind.renamed_settings), None
    else:
        if preset is not None:
            raise ValueError(
                f"{start_from} brings its own representation and network, so leave the preset {preset} out"
            )
        source = Source.load(start_from, system)
        config = source.settings(changes)
    config = config if conditions is None else replace(config, conditions=tuple(conditions))
    return Start(system, config, tuple(labels), source, any(change.startswith("cut=") for change in changes))


def begin(
    start: Start,
    folder: Path,
    run: Path,
    settings: TrainSettings,
    where: Mapping[str, str] | None,
    us: Team,
    watcher: Watcher,
    started_at: float,
    stop: threading.Event | None,
) -> Training:
    """A new run.

    Raises:
        ValueError: the folder holds a run, or no usable sound.
    """
    kind, config = start.kind, start.config
    if not start.cut_is_chosen:
        config = _cut_to_fit(config, folder, where, watcher)
    representation = start.source.system.representation if start.source else build(config.representation)
    if us.leads and any((run / file).exists() for file in (checkpoint.WEIGHTS, STATE)):  # killed before: begin again
        raise ValueError(f"{run} holds a run already; go on with it by --resume, or choose another --out")
    named(start.labels)  # refuses what cannot be measured
    kind(config, representation, Schema())  # refuses settings that do not go together, before any file is read
    store = open_measured(folder, config, representation.sample_rate, where, (), watcher)
    asked, labels = _asked_for(start, store.index, watcher)
    usual = named(config.labels) if asked is None and not labels else ()
    store = measured(store, to_measure(store.index, asked, labels or usual), watcher)
    schema = propose_conditions(store.index, asked, varied(store, usual), texts=kind.reads_text)
    training, _ = split(store, schema, settings.held_out)
    if not len(training):
        raise ValueError(f"all {len(store)} clips of {folder} would be held out; lower held_out or add sounds")
    sliders = varied(training, usual)
    if flat := [name for name in training.measured if name not in sliders]:
        watcher.message(f"no slider for {', '.join(flat)}: the same in all clips")
    entries = {id(entry): entry for entry in training.entries}
    index = replace(store.index, entries=tuple(entries.values()))
    schema = propose_conditions(index, asked, sliders, texts=kind.reads_text)
    data = TrainingData.of(folder, where, config, store, schema, settings.held_out, watcher)
    watcher.message(data.summary)
    for remark in (coverage_sentence(store.index, store.settings), few_clips_sentence(len(data.training))):
        if remark:
            watcher.message(remark)
    torch.manual_seed(settings.seed)
    clips, _ = data.feeds
    if config.fit_range and start.source is None:
        representation = representation.fitted(batch.audio for batch in clips.batches(64))
    system = kind(config, representation, schema)
    if start.source is not None:
        watcher.message(start.source.copy_into(system))
    system.joint_distribution.fit([known(schema, labels) for labels in data.training.labels])
    if us.leads:
        recipe = Recipe(start.system, dict(where or {}), settings, start.source.provenance if start.source else {})
        run.mkdir(parents=True, exist_ok=True)
        write_json(run / DATA, data.provenance())
        write_json(run / checkpoint.CONFIG, checkpoint.describe(system, start.system))
        write_json(run / TRAINING, to_json(recipe))
    fresh = start.source is None
    return Training(run, system, start.system, data, settings, us, watcher, started_at, stop, fresh)


def _cut_to_fit(config: DataSettings, folder: Path, where: Mapping[str, str] | None, watcher: Watcher) -> DataSettings:
    """The settings, with windows instead of the starts of files where those are few and long."""
    if config.cut != "start" or not prefers_windows(header_seconds(Survey(folder, where)), config.seconds):
        return config
    watcher.message(FEW_AND_LONG)
    return replace(config, cut="windows")


def _asked_for(start: Start, index: Any, watcher: Watcher) -> tuple[tuple[str, ...] | None, tuple[str, ...]]:
    """Names of conditions and of descriptors to measure: a model's own, where its weights are taken."""
    if start.source is None or start.labels:
        return start.config.conditions, start.labels
    return start.source.conditions_in(index, start.config, watcher)
