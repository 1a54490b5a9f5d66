"""The state of a training while it runs, and how it ended."""

from __future__ import annotations

import shlex
import time
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from soundloom.cli.display.progress import LINE_SECONDS
from soundloom.cli.display.units import duration

if TYPE_CHECKING:
    from soundloom.training.loop import Outcome
    from soundloom.training.validation import Measurement
    from soundloom.training.watcher import StepReport


class TrainingDisplay:
    """Watches a training: a bar with loss, clips per second and time left; without a terminal a line now and then."""

    def __init__(self, run: Path, again: str, quiet: bool) -> None:
        self.run, self.again = run, again
        self.console = Console(stderr=True, quiet=quiet)
        columns = (
            TextColumn("{task.fields[place]}step {task.fields[step]}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %  loss {task.fields[loss]:.4f}  {task.fields[rate]:.0f} clips/s"),
            TimeElapsedColumn(),
            TimeRemainingColumn(elapsed_when_finished=True),
        )
        self.bar = Progress(
            *columns, console=self.console, transient=True, disable=quiet or not self.console.is_terminal
        )
        self.task = self.bar.add_task("training", total=1.0, step=0, loss=0.0, rate=0.0, place="")
        self.clips, self.started_at, self.printed_at = 0, time.monotonic(), time.monotonic()

    def __enter__(self) -> TrainingDisplay:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bar.stop()

    def step(self, report: StepReport) -> None:
        if not self.clips:
            self.started_at = time.monotonic()
            self.message(f"training into {self.run}; Ctrl-C saves and stops, then go on with: {self.again}")
            self.bar.start()
        self.clips += report.clips
        rate = self.clips / max(1e-9, time.monotonic() - self.started_at) if self.clips > report.clips else 0.0
        place = f"{report.place}  " if report.place else ""
        self.bar.update(
            self.task, completed=report.fraction, step=report.step, loss=report.loss, rate=rate, place=place
        )
        if not self.console.is_terminal and time.monotonic() - self.printed_at > LINE_SECONDS:
            self.printed_at = time.monotonic()
            self.console.print(
                f"{place}step {report.step}, {100 * report.fraction:.0f} %, loss {report.loss:.4f}, {rate:.0f} clips/s"
            )

    def message(self, text: str) -> None:
        self.console.print(Text(text), soft_wrap=True)


def training_summary(outcome: Outcome, again: str) -> dict[str, Any]:
    """How a training ended, and what to do next."""
    from soundloom.training.validation import BEST

    done = f"trained {outcome.steps} steps in {duration(outcome.seconds)}"
    if not outcome.steps:
        done += " (all the time went into preparing: give more --minutes, and go on with --resume)"
    if outcome.best and outcome.last:
        done += f"; distance to the held-out sounds {outcome.last.distance.value:.0f}"
        if outcome.best.step < outcome.last.step:
            done += f" ({outcome.best.distance.value:.0f} at step {outcome.best.step}, kept in {outcome.run / BEST})"
    generate = shlex.join(["soundloom", "generate", str(outcome.run)])
    if outcome.finished:
        next_move = f"{done}; now: {generate}"
    else:
        next_move = f"{done}, then stopped and saved; go on with: {again}, or: {generate}"
    return {
        "run": str(outcome.run),
        "steps": outcome.steps,
        "seconds": round(outcome.seconds, 1),
        "finished": outcome.finished,
        "losses": outcome.losses,
        "held_out": outcome.held_out,
        "best": _distance(outcome.best),
        "last": _distance(outcome.last),
        "next": next_move,
    }


def _distance(found: Measurement | None) -> dict[str, Any] | None:
    return None if found is None else {"step": found.step, "distance": found.distance.value}
