"""What a model was trained on, kept beside its weights, so that an evaluation knows which sounds are new to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from soundloom.runtime.files import read_json

if TYPE_CHECKING:
    from soundloom.data.clips import ClipStore

FILE = "data.json"
CUT = 2  # changes where the same file and settings give another clip
DIGITS = 16  # of a digest that are kept: a collision among a million sounds has a chance of 1 in 40 million


@dataclass(frozen=True)
class Provenance:
    """Digests of the decoded sounds on either side of the split, and the filter that chose the files."""

    training: frozenset[str]
    held_out: frozenset[str]
    where: dict[str, str] = field(default_factory=dict)
    shared: dict[str, float] = field(default_factory=dict)  # files on both sides: seconds from which on it is held out

    @classmethod
    def read(cls, folder: Path) -> Provenance | None:
        """The provenance in a run or model folder, or None where there is none that can be read."""
        try:
            data = read_json(folder / FILE)
            sounds = data["digests"]
            shared = {str(digest): float(begin) for digest, begin in sounds.get("shared", {}).items()}
            training, held_out = frozenset(sounds["training"]), frozenset(sounds["held_out"])
            return cls(training, held_out, dict(data.get("where", {})), shared)
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return None


def digests(ours: ClipStore, held_out: ClipStore, where: Mapping[str, str]) -> dict[str, Any]:
    """What `Provenance.read` reads, as JSON."""
    sides = {"training": ours, "held_out": held_out}
    found = {side: sorted({short(entry.digest) for entry in clips.entries}) for side, clips in sides.items()}
    both = set(found["training"]) & set(found["held_out"])
    begins = {digest: begin for digest, begin in first_begins(held_out).items() if digest in both}
    return {"where": dict(where), "cut": CUT, "digests": {**found, "shared": begins}}


def require_same_cut(data: Mapping[str, Any], run: Path) -> None:
    """Make sure that a run is resumed with the clips that it began with.

    Args:
        data: what `digests` gave when the run began, with whatever else is kept beside it.
        run: the folder, for the message.

    Raises:
        ValueError: another version of soundloom cut the clips of the run.
    """
    if data.get("cut") != CUT:
        raise ValueError(
            f"{run} was trained on clips that another version of soundloom cut, which began elsewhere in their files; "
            f"it can be played but not resumed: train with a new --out"
        )


def first_begins(clips: ClipStore) -> dict[str, float]:
    """Where in its sound the first clip of each begins, in seconds, by the short digest."""
    found: dict[str, float] = {}
    for entry, begin in zip(clips.entries, clips.begins.tolist(), strict=True):
        digest = short(entry.digest)
        found[digest] = min(begin, found.get(digest, begin))
    return found


def short(digest: str) -> str:
    return digest[:DIGITS]
