"""The sounds that a verdict rests on: what the models were trained on, and what none of them has seen."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from soundloom.data.clips import ClipSettings, ClipStore, open_clips
from soundloom.data.provenance import Provenance, first_begins, short
from soundloom.runtime.files import printable

HELD_OUT = 0.1  # where nothing is known of what a model was trained on
NEARLY = 1e-3  # seconds by which clips may cross a border: begins are rounded to samples


@dataclass(frozen=True)
class Material:
    """Two sides of one folder, as clips of the same rate and length."""

    training: ClipStore  # may be empty
    held_out: ClipStore
    remarks: tuple[str, ...] = ()
    where: Mapping[str, str] = field(default_factory=dict)

    def at(self, sample_rate: int, seconds: float) -> Material:
        """The same sounds on the same sides, cut at another rate and length."""
        settings = replace(self.held_out.settings, sample_rate=sample_rate, seconds=seconds)
        if settings == self.held_out.settings:
            return self
        store = open_clips(self.held_out.index.folder, settings, where=self.where or None)
        store = store.measure(tuple(self.held_out.measured))
        begins, ours = first_begins(self.held_out), {short(entry.digest) for entry in self.training.entries}
        shared = {digest: begin for digest, begin in begins.items() if digest in ours}
        before, after = _sides(store, ours, shared)
        aside = np.isin(_digests(store), list(begins))
        return replace(self, training=store.subset(before), held_out=store.subset(after & aside))


def gather(
    folder: Path,
    provenances: Sequence[Provenance | None],
    settings: ClipSettings,
    where: Mapping[str, str] | None = None,
    measured: Sequence[str] = (),
) -> Material:
    """Split a folder as the models saw it.

    Args:
        provenances: what each model was trained on; None where that is not known.
        settings: rate, length and cut of the clips.
        where: only files whose labels have these values; None chooses as the first model's training did.
        measured: descriptors that the models can be asked for, to be measured in the clips.

    Raises:
        ValueError: no usable sound, or none that the models have not seen.
    """
    known = [provenance for provenance in provenances if provenance is not None]
    chosen = dict(where if where is not None else known[0].where if known else {})
    store = open_clips(folder, settings, where=chosen or None).measure(measured)
    remarks = []
    if len(known) < len(provenances):
        remarks.append(
            f"{len(provenances) - len(known)} of the models do not say what they were trained on: their figures may "
            f"rest on sounds that they have seen"
        )
    if not known:
        ours, aside = store.split(HELD_OUT, seed=0)
        if not len(aside):
            raise ValueError(f"{printable(folder)} holds one sound, so none can be held out; name a folder of more")
        remarks.append(f"held out here: {len(aside)} of {len(store)} clips, whole groups of them")
        return Material(ours, aside, tuple(remarks), chosen)
    sides = [_sides(store, provenance.training, provenance.shared) for provenance in known]
    first, unseen = sides[0][0], np.logical_and.reduce([after for _, after in sides])
    if not unseen.any():
        raise ValueError(
            f"all {len(store)} clips of {printable(folder)} were trained on, so nothing is left to judge by; "
            f"name a folder that holds others too"
        )
    if len({provenance.training for provenance in known}) > 1:
        remarks.append(
            f"the models were trained on different sounds; held out is what none of them has seen, "
            f"{int(unseen.sum())} clips"
        )
    if not first.any():
        remarks.append(
            f"no sound of {printable(folder)} was trained on, so there is no floor, and copies cannot be looked for; "
            f"name the folder of the training for these"
        )
    return Material(store.subset(first), store.subset(unseen), tuple(remarks), chosen)


def _sides(
    store: ClipStore, training: Collection[str], shared: Mapping[str, float]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which clips were trained on, and which were not; what lies across the border of a recording is neither.

    Args:
        store: clips of any rate and length.
        training: short digests of the sounds that were trained on.
        shared: those that were in part: seconds from which on a sound was held out.
    """
    digests = _digests(store)
    border = np.array([shared.get(digest, np.inf) for digest in digests])
    trained = np.isin(digests, list(training))
    return trained & (store.begins + store.settings.seconds <= border + NEARLY), ~trained | (
        store.begins >= border - NEARLY
    )


def _digests(store: ClipStore) -> NDArray[np.str_]:
    return np.array([short(entry.digest) for entry in store.entries], np.str_)
