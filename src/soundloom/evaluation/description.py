"""What a report says about the evaluation itself: title, command, real sounds, computer."""

from __future__ import annotations

import platform
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from soundloom import __version__
from soundloom.data.clips import ClipStore
from soundloom.evaluation.candidates.names import Trained
from soundloom.evaluation.reference_data import ReferenceData
from soundloom.evaluation.settings import BASELINE_MINUTES, Settings
from soundloom.evaluation.terms import Terms
from soundloom.metrics.level_matching import LOUDNESS_LUFS
from soundloom.runtime.files import printable
from soundloom.runtime.processors import available_processors

FEW_GROUPS = 5


def title(names: Sequence[str]) -> str:
    return f"Evaluation of {names[0]}" if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]} compared"


def command(names: Sequence[str], folder: Path, settings: Settings) -> str:
    """The command that repeats an evaluation."""
    trained = any(Trained.parse(name) for name in names)
    verb = "compare" if len(names) > 1 or settings.seconds is not None or trained else "evaluate"
    options = ["--count", str(settings.count), "--seed", str(settings.seed)]
    if settings.where is not None:
        selected = [f"{name}={value}" for name, value in settings.where.items()] or [""]  # "" selects all files
        options += [word for text in selected for word in ("--where", text)]
    for name in settings.embeddings or ():
        options += ["--embedding", name]
    for name, value in settings.options.items():
        options += ["--option", f"{name}={value}"]
    if settings.seconds is not None:
        options += ["--seconds", f"{settings.seconds:g}"]
    if trained and settings.baseline_minutes != BASELINE_MINUTES:
        options += ["--baseline-minutes", f"{settings.baseline_minutes:g}"]
    return shlex.join(["soundloom", verb, *names, str(folder), *options])


def reference(data: ReferenceData, terms: Terms) -> dict[str, Any]:
    """About the real sounds, and what all sounds that are compared have in common."""
    return {
        "folder": printable(data.held_out.index.folder),
        "held-out clips": len(data.held_out),
        "held-out groups": len(set(data.held_out.groups)),
        "training clips": len(data.training),
        "only files where": ", ".join(f"{name}={value}" for name, value in data.where.items()) or "all",
        "sounds of each": terms.count,
        "seconds": round(terms.seconds, 4),
        "sample rate": terms.sample_rate,
        "loudness": f"{LOUDNESS_LUFS:g} LUFS",
        "seed": terms.seed,
    }


def few_groups(held_out: ClipStore) -> list[str]:
    """A remark if the held-out sounds say little about other sounds."""
    groups = len(set(held_out.groups))
    if groups >= FEW_GROUPS or groups == len(held_out):
        return []
    several = "one group" if groups == 1 else f"{groups} groups"
    return [
        f"the {len(held_out)} held-out clips come from {several}, such as kits or speakers; intervals count clips as "
        f"independent, so the values for other groups may lie outside them"
    ]


def machine() -> dict[str, Any]:
    """About the computer and the versions."""
    return {
        "soundloom": __version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "processor": platform.processor() or platform.machine(),
        "processors": available_processors(),
    }
