"""`soundloom models`: list the shipped models."""

from __future__ import annotations

from soundloom.cli.options import Json
from soundloom.cli.output import print_json


def models(as_json: Json = False) -> None:
    """List the shipped models: what they make, their conditions, size, data and licence."""
    from soundloom.checkpoints.catalogue import catalogue
    from soundloom.cli.display.models import models_table

    found = catalogue()
    if as_json:
        print_json({"models": found})
    else:
        models_table(found)
