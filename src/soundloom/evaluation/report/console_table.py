"""The short form of a report for the terminal."""

from __future__ import annotations

import textwrap
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from soundloom.evaluation.report import order
from soundloom.evaluation.report.html_tables import TAGS
from soundloom.evaluation.report.wording import MISSING, as_text, interval
from soundloom.evaluation.results import Results

MOST_FIGURES = 3  # beside one another in a narrow terminal
SUBJECT_WIDTH, HEAD_WIDTH = 16, 17  # characters; with three figures and their intervals, 80 in all
BETTER = {"lower": "lower is better", "higher": "higher is better", "one": "best at 1"}


def show_results(results: Results, report: Path | None = None, console: Console | None = None) -> None:
    """Print the headline figures of each embedding with their intervals, the conclusions, and where the report is.

    Args:
        results: of an evaluation.
        report: the page, if one was written.
        console: None prints to standard output.
    """
    console = console or Console()
    for embedding in [*order.embeddings(results), None]:
        if order.columns(results, embedding):
            console.print(_table(results, embedding))
    for remark in results.remarks:
        console.print(Text(f"note: {as_text(remark)}"))
    for sentence in results.verdicts:
        console.print(Text(as_text(sentence), style="bold"))
    if report is not None:
        console.print(Text(f"report: {as_text(report)}"), soft_wrap=True)


def _table(results: Results, embedding: str | None) -> Table:
    everything = order.columns(results, embedding)
    shown = everything[:MOST_FIGURES]
    title = f"distances in {as_text(embedding)}" if embedding is not None else "figures without an embedding"
    if len(everything) > len(shown):
        title += f" ({len(shown)} of {len(everything)}; the report has all)"
    table = Table(title=Text(title), title_justify="left")
    table.add_column("subject", min_width=SUBJECT_WIDTH, overflow="fold")
    for column in shown:
        head = f"{as_text(column.name)}{f' ({as_text(column.unit)})' if column.unit else ''}"
        lines = [*textwrap.wrap(head, HEAD_WIDTH), BETTER[column.better]]
        table.add_column(Text("\n".join(lines)), justify="right", no_wrap=True)
    for subject in order.rows(results, embedding, order.headline(everything) if embedding is not None else None):
        row = [_cell(results, subject.name, column.name, embedding) for column in shown]
        name = Text(as_text(subject.name)).append(f" ({TAGS[subject.role]})", style="dim")
        table.add_row(name, *row, style="dim" if subject.role not in order.CANDIDATES else None)
    return table


def _cell(results: Results, subject: str, name: str, embedding: str | None) -> Text:
    figure = results.find(subject, name, embedding)
    if figure is None:
        return Text(_ascii(MISSING))
    value, ends = interval(figure.estimate)
    return Text(_ascii(value)).append(f"\n{ends}" if ends else "", style="dim")


def _ascii(text: str) -> str:
    return text.replace(MISSING, "-")  # every terminal can show it
