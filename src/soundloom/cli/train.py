"""`soundloom train`: train a model on a folder of sounds."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import Annotated, Literal

import typer

from soundloom.cli.assignments import filters
from soundloom.cli.options import MOST_SEED, Json, Settings, Where
from soundloom.cli.output import print_json


def train(
    system: Annotated[str, typer.Argument(help="The model family, such as vae.")],
    folder: Annotated[Path, typer.Argument(help="The folder of sounds.")],
    out: Annotated[Path | None, typer.Option(help="The run folder. Default: runs/SYSTEM-FOLDER.")] = None,
    preset: Annotated[
        str | None, typer.Option(help="Named settings. Default: the system's, which suit any sounds.")
    ] = None,
    start_from: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="MODEL",
            help="Start from the weights of a trained model: a shipped one's name, or a run folder.",
        ),
    ] = None,
    minutes: Annotated[float | None, typer.Option(help="How long to train; the schedule adapts. Default: 10.")] = None,
    steps: Annotated[int | None, typer.Option(help="Train for so many steps instead.")] = None,
    settings: Settings = [],  # noqa: B006
    where: Where = [],  # noqa: B006
    condition: Annotated[
        list[str], typer.Option("--condition", help="A label to condition on. Default: the preset's.")
    ] = [],  # noqa: B006
    labels: Annotated[
        list[str],
        typer.Option(
            "--label",
            metavar="DESCRIPTOR",
            help="Measure brightness, depth, ... in the clips, to be asked for from 0 to 1; timbre: all seven.",
        ),
    ] = [],  # noqa: B006
    seed: Annotated[int, typer.Option(min=0, max=MOST_SEED, help="Of weights, order and draws.")] = 0,
    precision: Annotated[
        Literal["auto", "float32", "bfloat16"], typer.Option(help="auto measures which is faster here.")
    ] = "auto",
    device: Annotated[
        Literal["auto", "cpu", "cuda"],
        typer.Option(help="auto is the first CUDA GPU where there is one, else the CPU."),
    ] = "auto",
    held_out: Annotated[float, typer.Option(help="Share of the clips that is held out, by whole groups.")] = 0.1,
    preview_seconds: Annotated[float, typer.Option(help="Seconds between previews; 0 makes none.")] = 120.0,
    validation_count: Annotated[
        int, typer.Option(help="Sounds of each preview that are measured against held-out ones; 0 measures none.")
    ] = 192,
    judge_count: Annotated[int | None, typer.Option("--judge-count", hidden=True)] = None,  # its name until 0.1
    save_seconds: Annotated[float, typer.Option(help="Seconds between saves.")] = 30.0,
    tensorboard: Annotated[bool, typer.Option("--tensorboard", help="Log for TensorBoard too.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the run in --out.")] = False,
    as_json: Json = False,
) -> None:
    """Train a model on a folder of sounds. Ctrl-C saves and stops; --resume continues."""
    from soundloom.cli.display.training import training_summary
    from soundloom.descriptors import named
    from soundloom.systems.discovery import system_named
    from soundloom.training import train as train_model
    from soundloom.training.progress_bar import TrainingProgress

    system_named(system)  # refuses an unknown name before anything that takes long to import
    if resume and (preset or start_from or settings or where or condition or labels):
        raise ValueError(
            "--resume goes on under the settings that the run began with; leave --preset, --from, --set, --where, "
            "--condition and --label out, or train into another --out"
        )
    named(labels)
    run = out or Path("runs") / f"{system}-{folder.resolve().name}"
    if minutes is None and steps is None and not resume:
        minutes = 10.0
    again = shlex.join(["soundloom", "train", system, str(folder), "--out", str(run), "--resume"])
    at_start = f"training into {run}; Ctrl-C saves and stops, then go on with: {again}"
    with TrainingProgress(at_start, quiet=as_json) as watcher:
        outcome = train_model(
            system,
            folder,
            out=run,
            preset=preset,
            start_from=start_from,
            minutes=minutes,
            steps=steps,
            set=settings,
            where=filters(where),
            conditions=condition or None,
            labels=labels,
            seed=seed,
            resume=resume,
            watcher=watcher,
            precision=precision,
            device=device,
            held_out=held_out,
            preview_seconds=preview_seconds,
            validation_count=validation_count if judge_count is None else judge_count,
            save_seconds=save_seconds,
            tensorboard=tensorboard,
        )
    if int(os.environ.get("RANK", "0")) == 0:
        summary = training_summary(outcome, again)
        if as_json:
            print_json(summary)
        else:
            typer.echo(summary["next"])
