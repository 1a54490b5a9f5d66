"""What was found as plain JSON values: every fact and figure, no sound."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

import soundloom
from soundloom.evaluation.report.wording import plain
from soundloom.evaluation.results import Findings

FORMAT = "soundloom evaluation"
VERSION = 1  # goes up when a key changes its meaning or goes away; new keys may come at any time


def to_json(findings: Findings) -> dict[str, Any]:
    """All facts and figures.

    Numbers that are NaN or infinite become null; texts that are not UTF-8 are shown with escapes.

    Returns:
        These keys, always all of them and in this order:

        - `format` (`"soundloom evaluation"`), `version` (1), `soundloom` (the package's version), `made_at` (ISO 8601)
        - `title`, `command` (repeats the evaluation): texts
        - `verdicts`, `remarks`: lists of sentences
        - `reference`, `machine`: objects of facts about the sounds compared with, and about the computer
        - `subjects`: list of {`name`, `role` (model, baseline, floor, ceiling or bad), `facts` (an object)}
        - `figures`: list of {`subject`, `name`, `embedding` (null: depends on none), `value`, `low`, `high` (ends of
          the 95 % interval), `better` (lower, higher or one), `sounds` (measured on), `unit`}
        - `conditions`: list of {`subject`, `name`, `kind` (category, scalar or pitch), `values`, `confusion`
          ([asked][heard], counts), `points` ([asked, heard] pairs)}
        - `leakage`: {subject: {condition asked for: {what moved with it: share}}}
        - `coherence`: {subject: {slider: {E1, E2 and E3: {`value`, `low`, `high`}}}}
        - `examples`: list of {`section`, `row`, `caption`, `detail`, `seconds`, `sample_rate`}: what the page plays
    """
    data = {
        "format": FORMAT,
        "version": VERSION,
        "soundloom": soundloom.__version__,
        "made_at": findings.made_at,
        "title": findings.title,
        "command": findings.command,
        "verdicts": findings.verdicts,
        "remarks": findings.remarks,
        "reference": findings.reference,
        "machine": findings.machine,
        "subjects": [{"name": one.name, "role": one.role, "facts": one.facts} for one in findings.subjects],
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
            for figure in findings.figures
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
            for condition in findings.conditions
        ],
        "leakage": findings.leakage,
        "coherence": {
            subject: {
                slider: {name: estimate._asdict() for name, estimate in found.items()} for slider, found in of.items()
            }
            for subject, of in findings.coherence.items()
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
            for example in findings.examples
        ],
    }
    return {key: _clean(value) for key, value in data.items()}


def _clean(value: Any) -> Any:
    """The same with nothing but what JSON can hold."""
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {plain(key): _clean(part) for key, part in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(part) for part in value]
    return plain(value)
