"""soundloom: train a generative model on a folder of sounds and make new sounds from it."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from soundloom.audio import Audio
    from soundloom.data.scan import scan
    from soundloom.evaluation.comparison import compare, evaluate
    from soundloom.generation import Model, Request, load
    from soundloom.generation.reconstruct import reconstruct
    from soundloom.runtime.progress_bar import show_progress
    from soundloom.training import train
    from soundloom.training.progress_bar import TrainingProgress

__version__ = "0.1.0"

# Imported when first used: torch alone takes longer than most commands.
_HOMES = {
    "Audio": "soundloom.audio",
    "Model": "soundloom.generation",
    "Request": "soundloom.generation",
    "TrainingProgress": "soundloom.training.progress_bar",
    "compare": "soundloom.evaluation.comparison",
    "evaluate": "soundloom.evaluation.comparison",
    "load": "soundloom.generation",
    "reconstruct": "soundloom.generation.reconstruct",
    "scan": "soundloom.data.scan",
    "show_progress": "soundloom.runtime.progress_bar",
    "train": "soundloom.training",
}

__all__ = [
    "Audio",
    "Model",
    "Request",
    "TrainingProgress",
    "__version__",
    "compare",
    "evaluate",
    "load",
    "reconstruct",
    "scan",
    "show_progress",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'soundloom' has no attribute {name!r}; it has {', '.join(sorted(_HOMES))}")
    return getattr(importlib.import_module(_HOMES[name]), name)
