"""The state of a training while it runs: a bar in a terminal or a notebook, else a line now and then."""

from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from soundloom.runtime.progress_bar import LINE_SECONDS, draws_bars
from soundloom.training.watcher import StepReport


class TrainingProgress:
    """A `Watcher` that shows the loss, clips per second and the time left, and prints messages.

    Use it as a context, so that the bar ends with the training:

        with TrainingProgress() as watcher:
            train("vae", "my-sounds", out="runs/mine", minutes=10, watcher=watcher)

    Args:
        at_start: a sentence that is printed before the first step; None prints none.
        quiet: show nothing.
    """

    def __init__(self, at_start: str | None = None, quiet: bool = False) -> None:
        self.at_start = at_start
        self.console = Console(stderr=True, quiet=quiet)
        columns = (
            TextColumn("{task.fields[place]}step {task.fields[step]}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %  loss {task.fields[loss]:.4f}  {task.fields[rate]:.0f} clips/s"),
            TimeElapsedColumn(),
            TimeRemainingColumn(elapsed_when_finished=True),
        )
        self.draws_bar = not quiet and draws_bars(self.console)
        self.bar = Progress(*columns, console=self.console, transient=True, disable=not self.draws_bar)
        self.task = self.bar.add_task("training", total=1.0, step=0, loss=0.0, rate=0.0, place="")
        self.clips, self.started_at, self.printed_at = 0, time.monotonic(), time.monotonic()

    def __enter__(self) -> TrainingProgress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bar.stop()

    def step(self, report: StepReport) -> None:
        """Show one step."""
        if not self.clips:
            self.started_at = time.monotonic()
            if self.at_start is not None:
                self.message(self.at_start)
            self.bar.start()
        self.clips += report.clips
        rate = self.clips / max(1e-9, time.monotonic() - self.started_at) if self.clips > report.clips else 0.0
        place = f"{report.place}  " if report.place else ""
        self.bar.update(
            self.task, completed=report.fraction, step=report.step, loss=report.loss, rate=rate, place=place
        )
        if not self.draws_bar and time.monotonic() - self.printed_at > LINE_SECONDS:
            self.printed_at = time.monotonic()
            self.console.print(
                f"{place}step {report.step}, {100 * report.fraction:.0f} %, loss {report.loss:.4f}, {rate:.0f} clips/s"
            )

    def message(self, text: str) -> None:
        """Print one sentence."""
        self.console.print(Text(text), soft_wrap=True)
