"""How well a model foresees held-out sounds, sample by sample, beside simple predictors fitted to the same data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from soundloom.contract import MODEL, ClipBatch
from soundloom.data.clips import evenly
from soundloom.metrics.estimate import Estimate, TooFew
from soundloom.metrics.intervals import around

if TYPE_CHECKING:
    from soundloom.evaluation.candidates import ModelContender
    from soundloom.evaluation.session import Verdict

BITS = "bits per sample"
SAVED = "bits saved"  # in comparison with a simple predictor, on the same sounds
BATCH_SIZE = 8


def measure(verdict: Verdict, contender: ModelContender) -> None:
    """Bits per sample of whole held-out sounds, and the margin to each simple predictor, if it foresees at all."""
    system = contender.model.system
    held_out = verdict.material.at(contender.model.sample_rate, contender.model.seconds).held_out
    some = held_out.subset(evenly(len(held_out), system.measured))
    found = foreseen(system, some)
    if found is None:
        return
    verdict.progress(f"measuring how well {contender.name} foresees {len(some)} held-out sounds")
    mine = found.pop(MODEL)
    try:
        verdict.note(contender.name, BITS, mean_over_groups(mine, some.groups), "lower", len(mine))
        for name, theirs in found.items():
            verdict.note(
                contender.name, f"{SAVED}, {name}", mean_over_groups(theirs - mine, some.groups), "higher", len(mine)
            )
            verdict.note(contender.name, f"{BITS}, {name}", mean_over_groups(theirs, some.groups), "lower", len(mine))
    except TooFew as few:
        verdict.missing(contender.name, few)


def foreseen(system: Any, store: Any) -> dict[str, np.ndarray] | None:
    """Bits per sample of each clip, (clip,), by the system and by each predictor beside it, or None."""
    parts: list[dict[str, np.ndarray]] = []
    for at in range(0, len(store), BATCH_SIZE):
        clips = ClipBatch.of(store.subset(slice(at, at + BATCH_SIZE)), system.schema)
        likelihood = system.negative_log_likelihood(clips)
        if likelihood is None:
            return None
        parts.append({name: values.numpy() for name, values in likelihood.bits.items()})
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def mean_over_groups(values: np.ndarray, groups: list[str]) -> Estimate:
    """The mean of values that are alike within groups, such as drums of one kit, with an interval that knows so.

    Liang & Zeger 1986, https://doi.org/10.1093/biomet/73.1.13: squared sums of a group's deviations.

    Raises:
        TooFew: fewer than 2 groups.
    """
    names, places = np.unique(groups, return_inverse=True)
    if len(names) < 2:
        raise TooFew("a mean over groups", len(names), 2, "groups")
    value = float(values.mean())
    sums = np.bincount(places, values - value)
    error = float(np.sqrt(np.square(sums).sum() * len(names) / (len(names) - 1)) / len(values))
    return around(value, error)
