"""The clips that a training uses: opened, measured, split, and cut to the length that each stage wants."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from soundloom.conditions.schema import Schema, measured_names, span
from soundloom.contract import DataSettings, Stage
from soundloom.data.clips import ClipStore, open_clips
from soundloom.data.labels import group_column, known
from soundloom.data.provenance import digests
from soundloom.training.feed import Feed
from soundloom.training.watcher import Watcher


def open_measured(
    folder: Path,
    config: DataSettings,
    sample_rate: int,
    where: Mapping[str, str] | None,
    names: Sequence[str],
    watcher: Watcher,
    seconds: float | None = None,
) -> ClipStore:
    """The clips of a folder with descriptors among their labels; reports measuring, which takes a while."""
    return measured(open_clips(folder, config.clips(sample_rate, seconds), where=where), names, watcher)


def measured(store: ClipStore, names: Sequence[str], watcher: Watcher) -> ClipStore:
    """The clips with descriptors among their labels."""
    if names:
        watcher.message(f"measuring {', '.join(names)} in {len(store)} clips")
    return store.measure(names)


def varied(store: ClipStore, usual: Sequence[str]) -> dict[str, np.ndarray]:
    """What was measured, without those of the usual descriptors that are the same in all clips."""
    return {name: values for name, values in store.measured.items() if name not in usual or len(set(span(values))) > 1}


def split(store: ClipStore, schema: Schema, held_out: float) -> tuple[ClipStore, ClipStore]:
    """Whole groups are held out, unless the model is asked for the group itself: then files are."""
    return store.split(held_out, seed=0, by_file=group_column(store.index.columns) in schema.names)


@dataclass(frozen=True)
class TrainingData:
    """The clips of a training, on either side of the split."""

    folder: Path
    where: Mapping[str, str]
    config: DataSettings
    store: ClipStore
    training: ClipStore
    held_out: ClipStore
    schema: Schema
    share: float  # of the clips that are held out
    watcher: Watcher

    @classmethod
    def of(
        cls,
        folder: Path,
        where: Mapping[str, str] | None,
        config: DataSettings,
        store: ClipStore,
        schema: Schema,
        share: float,
        watcher: Watcher,
    ) -> TrainingData:
        """Clips split by a schema."""
        training, held_out = split(store, schema, share)
        return cls(folder, dict(where or {}), config, store, training, held_out, schema, share, watcher)

    @property
    def feeds(self) -> tuple[Feed, Feed]:
        """Clips to train on and held-out ones, as long as the system's."""
        return Feed(self.training, self.schema), Feed(self.held_out, self.schema)

    def feeds_of(self, stage: Stage) -> tuple[Feed, Feed]:
        """The same, as long as a stage wants them."""
        if stage.seconds is None:
            return self.feeds
        rate, names = stage.representation.sample_rate, measured_names(self.schema)
        store = open_measured(self.folder, self.config, rate, self.where, names, self.watcher, stage.seconds)
        training, held_out = split(store, self.schema, self.share)
        return Feed(training, self.schema), Feed(held_out, self.schema)

    @property
    def summary(self) -> str:
        """What is used, in one sentence."""
        index = self.store.index
        named = ", ".join(self.schema.names) or "none"
        return (
            f"{index.found} files found, {len(index.entries)} used, {len(index.skipped)} skipped; "
            f"{len(self.training)} clips to train on, {len(self.held_out)} held out; conditions: {named}"
        )

    @property
    def fingerprint(self) -> str:
        """Changes with the name, the sound or a condition of a clip; not with the place of the folder."""
        rows = [(entry.path, entry.digest, known(self.schema, entry.labels)) for entry in self.training.entries]
        return hashlib.sha256(json.dumps(rows).encode()).hexdigest()[:16]

    def provenance(self) -> dict[str, Any]:
        """What the run is trained on, for people, for evaluation and for resuming."""
        whole = self.store.index.to_json()
        counts = {key: whole[key] for key in ("found", "used", "skipped", "notes")}
        sides = {"training": self.training, "held_out": self.held_out}
        files = {side: sorted(dict.fromkeys(clips.files)) for side, clips in sides.items()}
        return {
            **counts,
            "clips": self.fingerprint,
            **files,
            **digests(self.training, self.held_out, self.where),
        }
