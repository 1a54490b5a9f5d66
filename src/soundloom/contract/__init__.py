"""The contract: what a system promises, and what training, generation and evaluation may ask of it.

In: nothing. Out: `System`, `Stage`, `Objective`, `Batch`, `Sampling` and the other values that pass between them.
Nothing outside `systems/` knows a system by name.
"""

from soundloom.contract.augmentation import Augmentation
from soundloom.contract.batch import Batch
from soundloom.contract.clips import ClipBatch, Clips
from soundloom.contract.condition_inputs import ConditionInput
from soundloom.contract.data_settings import DataSettings
from soundloom.contract.likelihood import MODEL, NegativeLogLikelihood
from soundloom.contract.objective import Loss, Objective
from soundloom.contract.sampling import Sampling
from soundloom.contract.stage import Stage
from soundloom.contract.system import System

__all__ = [
    "MODEL",
    "Augmentation",
    "Batch",
    "ClipBatch",
    "Clips",
    "ConditionInput",
    "DataSettings",
    "Loss",
    "NegativeLogLikelihood",
    "Objective",
    "Sampling",
    "Stage",
    "System",
]
