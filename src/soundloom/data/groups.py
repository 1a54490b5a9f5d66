"""Splits that keep a kit, a speaker or an instrument on one side, so that a test is a test."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from soundloom.data.index import Entry, Index
from soundloom.data.labels import SPLITS, propose_conditions


def split_by_group(
    index: Index, held_out: float = 0.1, seed: int = 0, by_file: bool = False
) -> tuple[list[Entry], list[Entry]]:
    """Training files and held-out files; no group is on both sides.

    A `split` column (train, test, validation) decides where there is one. Otherwise whole groups are drawn until
    they hold the share, or a tenth more. With two groups or more at least one is held out, and every value of a
    category stays in training where that is possible.

    Args:
        index: a scan.
        held_out: share of the files, 0 to 0.9; 0 holds nothing out.
        seed: the same seed, the same split.
        by_file: each file is a group of its own; for a model that is asked for the group itself, such as a speaker.

    Raises:
        ValueError: the share is outside 0 to 0.9.
    """
    if not 0.0 <= held_out <= 0.9:
        raise ValueError(f"held_out={held_out:g} is outside 0 to 0.9; give a share such as 0.1")
    entries = index.entries
    sides = [SPLITS.get(entry.labels.get("split", "train").lower(), "train") for entry in entries]
    if held_out > 0 and "held out" in sides and "train" in sides:
        return (
            [entry for entry, side in zip(entries, sides, strict=True) if side == "train"],
            [entry for entry, side in zip(entries, sides, strict=True) if side != "train"],
        )
    if by_file:
        entries = tuple(replace(entry, group=entry.path) for entry in entries)
    chosen = choose_groups(entries, held_out, seed, [c.name for c in propose_conditions(index).conditions])
    aside = [entry.group in chosen for entry in entries]
    return (
        [entry for entry, out in zip(index.entries, aside, strict=True) if not out],
        [entry for entry, out in zip(index.entries, aside, strict=True) if out],
    )


def choose_groups(entries: Sequence[Entry], held_out: float, seed: int, categories: Sequence[str]) -> set[str]:
    """The groups to hold out: see `split_by_group`."""
    members: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        members[entry.group].append(entry)
    if held_out == 0.0 or len(members) < 2:
        return set()
    goal = held_out * len(entries)
    left = _carried(entries, categories)
    names = sorted(members)
    order = [names[i] for i in np.random.default_rng(seed).permutation(len(names))]
    chosen, total = set[str](), 0
    for name in order:
        size = len(members[name])
        carried = _carried(members[name], categories)
        if total + size <= 1.1 * goal and _survives(left, carried):
            chosen.add(name)
            total += size
            left -= carried
    if not chosen:
        chosen = {_least_harmful(order, members, goal, left, categories)}
    return chosen


def _carried(entries: Sequence[Entry], categories: Sequence[str]) -> Counter[tuple[str, str]]:
    return Counter((name, entry.labels[name]) for entry in entries for name in categories if name in entry.labels)


def _survives(left: Mapping[tuple[str, str], int], taken: Mapping[tuple[str, str], int]) -> bool:
    return all(left[value] > count for value, count in taken.items())


def _least_harmful(
    order: Sequence[str],
    members: Mapping[str, Sequence[Entry]],
    goal: float,
    left: Counter[tuple[str, str]],
    categories: Sequence[str],
) -> str:
    def harm(name: str) -> tuple[bool, float]:
        return not _survives(left, _carried(members[name], categories)), abs(len(members[name]) - goal)

    return min(order, key=harm)
