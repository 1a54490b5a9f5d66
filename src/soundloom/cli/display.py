"""What people see in a terminal: tables, progress, the state of a training. Numbers come from elsewhere."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from soundloom.data.forecast import Forecast
    from soundloom.data.index import Index
    from soundloom.training.loop import Outcome
    from soundloom.training.validation import Measurement
    from soundloom.training.watcher import StepReport

SHOWN_SKIPS = 20
SHOWN_VALUES = 12
SAID_SECONDS = 10.0  # between lines where there is no terminal to draw a bar in


def counted(done: float, everything: float) -> str:
    return f"{done:g}/{everything:g}"


def seconds_of_sound(done: float, everything: float) -> str:
    return f"{_duration(done)} of {_duration(everything)} of sound"


@contextmanager
def show_progress(
    doing: str, quiet: bool, said: Callable[[float, float], str] = counted
) -> Iterator[Callable[[float, float], None]]:
    """How far it is and the time left, on standard error: a bar on a terminal, else a line now and then.

    Yields the function that is told (done, all), by any thread; `said` puts them in words.
    """
    console = Console(stderr=True)
    if quiet:
        yield lambda done, everything: None
    elif not console.is_terminal:
        yield _Lines(doing, said, console).told
    else:
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[said]}"))
        with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as progress:
            task = progress.add_task(doing, total=None, said="")
            yield lambda done, whole: progress.update(task, completed=done, total=whole, said=said(done, whole))


class _Lines:
    """Says every few seconds how far something is."""

    def __init__(self, doing: str, said: Callable[[float, float], str], console: Console) -> None:
        self.doing, self.said, self.console = doing, said, console
        self.begun = self.said_at = time.monotonic()

    def told(self, done: float, everything: float) -> None:
        now = time.monotonic()
        if now - self.said_at < SAID_SECONDS or not 0 < done < everything:
            return
        self.said_at = now
        left = (now - self.begun) * (everything - done) / done
        line = f"{self.doing}: {self.said(done, everything)}, {_duration(left)} left"
        self.console.print(Text(line), soft_wrap=True)


@contextmanager
def show_stages(quiet: bool) -> Iterator[Callable[[str], None]]:
    """What is being done and for how long, on standard error: a spinner on a terminal, else a line for each stage."""
    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield lambda sentence: None if quiet else console.print(Text(sentence))
        return
    with Progress(SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=console) as progress:
        task = progress.add_task("beginning", total=None)
        yield lambda sentence: progress.update(task, description=escape(sentence))


def scan_table(index: Index, cost: Forecast | None) -> None:
    """Print what a scan found."""
    console = Console()
    summary = index.summary()
    facts = Table(title=Text(f"{index.folder}"), show_header=False, title_justify="left")
    lengths = summary["seconds"]
    facts.add_row("found", f"{index.found} files")
    facts.add_row("used", f"{len(index.entries)}, {_duration(lengths['total'])} in all")
    facts.add_row("skipped", f"{len(index.skipped)} ({summary['duplicates']} duplicates)")
    facts.add_row(
        "lengths", f"{lengths['shortest']:.2f} to {lengths['longest']:.2f} s, median {lengths['median']:.2f} s"
    )
    for title, key in (("rates (Hz)", "sample_rates"), ("channels", "channels"), ("formats", "formats")):
        facts.add_row(title, _counts(summary[key]))
    facts.add_row("groups", f"{summary['groups']} (a split keeps each on one side)")
    for name, label in summary["labels"].items():
        facts.add_row(Text(f"label {name}"), Text(_counts(label["values"]) or f"{label['distinct']} different values"))
    if cost is not None:
        facts.add_row("clips", f"{cost.clips}")
        facts.add_row("disk for the cache", _bytes(cost.disk_bytes))
        facts.add_row("memory", _bytes(cost.memory_bytes))
        facts.add_row("first decoding", _duration(cost.first_decode_seconds))
        facts.add_row(
            "training", f"{_duration(cost.epoch_seconds)} for each pass over the clips; 10 minutes are a start"
        )
    console.print(facts)
    if index.skipped:
        table = Table("skipped", "reason")
        for skipped in index.skipped[:SHOWN_SKIPS]:
            table.add_row(Text(skipped.path), Text(skipped.reason))
        console.print(table)
        if len(index.skipped) > SHOWN_SKIPS:
            console.print(f"and {len(index.skipped) - SHOWN_SKIPS} more; --json lists them all")
    for note in index.notes:
        console.print(Text(f"note: {note}"))


def descriptor_table(described: Mapping[str, Mapping[str, str | float]]) -> None:
    """Print where the descriptors of clips lie, as `soundloom.descriptors.summary` gives them; nothing for none."""
    if not described:
        return
    table = Table("descriptor", "unit", "1 %", "median", "99 %", "says")
    for name, row in described.items():
        table.add_row(
            name, str(row["unit"]), *(f"{row[key]:.3g}" for key in ("1 %", "median", "99 %")), str(row["says"])
        )
    Console().print(table)


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
        self.clips, self.begun, self.said_at = 0, time.monotonic(), time.monotonic()

    def __enter__(self) -> TrainingDisplay:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bar.stop()

    def step(self, report: StepReport) -> None:
        if not self.clips:
            self.begun = time.monotonic()
            self.message(f"training into {self.run}; Ctrl-C saves and stops, then go on with: {self.again}")
            self.bar.start()
        self.clips += report.clips
        rate = self.clips / max(1e-9, time.monotonic() - self.begun) if self.clips > report.clips else 0.0
        place = f"{report.place}  " if report.place else ""
        self.bar.update(
            self.task, completed=report.fraction, step=report.step, loss=report.loss, rate=rate, place=place
        )
        if not self.console.is_terminal and time.monotonic() - self.said_at > SAID_SECONDS:
            self.said_at = time.monotonic()
            self.console.print(
                f"{place}step {report.step}, {100 * report.fraction:.0f} %, loss {report.loss:.4f}, {rate:.0f} clips/s"
            )

    def message(self, text: str) -> None:
        self.console.print(Text(text), soft_wrap=True)


def training_summary(outcome: Outcome, again: str) -> dict[str, Any]:
    """How a training ended, and what to do next."""
    from soundloom.training.validation import BEST

    done = f"trained {outcome.steps} steps in {_duration(outcome.seconds)}"
    if not outcome.steps:
        done += " (all the time went into preparing: give more --minutes, and go on with --resume)"
    if outcome.best and outcome.last:
        done += f"; distance to the held-out sounds {outcome.last.distance.value:.0f}"
        if outcome.best.step < outcome.last.step:
            done += f" ({outcome.best.distance.value:.0f} at step {outcome.best.step}, kept in {outcome.run / BEST})"
    hear = shlex.join(["soundloom", "generate", str(outcome.run)])
    if outcome.finished:
        following = f"{done}; now: {hear}"
    else:
        following = f"{done}, then stopped and saved; go on with: {again}, or: {hear}"
    return {
        "run": str(outcome.run),
        "steps": outcome.steps,
        "seconds": round(outcome.seconds, 1),
        "finished": outcome.finished,
        "losses": outcome.losses,
        "held_out": outcome.held_out,
        "best": _measured(outcome.best),
        "last": _measured(outcome.last),
        "next": following,
    }


def _measured(found: Measurement | None) -> dict[str, Any] | None:
    return None if found is None else {"step": found.step, "distance": found.distance.value}


def reconstruction_table(rows: Sequence[dict[str, Any]]) -> None:
    """Print what a representation kept of each file."""
    table = Table("file", "spectral convergence (dB)", "log-spectral distance (dB)", "written to")
    for row in rows:
        measured = (f"{row['spectral_convergence_db']:.1f}", f"{row['log_spectral_distance_db']:.1f}")
        table.add_row(Text(row["file"]), *measured, Text(row["written"]))
    Console().print(table)


def models_table(found: Sequence[dict[str, Any]]) -> None:
    """Print the shipped models."""
    table = Table("model", "makes", "conditions", "size", "data and licence")
    for entry in found:
        sizes = f"{entry['megabytes']} MB\n{entry['seconds']:g} s at {entry['sample_rate']} Hz"
        if entry["longest_seconds"] > entry["seconds"]:
            sizes += f"\nup to {_duration(entry['longest_seconds'])}"
        asked = "\n".join(entry["conditions"].values()) or "none"
        table.add_row(entry["name"], entry["makes"], asked, sizes, f"{entry['data']}; weights {entry['licence']}")
    Console().print(table)


def _counts(counts: dict[Any, int]) -> str:
    shown = [f"{value} ({count})" for value, count in list(counts.items())[:SHOWN_VALUES]]
    more = len(counts) - SHOWN_VALUES
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} minutes" if seconds < 7200 else f"{seconds / 3600:.1f} hours"


def _bytes(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"
