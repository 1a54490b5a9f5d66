"""Standard output for programs."""

from __future__ import annotations

import sys
from typing import Any


def print_json(data: dict[str, Any]) -> None:
    from soundloom.runtime.files import json_text

    sys.stdout.write(json_text(data, encoding=sys.stdout.encoding or "utf-8") + "\n")
