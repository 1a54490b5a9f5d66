"""Progress of long work on standard error: a bar on a terminal, else a line now and then."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from soundloom.cli.display.units import duration

LINE_SECONDS = 10.0  # between lines where there is no terminal to draw a bar in


def of_total(done: float, total: float) -> str:
    return f"{done:g}/{total:g}"


def seconds_of_sound(done: float, total: float) -> str:
    return f"{duration(done)} of {duration(total)} of sound"


@contextmanager
def show_progress(
    work: str, quiet: bool, label: Callable[[float, float], str] = of_total
) -> Iterator[Callable[[float, float], None]]:
    """Show how far some work is and the time left, on standard error: a bar on a terminal, else a line now and then.

    Args:
        work: what is being done, such as "scanning".
        quiet: show nothing.
        label: (done, total) in words.

    Yields:
        A callback that takes (done, total) and may be called from any thread.
    """
    console = Console(stderr=True)
    if quiet:
        yield lambda done, total: None
    elif not console.is_terminal:
        yield _Lines(work, label, console).update
    else:
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[label]}"))
        with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as progress:
            task = progress.add_task(work, total=None, label="")
            yield lambda done, total: progress.update(task, completed=done, total=total, label=label(done, total))


class _Lines:
    """Progress where there is no terminal: one line every few seconds."""

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
def show_stages(quiet: bool) -> Iterator[Callable[[str], None]]:
    """Show the present step and its time on standard error: a spinner on a terminal, else a line for each step.

    Yields:
        A callback that takes the sentence to show.
    """
    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield lambda sentence: None if quiet else console.print(Text(sentence))
        return
    with Progress(SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=console) as progress:
        task = progress.add_task("starting", total=None)
        yield lambda sentence: progress.update(task, description=escape(sentence))
