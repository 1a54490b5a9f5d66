"""The terminal shows the headline figures with their intervals, the verdicts and where the report is."""

from __future__ import annotations

import io
from pathlib import Path

from rich.console import Console

from made_up_results import EMBEDDINGS, SUBJECTS, results
from soundloom.evaluation.report.console_table import show_results
from soundloom.evaluation.results import Figure, Results, Subject
from soundloom.metrics.estimate import Estimate


def shown(found: Results, report: Path | None = None, width: int = 200) -> str:
    file = io.StringIO()
    show_results(found, report, Console(file=file, width=width))
    return file.getvalue()


def test_subjects_headline_figures_intervals_verdicts_and_the_reports_place_are_shown():
    found = results(sounds=0)
    text = shown(found, Path("out/report.html"))
    for words in (*SUBJECTS, *EMBEDDINGS, *found.verdicts, *found.remarks, "KID", "5.90", "4.57 to 7.23"):
        assert words in text
    assert "report: out/report.html" in text


def test_a_narrow_terminal_cuts_no_interval():
    text = shown(results(sounds=0), width=80)
    assert max(len(line) for line in text.splitlines()) <= 80
    assert "4.57 to 7.23" in text
    assert "-0.521 to 0.342" in text


def test_names_are_no_markup_and_no_control_codes():
    subjects = [Subject("[red]\x1b[31m", "model")]
    figures = [Figure("[red]\x1b[31m", "KID", Estimate(1, 0, 2), "lower", 3, "[bold]")]
    text = shown(Results("a", "b", {}, subjects, figures))
    assert "[red]\\x1b[31m" in text
    assert "[bold]" in text


def test_without_figures_only_the_sentences_are_shown():
    assert shown(Results("a", "b", {}, verdicts=["No conclusion."])) == "No conclusion.\n"
