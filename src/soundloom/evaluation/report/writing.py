"""The report of an evaluation: a page for people and a JSON file for programs."""

from __future__ import annotations

from pathlib import Path

from soundloom.evaluation.report.page import page
from soundloom.evaluation.report.summary import to_json
from soundloom.evaluation.results import Results
from soundloom.runtime.files import json_text, write_atomically

PAGE, FIGURES = "report.html", "report.json"


def write_report(results: Results, folder: Path) -> tuple[Path, Path]:
    """Write `report.html` and `report.json` into a folder, each whole or not at all.

    The page is one file that opens without a network: sounds, pictures and charts are embedded. The JSON file holds
    every fact and figure and no sound; `soundloom.evaluation.report.summary.to_json` lists its keys.

    Args:
        results: of an evaluation; empty parts are left out of the page.
        folder: created if it does not exist; earlier reports in it are replaced.

    Returns:
        The paths of the page and of the JSON file.
    """
    html, figures = folder / PAGE, folder / FIGURES
    write_atomically(html, page(results).encode())
    write_atomically(figures, (json_text(to_json(results), indent=2) + "\n").encode())
    return html, figures
