"""The real sounds of an evaluation: those that the models were trained on, and those that none of them has seen."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from soundloom.data.clips import ClipSettings, ClipStore, open_clips
from soundloom.data.provenance import Provenance, first_begins, short
from soundloom.data.scan import Survey
from soundloom.runtime.files import printable

HELD_OUT = 0.1  # if no model's training set is known
NEARLY = 1e-3  # seconds by which clips may cross a border: start times are rounded to samples


@dataclass(frozen=True)
class ReferenceData:
    """Training and held-out clips of one folder, at the same rate and length."""

    training: ClipStore  # may be empty
    held_out: ClipStore
    remarks: tuple[str, ...] = ()
    where: Mapping[str, str] = field(default_factory=dict)

    def at(self, sample_rate: int, seconds: float) -> ReferenceData:
        """The same sounds on the same sides, at another rate and length."""
        settings = replace(self.held_out.settings, sample_rate=sample_rate, seconds=seconds)
        if settings == self.held_out.settings:
            return self
        store = open_clips(self.held_out.index.folder, settings, where=self.where or None)
        store = store.measure(tuple(self.held_out.measured))
        begins, training = first_begins(self.held_out), {short(entry.digest) for entry in self.training.entries}
        shared = {digest: begin for digest, begin in begins.items() if digest in training}
        before, after = _sides(store, training, shared)
        held_out = np.isin(_digests(store), list(begins))
        return replace(self, training=store.subset(before), held_out=store.subset(after & held_out))


def open_reference(
    folder: Path,
    provenances: Sequence[Provenance | None],
    settings: ClipSettings,
    where: Mapping[str, str] | None = None,
    measured: Sequence[str] = (),
) -> ReferenceData:
    """Split a folder into what the models were trained on and what none of them has seen.

    Args:
        folder: real sounds.
        provenances: what each model was trained on; None if that is not known.
        settings: rate, length and cut of the clips.
        where: only files whose labels have these values, {} for all; None selects as the first model's training did, as
            far as the folder has these labels.
        measured: descriptors to measure in the clips, because the models are conditioned on them.

    Raises:
        ValueError: no usable sound, or none that the models have not seen.
    """
    known = [provenance for provenance in provenances if provenance is not None]
    remarks: list[str] = []
    inherited = known[0].where if known else {}
    chosen = _inherited_filter(folder, inherited, remarks) if where is None else dict(where)
    store = open_clips(folder, settings, where=chosen or None).measure(measured)
    if len(known) < len(provenances):
        unknown = len(provenances) - len(known)
        remarks.append(
            f"the training set of {unknown} {'model' if unknown == 1 else 'models'} is not known: the held-out sounds "
            f"may include sounds that were trained on"
        )
    if not known:
        training, held_out = store.split(HELD_OUT, seed=0)
        if not len(held_out):
            raise ValueError(f"{printable(folder)} holds one sound, so none can be held out; name a folder of more")
        remarks.append(f"held out for this evaluation: {len(held_out)} of {len(store)} clips, in whole groups")
        return ReferenceData(training, held_out, tuple(remarks), chosen)
    sides = [_sides(store, provenance.training, provenance.shared) for provenance in known]
    first, unseen = sides[0][0], np.logical_and.reduce([after for _, after in sides])
    if not unseen.any():
        raise ValueError(
            f"all {len(store)} clips of {printable(folder)} were trained on, so none is left to compare with; "
            f"name a folder that holds others too"
        )
    if len({provenance.training for provenance in known}) > 1:
        remarks.append(
            f"the models were trained on different sounds; {int(unseen.sum())} clips are held out, which none of them "
            f"has seen"
        )
    if not first.any():
        remarks.append(
            f"no sound of {printable(folder)} was trained on, so there is no floor and no search for memorised sounds; "
            f"name the training folder for these"
        )
    return ReferenceData(store.subset(first), store.subset(unseen), tuple(remarks), chosen)


def _inherited_filter(folder: Path, where: Mapping[str, str], remarks: list[str]) -> dict[str, str]:
    """A model's own selection of files, as far as the folder has its columns; the rest is remarked on."""
    if not where:
        return {}
    columns = {name for column in Survey(folder).labels.columns for name in (column.name, column.header)}
    missing = [f"{name}={value}" for name, value in where.items() if name not in columns]
    if missing:
        remarks.append(
            f"the model was trained only on files with {', '.join(missing)}; {printable(folder)} has no such label, so "
            f"its files are not selected by it"
        )
    return {name: value for name, value in where.items() if name in columns}


def _sides(
    store: ClipStore, training: Collection[str], shared: Mapping[str, float]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which clips were trained on, and which were not; a clip across the border within a recording is neither.

    Args:
        store: clips of any rate and length.
        training: short digests of the sounds that were trained on.
        shared: sounds that were trained on in part: seconds from which on each was held out.
    """
    digests = _digests(store)
    border = np.array([shared.get(digest, np.inf) for digest in digests])
    trained = np.isin(digests, list(training))
    return trained & (store.begins + store.settings.seconds <= border + NEARLY), ~trained | (
        store.begins >= border - NEARLY
    )


def _digests(store: ClipStore) -> NDArray[np.str_]:
    return np.array([short(entry.digest) for entry in store.entries], np.str_)
