"""The report of an evaluation: a page for people and a JSON file for programs."""

from __future__ import annotations

from pathlib import Path

from soundloom.evaluation.report.page import page
from soundloom.evaluation.report.summary import to_json
from soundloom.evaluation.results import Findings
from soundloom.runtime.files import json_text, write_atomically

PAGE, FIGURES = "report.html", "report.json"


def write_report(findings: Findings, folder: Path) -> tuple[Path, Path]:
    """Write `report.html` and `report.json` into a folder, each whole or not at all.

    The page is one file that opens without a network: sounds, pictures and charts lie within it. The JSON file holds
    every fact and figure and no sound; `soundloom.evaluation.report.summary.to_json` lists its keys.

    Args:
        findings: what was found; parts that are empty are left out of the page.
        folder: made if it is not there; earlier reports in it are replaced.

    Returns:
        Where the page and the JSON file are.
    """
    html, figures = folder / PAGE, folder / FIGURES
    write_atomically(html, page(findings).encode())
    write_atomically(figures, (json_text(to_json(findings), indent=2) + "\n").encode())
    return html, figures
