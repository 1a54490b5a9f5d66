"""A stage: what is trained in one job."""

from __future__ import annotations

import math
from dataclasses import dataclass

from soundloom.contract.objective import Objective
from soundloom.representations.protocol import Representation


@dataclass(frozen=True)
class Stage:
    """What is trained in one job, in order: one for a VAE; a codec, a prior and upsamplers; one a tier.

    While a stage trains, the weights of earlier stages are frozen, and its representation runs without gradients.
    """

    name: str
    representation: Representation  # what its batches are encoded with; may be what an earlier stage trained
    objectives: tuple[Objective, ...]
    share: float = 1.0  # of the budget, in comparison with the other stages
    seconds: float | None = None  # length of its clips; None takes the system's
    batch_size: int | None = None  # clips in a step; None takes the system's
    playable: bool = True  # can the system be sampled once this stage is trained so far?

    def __post_init__(self) -> None:
        if not 0 < self.share < math.inf:
            raise ValueError(f"stage {self.name} has a share of {self.share:g} but must have one above 0 and finite")
        if self.seconds is not None and not 0 < self.seconds < math.inf:
            raise ValueError(f"stage {self.name} has clips of {self.seconds:g} s but must have more than 0; 1 is usual")
        if self.batch_size is not None and self.batch_size < 1:
            raise ValueError(f"stage {self.name} has batches of {self.batch_size} clips but must have at least 1")
