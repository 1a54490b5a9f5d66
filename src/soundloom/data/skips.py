"""Why a file is not used: a code for programs and a sentence for people."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from soundloom.audio import SoundFault


class SkipCode(StrEnum):
    """Reasons against a file beside those that reading it gives, see `SoundFault`."""

    LINKED_FOLDER = "linked_folder"  # reached before, by another path
    LINK_LOOP = "link_loop"
    BROKEN_LINK = "broken_link"
    HIDDEN = "hidden"
    APPLE_DOUBLE = "apple_double"
    FOLDER_NAMED_AS_SOUND = "folder_named_as_sound"
    NOT_REGULAR = "not_a_regular_file"
    LABEL_TABLE = "label_table"
    SOUNDLOOM_OUTPUT = "soundloom_output"  # a run folder, or a sound that soundloom made
    FILTERED_OUT = "filtered_out"
    DECODING_FAILED = "decoding_failed"
    TOO_SHORT = "too_short"
    SILENT = "silent"
    NEARLY_SILENT = "nearly_silent"
    CONSTANT = "constant"
    OUT_OF_RANGE = "out_of_range"
    DUPLICATE = "duplicate"
    NOTHING_LEFT = "nothing_left"


class Fault(NamedTuple):
    """Why a file is of no use: the value of a `SkipCode` or `SoundFault`, and a sentence."""

    code: str
    reason: str


class Skipped(NamedTuple):
    """A file that training does not use, and why."""

    path: str
    code: str
    reason: str
    original: str = ""  # of a duplicate: the path of the file that is used


TEMPORARY = frozenset((SoundFault.ABSENT, SoundFault.UNREADABLE, SkipCode.DECODING_FAILED))  # may pass at the next scan


def in_words(code: str) -> str:
    """A code as part of a sentence: "12 cut short"."""
    return code.replace("_", " ")
