"""Baselines that are trained for some minutes on the same sounds: `baseline:SYSTEM:PRESET`, kept in the cache."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace

from soundloom.data.clips import ClipStore
from soundloom.data.provenance import short
from soundloom.data.scan_cache import cache_folder
from soundloom.evaluation.candidates.model import ModelCandidate
from soundloom.evaluation.candidates.names import Trained
from soundloom.evaluation.monitor import Monitor
from soundloom.evaluation.reference_data import ReferenceData
from soundloom.evaluation.terms import Native
from soundloom.generation import load
from soundloom.representations import build
from soundloom.systems.discovery import system_named
from soundloom.training import train


def native_of(baseline: Trained) -> Native:
    """What the preset generates, known before it is trained."""
    config = system_named(baseline.system).PRESETS[baseline.preset]
    return Native(build(config.representation).sample_rate, config.seconds)


def train_baseline(baseline: Trained, data: ReferenceData, minutes: float, monitor: Monitor) -> ModelCandidate:
    """The trained baseline as a candidate: trained on the same sounds, or taken from the cache."""
    key = hashlib.blake2b(repr((_digests(data.training), minutes)).encode(), digest_size=8).hexdigest()
    run = cache_folder() / "baselines" / f"{baseline.system}-{baseline.preset}-{key}"
    finished = run / "finished"
    if not finished.exists():
        monitor.report(f"training {baseline} for {minutes:g} minutes, once")
        shutil.rmtree(run, ignore_errors=True)  # of a training that was stopped
        outcome = train(
            baseline.system, data.held_out.index.folder, out=run, preset=baseline.preset, minutes=minutes,
            where=dict(data.where), stop=monitor.stop, preview_seconds=0.0, validation_count=0,
        )  # fmt: skip
        monitor.check()
        if not outcome.finished:  # training catches Ctrl-C
            raise KeyboardInterrupt
        finished.touch()
    candidate = ModelCandidate(str(baseline), load(run), role="baseline", monitor=monitor)
    seen = candidate.provenance
    if seen is not None and seen.training & {short(digest) for digest in _digests(data.held_out)}:
        candidate = replace(
            candidate, remarks=(f"{baseline} was trained on some of the held-out sounds, so its distances are too low",)
        )
    return candidate


def _digests(clips: ClipStore) -> list[str]:
    return sorted({entry.digest for entry in clips.entries})
