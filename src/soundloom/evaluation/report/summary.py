"""Results as JSON values: every fact and figure, no sound."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

import soundloom
from soundloom.evaluation.report.wording import as_text
from soundloom.evaluation.results import Results

FORMAT = "soundloom evaluation"
VERSION = 2  # goes up when a key or name changes or goes away; new ones may come at any time


def to_json(results: Results) -> dict[str, Any]:
    """All facts and figures.

    Numbers that are NaN or infinite become null; texts that are not UTF-8 are shown with escapes.

    Returns:
        These keys, always all of them and in this order:

        - `format` (`"soundloom evaluation"`), `version` (2), `soundloom` (the package's version), `made_at` (ISO 8601)
        - `title`, `command` (repeats the evaluation): texts
        - `verdicts` (conclusions), `remarks` (what was left out or changed): lists of sentences
        - `reference`, `machine`: objects of facts about the real sounds, and about the computer
        - `subjects`: list of {`name`, `role` (model, baseline, floor, ceiling or bad), `facts` (an object)}
        - `figures`: list of {`subject`, `name`, `embedding` (null: depends on none), `value`, `low`, `high` (ends of
          the 95 % interval), `better` (lower, higher or one), `sounds` (measured on), `unit`}
        - `conditions`: list of {`subject`, `name`, `kind` (category, scalar or pitch), `values`, `confusion`
          ([requested][predicted], counts), `points` ([requested, measured] pairs)}
        - `leakage`: {subject: {condition that was changed: {condition that moved: share}}}
        - `coherence`: {subject: {slider: {E1, E2 and E3: {`value`, `low`, `high`}}}}
        - `examples`: list of {`section` (generated, memorised, reconstructed or real), `row`, `caption`, `detail`,
          `seconds`, `sample_rate`}: the sounds of the page
    """
    data = {
        "format": FORMAT,
        "version": VERSION,
        "soundloom": soundloom.__version__,
        "made_at": results.made_at,
        "title": results.title,
        "command": results.command,
        "verdicts": results.verdicts,
        "remarks": results.remarks,
        "reference": results.reference,
        "machine": results.machine,
        "subjects": [{"name": one.name, "role": one.role, "facts": one.facts} for one in results.subjects],
        "figures": [
            {
                "subject": figure.subject,
                "name": figure.name,
                "embedding": figure.embedding,
                **figure.estimate._asdict(),
                "better": figure.better,
                "sounds": figure.sounds,
                "unit": figure.unit,
            }
            for figure in results.figures
        ],
        "conditions": [
            {
                "subject": condition.subject,
                "name": condition.name,
                "kind": condition.kind,
                "values": condition.values,
                "confusion": condition.confusion,
                "points": condition.points,
            }
            for condition in results.conditions
        ],
        "leakage": results.leakage,
        "coherence": {
            subject: {
                slider: {name: estimate._asdict() for name, estimate in found.items()} for slider, found in of.items()
            }
            for subject, of in results.coherence.items()
        },
        "examples": [
            {
                "section": example.section,
                "row": example.row,
                "caption": example.caption,
                "detail": example.detail,
                "seconds": example.audio.seconds,
                "sample_rate": example.audio.sample_rate,
            }
            for example in results.examples
        ],
    }
    return {key: _clean(value) for key, value in data.items()}


def _clean(value: Any) -> Any:
    """The same in types that JSON can hold."""
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {as_text(key): _clean(part) for key, part in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(part) for part in value]
    return as_text(value)
