"""The settings that training reads of every system: how clips are cut, what can be asked for, how large batches are."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from soundloom.contract.augmentation import Augmentation
from soundloom.data.cut import LONGEST_SECONDS, ClipSettings


@dataclass(frozen=True, kw_only=True)
class DataSettings:
    """Each system's settings begin with these; the defaults are the system's own."""

    representation: dict[str, Any]  # how the system sees a clip, as `representations.describe` writes it
    seconds: float = 1.0  # length of a training clip
    cut: Literal["start", "windows"] = "start"  # pad or cut each file to one clip, or cut long files into many
    trim: bool = True  # leave out silence before and after a sound
    start: Literal["onset", "level"] = "onset"  # a sound begins after any steady noise, or where it exceeds -60 dB
    loudness_lufs: float | None = None  # make all files as loud as this; None leaves them as they are
    conditions: tuple[str, ...] | None = None  # labels to be asked for; None takes those that the data offers
    labels: tuple[str, ...] = ()  # descriptors to be asked for, where neither these nor conditions are named
    fit_range: bool = False  # set the representation's global range by the training set
    batch_size: int = 16  # clips in a training step
    learning_rate: float = 1e-3
    augment: Augmentation = field(default_factory=Augmentation)

    def __post_init__(self) -> None:
        usual = {each.name: each.default for each in fields(self)}
        if self.batch_size < 1:
            raise ValueError(f"batch_size is {self.batch_size} but must be at least 1; {usual['batch_size']} is usual")
        if not 0 < self.learning_rate < math.inf:
            raise ValueError(
                f"learning_rate is {self.learning_rate:g} but must be above 0 and finite; "
                f"{usual['learning_rate']:g} is usual"
            )
        if not 0 < self.seconds <= LONGEST_SECONDS:
            raise ValueError(
                f"seconds is {self.seconds:g} but must be above 0 and at most {LONGEST_SECONDS:g}; "
                f"{usual['seconds']:g} is usual"
            )

    def clips(self, sample_rate: int, seconds: float | None = None) -> ClipSettings:
        """How clips are cut for training at a rate (Hz); `seconds` is another length, of a stage that has its own."""
        length = self.seconds if seconds is None else seconds
        return ClipSettings(
            sample_rate, length, cut=self.cut, trim=self.trim, start=self.start, loudness_lufs=self.loudness_lufs
        )
