"""Progress of long work for people: a bar in a terminal or a notebook, else a line now and then."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from soundloom.runtime.units import duration

LINE_SECONDS = 10.0  # between lines where no bar can be drawn


def percent(done: float, total: float) -> str:
    return f"{100 * done / total:.0f} %" if total else ""


def of_total(done: float, total: float) -> str:
    return f"{done:g}/{total:g}"


def seconds_of_sound(done: float, total: float) -> str:
    return f"{duration(done)} of {duration(total)} of sound"


def draws_bars(console: Console) -> bool:
    """Whether a bar can be redrawn in place: in a terminal, or in a notebook that has ipywidgets."""
    return console.is_terminal or (console.is_jupyter and importlib.util.find_spec("ipywidgets") is not None)


@contextmanager
def show_progress(
    work: str, quiet: bool = False, label: Callable[[float, float], str] = percent
) -> Iterator[Callable[[float, float], None]]:
    """Show how much of some work is done and the time left: as a bar, or as a line every ten seconds.

    Bars are drawn in a terminal, on standard error, and in notebooks that have ipywidgets.

    Args:
        work: what is being done, such as "scanning".
        quiet: show nothing.
        label: takes (done, total) and returns the words beside the bar.

    Yields:
        A callback that takes (done, total), such as `on_progress` of `Model.generate`. Any thread may call it.
    """
    console = Console(stderr=True)
    if quiet:
        yield lambda done, total: None
    elif not draws_bars(console):
        yield _Lines(work, label, console).update
    else:
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[label]}"))
        with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as progress:
            task = progress.add_task(work, total=None, label="")
            yield lambda done, total: progress.update(task, completed=done, total=total, label=label(done, total))


class _Lines:
    """Progress where no bar can be drawn: one line every few seconds."""

    def __init__(self, work: str, label: Callable[[float, float], str], console: Console) -> None:
        self.work, self.label, self.console = work, label, console
        self.started_at = self.printed_at = time.monotonic()

    def update(self, done: float, total: float) -> None:
        now = time.monotonic()
        if now - self.printed_at < LINE_SECONDS or not 0 < done < total:
            return
        self.printed_at = now
        remaining = (now - self.started_at) * (total - done) / done
        line = f"{self.work}: {self.label(done, total)}, {duration(remaining)} left"
        self.console.print(Text(line), soft_wrap=True)


@contextmanager
def show_stages(quiet: bool = False) -> Iterator[Callable[[str], None]]:
    """Show the present step and its time: beside a spinner where it can be redrawn, else a line for each step.

    Yields:
        A callback that takes the sentence to show.
    """
    console = Console(stderr=True)
    if quiet or not draws_bars(console):
        yield lambda sentence: None if quiet else console.print(Text(sentence))
        return
    with Progress(SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=console) as progress:
        task = progress.add_task("starting", total=None)
        yield lambda sentence: progress.update(task, description=escape(sentence))
