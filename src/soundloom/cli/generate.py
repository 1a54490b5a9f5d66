"""`soundloom generate`: make new sounds."""

from __future__ import annotations

import secrets
import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from soundloom.cli.assignments import pairs, values
from soundloom.cli.errors import complain
from soundloom.cli.options import MOST_SEED, PHASES, Jobs, Json, Options
from soundloom.cli.output import print_json

if TYPE_CHECKING:
    from soundloom.generation import Model, Request
    from soundloom.generation.writing import Rendered


def generate(
    model: Annotated[str | None, typer.Argument(help="A shipped model's name or a run folder.")] = None,
    count: Annotated[int | None, typer.Option("--count", "-n", help="How many. Default: 8, with --sweep 1.")] = None,
    out: Annotated[Path | None, typer.Option(help="Where to write. Default: out/MODEL-SEED.")] = None,
    seconds: Annotated[float | None, typer.Option(help="Length of each. Default: the model's own.")] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, max=MOST_SEED, help="Same seed, same bytes. Default: drawn and printed.")
    ] = None,
    temperature: Annotated[float, typer.Option(help="Variety: 1 is the model's own, less is safer.")] = 1.0,
    conditions: Annotated[
        list[str], typer.Option("--with", metavar="NAME=VALUE", help="Ask for a condition: --with kind=snare.")
    ] = [],  # noqa: B006
    sweep: Annotated[
        str | None,
        typer.Option(metavar="NAME=FIRST:LAST:STEPS", help="Make each sound again at every step of one number."),
    ] = None,
    prompt: Annotated[Path | None, typer.Option(help="A sound to continue; its samples are kept.")] = None,
    like: Annotated[
        list[str], typer.Option("--like", help="A sound to vary; given twice, a path from one to the other.")
    ] = [],  # noqa: B006
    distance: Annotated[float, typer.Option(help="How far variations go: 0 is the sound itself, 1 is far.")] = 0.5,
    options: Options = [],  # noqa: B006
    phase: Annotated[str | None, typer.Option(help=f"How a spectrogram becomes sound: {PHASES}")] = None,
    format: Annotated[
        Literal["wav", "flac", "ogg", "opus", "mp3", "aiff"], typer.Option(help="Format of the files.")
    ] = "wav",
    picture: Annotated[bool, typer.Option(help="Draw the first 16 spectrograms into one PNG.")] = True,
    replace: Annotated[bool, typer.Option("--replace", help="Replace the sounds of another request in --out.")] = False,
    again: Annotated[Path | None, typer.Option(help="Repeat a request.json: the same bytes.")] = None,
    jobs: Jobs = None,
    as_json: Json = False,
) -> None:
    """Make new sounds: free, to order (--with), continuing a prompt (--prompt), or like a given sound (--like)."""
    from soundloom.checkpoints.checkpoint import locate

    if model is not None:
        locate(model)  # before anything that takes long to import
    elif again is None:
        raise ValueError("name a model, such as drums; `soundloom models` lists the shipped ones")
    from soundloom.conditions.sweep import Sweep
    from soundloom.generation import Request, load
    from soundloom.generation.writing import render
    from soundloom.runtime.progress_bar import seconds_of_sound, show_progress
    from soundloom.runtime.signals import stop_signals

    if again is not None:
        given = (count is not None, temperature != 1, distance != 0.5, format != "wav", conditions, like, options)
        if any(given) or any(option is not None for option in (seconds, seed, prompt, phase, sweep)):
            raise ValueError(
                "--again repeats a request as it was, so it goes with --out, --replace, --jobs and a model alone; "
                "leave the others out, or leave --again out"
            )
        source, loaded, coding, request, remarks = _repeated(again, model)
    else:
        source, coding = str(model), str(format)
        request = Request(
            count=count if count is not None else 1 if sweep else 8,
            seconds=seconds,
            conditions={**pairs(conditions, "--with")},  # as text: the model knows what is a number
            prompt=None if prompt is None else str(prompt),
            like=tuple(like),
            distance=distance,
            temperature=temperature,
            seed=secrets.randbelow(100_000) if seed is None else seed,
            options=values(options, "--option"),
            phase=phase,
            sweep=None if sweep is None else Sweep.read(sweep),
        )
        loaded = load(source)
        remarks = [f"seed {request.seed}, drawn: the same seed makes the same sounds"] if seed is None else []
    work = "generating (Ctrl-C keeps what is done)"
    with stop_signals() as stop, show_progress(work, as_json, seconds_of_sound) as progress:
        done = render(
            loaded,
            request,
            out or Path("out") / f"{loaded.name}-{request.seed}",
            format=coding,
            picture=picture,
            replace=replace,
            jobs=jobs,
            called=source,
            on_progress=progress,
            stop=stop,
        )
    remarks.extend(done.remarks)
    if as_json:
        print_json({**_summary(done), "seed": request.seed, "remarks": remarks})
    else:
        _print_summary(done, remarks, request.seconds or loaded.seconds)
    if done.stopped:
        raise typer.Exit(complain(f"stopped: {done.stopped}{_how_to_finish(done)}", 1))


def _repeated(again: Path, model: str | None) -> tuple[str, Model, str, Request, list[str]]:
    """The model's name, the model, the file format and the request of an earlier call, and remarks on it.

    Raises:
        ValueError: the model is not the one that the request was made with.
    """
    from soundloom.generation import load
    from soundloom.generation.sidecar import read_request
    from soundloom.runtime.files import printable

    source, digest, coding, request, was_stopped = read_request(again)
    source = model or source
    loaded = load(source)
    if loaded.digest != digest:
        raise ValueError(
            f"{source} is not the model that made {again} (digest {loaded.digest}, not {digest}), so the sounds "
            f"would differ; name the model it was made with, or make new sounds without --again"
        )
    request = replace(request, options=loaded.system.current_options(request.options))
    stopped = f"{printable(again)} was stopped before its sounds were done; here all are made whole"
    return source, loaded, coding, request, [stopped] if was_stopped else []


def _how_to_finish(done: Rendered) -> str:
    """What to do about a request that was stopped after its first sounds."""
    from soundloom.runtime.files import printable

    command = shlex.join(["soundloom", "generate", "--again", printable(done.folder)])
    return f"; to have all of them whole: {command}" if done.files else ""


def _summary(done: Rendered) -> dict[str, Any]:
    """What was written, for programs."""
    return {
        "folder": str(done.folder),
        "files": [str(path) for path in done.files],
        "picture": str(done.picture) if done.picture else None,
        "stopped": bool(done.stopped),
    }


def _print_summary(done: Rendered, remarks: list[str], seconds: float) -> None:
    """What was written, for people."""
    from soundloom.runtime.files import printable

    for remark in remarks:
        typer.echo(remark)
    if done.files:
        sounds = "1 sound" if len(done.files) == 1 else f"{len(done.files)} sounds"
        length = "" if done.stopped else f" of {seconds:g} s"
        typer.echo(f"{sounds}{length} in {printable(done.folder)}")
    if done.picture:
        typer.echo(f"spectrograms: {printable(done.picture)}")
