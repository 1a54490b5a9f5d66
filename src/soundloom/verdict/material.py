"""The sounds that a verdict rests on: what the models were trained on, and what none of them has seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from soundloom.audio import printable
from soundloom.data.account import Account, short
from soundloom.data.clips import ClipSettings, ClipStore, open_clips

HELD_OUT = 0.1  # where nothing is known of what a model was trained on


@dataclass(frozen=True)
class Material:
    """Two sides of one folder, as clips of the same rate and length."""

    training: ClipStore  # may be empty
    held_out: ClipStore
    remarks: tuple[str, ...] = ()
    where: Mapping[str, str] = field(default_factory=dict)

    def at(self, sample_rate: int, seconds: float) -> Material:
        """The same files on the same sides, cut at another rate and length."""
        from dataclasses import replace

        settings = replace(self.held_out.settings, sample_rate=sample_rate, seconds=seconds)
        if settings == self.held_out.settings:
            return self
        store = open_clips(self.held_out.index.folder, settings, where=self.where or None)
        aside = set(self.held_out.files)
        ours = set(self.training.files)
        files = np.array(store.files)
        return Material(
            store.subset(np.isin(files, sorted(ours - aside))), store.subset(np.isin(files, sorted(aside))),
            self.remarks, self.where,
        )  # fmt: skip


def gather(
    folder: Path,
    accounts: Sequence[Account | None],
    settings: ClipSettings,
    where: Mapping[str, str] | None = None,
) -> Material:
    """Split a folder as the models saw it.

    Args:
        accounts: what each model was trained on; None where that is not known.
        settings: rate, length and cut of the clips.
        where: only files whose labels have these values; None chooses as the first model's training did.

    Raises:
        ValueError: no usable sound, or none that the models have not seen.
    """
    known = [account for account in accounts if account is not None]
    chosen = dict(where) if where is not None else _choice(folder, known)
    store = open_clips(folder, settings, where=chosen or None)
    remarks = []
    if len(known) < len(accounts):
        remarks.append(
            f"{len(accounts) - len(known)} of the models do not say what they were trained on: their figures may rest "
            f"on sounds that they have seen"
        )
    if not known:
        ours, unseen = store.split(HELD_OUT, seed=0)
        remarks.append(f"held out here: {len(unseen)} of {len(store)} clips, whole groups of them")
        return Material(ours, unseen, tuple(remarks), chosen)
    digests = np.array([short(entry.digest) for entry in store.entries])
    seen = np.isin(digests, sorted(set().union(*(account.training for account in known))))
    if seen.all():  # windows of one recording lie on both sides
        ours, unseen = store.split(HELD_OUT, seed=0)
        if not any(account.held_out & set(digests) for account in known):
            raise ValueError(
                f"all {len(store)} clips of {printable(folder)} were trained on, so nothing is left to judge by; "
                f"name a folder that holds others too"
            )
        return Material(ours, unseen, tuple(remarks), chosen)
    first = np.isin(digests, sorted(known[0].training))
    if len({account.training for account in known}) > 1:
        remarks.append(
            f"the models were trained on different sounds; held out is what none of them has seen, "
            f"{int((~seen).sum())} clips"
        )
    if not first.any():
        remarks.append(
            f"no sound of {printable(folder)} was trained on, so there is no floor, and copies cannot be looked for; "
            f"name the folder of the training for these"
        )
    return Material(store.subset(first), store.subset(~seen), tuple(remarks), chosen)


def _choice(folder: Path, known: Sequence[Account]) -> dict[str, str]:
    return dict(known[0].where) if known else {}
