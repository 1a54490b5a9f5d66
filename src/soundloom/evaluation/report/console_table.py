"""The short form of a report for the terminal."""

from __future__ import annotations

import textwrap
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from soundloom.evaluation.report import order
from soundloom.evaluation.report.html_tables import TAGS
from soundloom.evaluation.report.wording import MISSING, interval, plain
from soundloom.evaluation.results import Findings

MOST_FIGURES = 3  # beside one another in a narrow terminal
SUBJECT_WIDTH, HEAD_WIDTH = 16, 17  # characters; with three figures and their intervals, 80 in all
BETTER = {"lower": "lower is better", "higher": "higher is better", "one": "best at 1"}


def show_findings(findings: Findings, report: Path | None = None, console: Console | None = None) -> None:
    """Print the headline figures of each embedding with their intervals, the verdicts, and where the report is.

    Args:
        findings: what was found.
        report: the page, if one was written.
        console: None prints to standard output.
    """
    console = console or Console()
    for embedding in [*order.embeddings(findings), None]:
        if order.columns(findings, embedding):
            console.print(_table(findings, embedding))
    for remark in findings.remarks:
        console.print(Text(f"note: {plain(remark)}"))
    for sentence in findings.verdicts:
        console.print(Text(plain(sentence), style="bold"))
    if report is not None:
        console.print(Text(f"report: {plain(report)}"), soft_wrap=True)


def _table(findings: Findings, embedding: str | None) -> Table:
    everything = order.columns(findings, embedding)
    shown = everything[:MOST_FIGURES]
    title = f"distances in {plain(embedding)}" if embedding is not None else "figures without an embedding"
    if len(everything) > len(shown):
        title += f" ({len(shown)} of {len(everything)}; the report has all)"
    table = Table(title=Text(title), title_justify="left")
    table.add_column("subject", min_width=SUBJECT_WIDTH, overflow="fold")
    for column in shown:
        head = f"{plain(column.name)}{f' ({plain(column.unit)})' if column.unit else ''}"
        lines = [*textwrap.wrap(head, HEAD_WIDTH), BETTER[column.better]]
        table.add_column(Text("\n".join(lines)), justify="right", no_wrap=True)
    for subject in order.rows(findings, embedding, order.headline(everything) if embedding is not None else None):
        row = [_cell(findings, subject.name, column.name, embedding) for column in shown]
        name = Text(plain(subject.name)).append(f" ({TAGS[subject.role]})", style="dim")
        table.add_row(name, *row, style="dim" if subject.role not in order.JUDGED else None)
    return table


def _cell(findings: Findings, subject: str, name: str, embedding: str | None) -> Text:
    figure = findings.find(subject, name, embedding)
    if figure is None:
        return Text(_ascii(MISSING))
    value, ends = interval(figure.estimate)
    return Text(_ascii(value)).append(f"\n{ends}" if ends else "", style="dim")


def _ascii(text: str) -> str:
    return text.replace(MISSING, "-")  # any terminal has this one
