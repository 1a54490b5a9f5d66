"""Augmentation: changes to training clips that leave a sound what it is."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Augmentation:
    """How far each change may go; drawn independently for each clip and step."""

    gain_db: float = 0.0  # louder or softer by up to this
    shift_seconds: float = 0.0  # later by up to this, silence before
    tilt_db: float = 0.0  # brighter or darker: a smooth filter, each of its three waves up to this
    decay_db_per_second: float = 0.0  # dying away faster by up to this, half of the time
    speed_semitones: float = 0.0  # played faster or slower, so higher or lower, by up to this

    def __post_init__(self) -> None:
        for name, most in vars(self).items():
            if not 0 <= most < math.inf:
                raise ValueError(f"augment.{name} is {most:g} but must be at least 0 and finite; 0 leaves that out")
