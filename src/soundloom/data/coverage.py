"""How much of the files lies in clips, and whether a few long files are better cut into windows."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from soundloom.audio import UnusableSound, opened
from soundloom.data.cut import ClipSettings
from soundloom.data.index import Index
from soundloom.data.scan import Survey

FEW_FILES = 100
LITTLE = 0.1  # share of a few files in clips from their starts, below which windows are better
SAID_BELOW = 0.5
FEW_CLIPS = 20
FEW_AND_LONG = "the files are few and long, so clips are windows over all of them; cut=start takes their starts instead"


@dataclass(frozen=True)
class Coverage:
    """Seconds of sound in clips, and what share of the used files that is: of each, by its path, and of all."""

    seconds: float
    share: float
    shares: dict[str, float]


def coverage(index: Index, settings: ClipSettings) -> Coverage:
    """How much of the used files of a scan lies in clips, each second counted once.

    Silence counts as sound here, so that nothing has to be decoded.
    """
    covered = {entry.path: settings.covered(entry.seconds) for entry in index.entries}
    total, seconds = sum(entry.seconds for entry in index.entries), sum(covered.values())
    shares = {entry.path: min(1.0, covered[entry.path] / entry.seconds) for entry in index.entries}
    return Coverage(seconds, min(1.0, seconds / total) if total else 0.0, shares)


def coverage_sentence(index: Index, settings: ClipSettings) -> str | None:
    """Says that much of the sound is not used, and how to use it; None where at least half of it is."""
    found = coverage(index, settings)
    if not index.entries or found.share >= SAID_BELOW:
        return None
    total = sum(entry.seconds for entry in index.entries)
    least = min(found.shares, key=found.shares.__getitem__)
    sentence = (
        f"clips hold {_length(found.seconds)} of {_length(total)} of sound ({100 * found.share:.2g} %; of each file at "
        f"least {100 * found.shares[least]:.2g} %, in {least})"
    )
    if settings.cut == "windows":
        return f"{sentence}; a shorter hop_seconds takes more of it"
    return f"{sentence}: the start of each file; --set cut=windows takes windows over all of it"


def few_clips_sentence(clips: int) -> str | None:
    """Warns of a training set of fewer than 20 clips; None for others."""
    if clips >= FEW_CLIPS:
        return None
    return (
        f"{clips} clip{'s' if clips > 1 else ''} to train on: with fewer than {FEW_CLIPS} a model can only repeat what "
        f"it was given; add sounds (100 are a start), or take shorter clips of longer files by --set cut=windows"
    )


def prefers_windows(lengths: Sequence[float], seconds: float) -> bool:
    """Whether files are so few and so long that windows over all of them make the better clips.

    Args:
        lengths: of the files, in seconds.
        seconds: of a clip.

    Returns:
        True for fewer than 100 files whose starts are less than a tenth of their sound.
    """
    in_starts = sum(min(length, seconds) for length in lengths)
    return 0 < len(lengths) < FEW_FILES and in_starts < LITTLE * sum(lengths)


def header_seconds(survey: Survey) -> list[float]:
    """Lengths of the sounds that a survey would look at, as their headers say; nothing is decoded.

    Returns:
        Seconds; none where there are many files, so that it never takes long.
    """
    files = survey.wanted()
    lengths: list[float] = []
    if len(files) > 2 * FEW_FILES:  # some may be no sounds
        return lengths
    for found in files:
        try:
            with opened(os.path.join(survey.folder, found.location)) as (sound, _):  # noqa: PTH118 - names of any bytes
                lengths.append(sound.frames / sound.samplerate)
        except UnusableSound:
            continue
    return lengths


def _length(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 120 else f"{seconds / 60:.1f} minutes"
