"""The shipped models: what each makes, what it can be asked for, its size, data and licence."""

from __future__ import annotations

from typing import Any

from soundloom.checkpoints import checkpoint
from soundloom.checkpoints.checkpoint import CONFIG, WEIGHTS, shipped
from soundloom.conditions.schema import Schema
from soundloom.runtime.files import read_json
from soundloom.runtime.settings import from_json

CARD = "card.json"


def catalogue() -> list[dict[str, Any]]:
    """One dictionary for each shipped model, as JSON values; no weights are read."""
    return [_entry(name) for name in shipped()]


def _entry(name: str) -> dict[str, Any]:
    folder = checkpoint.SHIPPED / name
    config, card = read_json(folder / CONFIG), read_json(folder / CARD)
    schema = from_json(Schema, config["schema"])
    seconds = config["settings"]["seconds"]
    return {
        "name": name,
        "makes": card["makes"],
        "system": config["system"],
        "seconds": seconds,
        "longest_seconds": card.get("longest_seconds", seconds),  # cards have it where it is more than a clip
        "sample_rate": config["representation"]["sample_rate"],
        "conditions": [condition.to_dict() for condition in schema.conditions],
        "megabytes": round((folder / WEIGHTS).stat().st_size / 1e6, 2),
        "data": card["data"],
        "licence": card["licence"],
    }
