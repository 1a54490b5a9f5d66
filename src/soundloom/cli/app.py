"""The command: one function per verb. Heavy imports happen inside, so that help and errors come at once."""

from __future__ import annotations

import os
import secrets
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from soundloom.generation.writing import Rendered

STOPPED = 130  # what some versions of typer make of Ctrl-C, instead of handing it on

app = typer.Typer(
    name="soundloom",
    help="Train a generative model on a folder of sounds and make new sounds from it.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output, and nothing else there.")]
Where = Annotated[
    list[str], typer.Option("--where", metavar="LABEL=VALUE", help="Use only files whose label has this value.")
]
Settings = Annotated[list[str], typer.Option("--set", metavar="KEY=VALUE", help="Change a setting of the preset.")]
Options = Annotated[
    list[str],
    typer.Option("--option", metavar="NAME=VALUE", help="A sampling setting of the system, such as prior=normal."),
]
Embeddings = Annotated[
    list[str],
    typer.Option("--embedding", metavar="NAME", help="In addition to reference and log-mel. Default: those at hand."),
]
PHASES = "pghi, griffin-lim:60, pghi+griffin-lim:60 or wavenet:RUN, a vocoder that you trained."
Jobs = Annotated[int | None, typer.Option(min=1, help="Threads; the bytes do not depend on it.")]


@app.callback(invoke_without_command=True)
def version(
    context: typer.Context,
    show: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if show:
        from soundloom import __version__

        typer.echo(f"soundloom {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        raise typer.Exit


@app.command()
def scan(
    folder: Annotated[Path, typer.Argument(help="The folder of sounds.")],
    where: Where = [],  # noqa: B006 - typer reads it, nobody changes it
    sample_rate: Annotated[int, typer.Option(min=1, help="Predict the cost of clips at this rate (Hz).")] = 22050,
    seconds: Annotated[float, typer.Option(help="Predict the cost of clips of this length.")] = 1.0,
    cut: Annotated[
        Literal["start", "windows"],
        typer.Option(help="Predict one clip from the start of each file, or windows over all of it."),
    ] = "start",
    labels: Annotated[
        list[str],
        typer.Option(
            "--label", metavar="DESCRIPTOR", help="Measure brightness, depth, ... in clips; timbre: all seven."
        ),
    ] = [],  # noqa: B006
    as_json: Json = False,
) -> None:
    """What training would use, what not and why, and what it would cost."""
    from dataclasses import asdict

    from soundloom.cli.display import descriptor_table, scan_table, show_progress
    from soundloom.data.clips import open_clips
    from soundloom.data.cut import ClipSettings
    from soundloom.data.forecast import forecast
    from soundloom.data.scan import scan as scan_folder
    from soundloom.descriptors import named, summary
    from soundloom.runtime.processors import available_processors

    asked, settings = named(labels), ClipSettings(sample_rate, seconds, cut=cut)
    with show_progress("scanning", quiet=as_json) as progress:
        index = scan_folder(folder, where=_pairs(where, "--where"), progress=progress)
    cost = forecast(index, settings, processors=available_processors())
    described = {}
    if asked:
        with show_progress("cutting clips", quiet=as_json) as progress:
            clips = open_clips(index, settings, progress=progress)
        with show_progress("measuring clips", quiet=as_json) as progress:
            described = summary(clips.measure(asked, progress=progress).measured)
    if as_json:
        _print_json({**index.to_json(), "forecast": asdict(cost), "descriptors": described})
    else:
        scan_table(index, cost)
        descriptor_table(described)


@app.command()
def train(
    system: Annotated[str, typer.Argument(help="The model family, such as vae.")],
    folder: Annotated[Path, typer.Argument(help="The folder of sounds.")],
    out: Annotated[Path | None, typer.Option(help="The run folder. Default: runs/SYSTEM-FOLDER.")] = None,
    preset: Annotated[str | None, typer.Option(help="Named settings. Default: the system's, for any sounds.")] = None,
    minutes: Annotated[float | None, typer.Option(help="Stop after so long; the schedule adapts. Default: 10.")] = None,
    steps: Annotated[int | None, typer.Option(help="Stop after so many steps instead.")] = None,
    settings: Settings = [],  # noqa: B006
    where: Where = [],  # noqa: B006
    condition: Annotated[
        list[str], typer.Option("--condition", help="A label that the model can be asked for. Default: the preset's.")
    ] = [],  # noqa: B006
    labels: Annotated[
        list[str],
        typer.Option(
            "--label",
            metavar="DESCRIPTOR",
            help="Measure brightness, depth, ... in the clips, to be asked for from 0 to 1; timbre: all seven.",
        ),
    ] = [],  # noqa: B006
    seed: Annotated[int, typer.Option(min=0, help="Another seed, another model.")] = 0,
    precision: Annotated[
        Literal["auto", "float32", "bfloat16"], typer.Option(help="auto measures which is faster here.")
    ] = "auto",
    held_out: Annotated[
        float, typer.Option(help="Share of the clips, by whole groups, that is never trained on.")
    ] = 0.1,
    preview_seconds: Annotated[float, typer.Option(help="Time between previews; 0 makes none.")] = 120.0,
    validation_count: Annotated[
        int, typer.Option(help="Sounds of each preview that are measured against held-out ones; 0 measures none.")
    ] = 192,
    save_seconds: Annotated[float, typer.Option(help="Time between saves.")] = 30.0,
    tensorboard: Annotated[bool, typer.Option("--tensorboard", help="Log for TensorBoard too.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in --out.")] = False,
    as_json: Json = False,
) -> None:
    """Train a model on a folder of sounds; Ctrl-C saves, --resume goes on."""
    from soundloom.cli.display import TrainingDisplay, training_summary
    from soundloom.descriptors import named
    from soundloom.systems.discovery import system_named
    from soundloom.training import train as train_model

    system_named(system)  # a name that is wrong is said before anything that takes long to import
    if resume and (preset or settings or where or condition or labels):
        raise ValueError(
            "--resume goes on under the settings that the run began with; leave --preset, --set, --where, --condition "
            "and --label out, or train afresh into another --out"
        )
    named(labels)
    run = out or Path("runs") / f"{system}-{folder.resolve().name}"
    if minutes is None and steps is None and not resume:
        minutes = 10.0
    again = shlex.join(["soundloom", "train", system, str(folder), "--out", str(run), "--resume"])
    with TrainingDisplay(run, again, quiet=as_json) as watcher:
        outcome = train_model(
            system,
            folder,
            out=run,
            preset=preset,
            minutes=minutes,
            steps=steps,
            set=settings,
            where=_pairs(where, "--where"),
            conditions=condition or None,
            labels=labels,
            seed=seed,
            resume=resume,
            watcher=watcher,
            precision=precision,
            held_out=held_out,
            preview_seconds=preview_seconds,
            validation_count=validation_count,
            save_seconds=save_seconds,
            tensorboard=tensorboard,
        )
    if int(os.environ.get("RANK", "0")) == 0:
        summary = training_summary(outcome, again)
        if as_json:
            _print_json(summary)
        else:
            typer.echo(summary["next"])


@app.command()
def generate(
    model: Annotated[str | None, typer.Argument(help="A shipped model's name or a run folder.")] = None,
    count: Annotated[int | None, typer.Option("--count", "-n", help="How many. Default: 8, with --sweep 1.")] = None,
    out: Annotated[Path | None, typer.Option(help="Where to write. Default: out/MODEL-SEED.")] = None,
    seconds: Annotated[float | None, typer.Option(help="Length of each. Default: the model's own.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Same seed, same bytes. Default: drawn, and said.")] = None,
    temperature: Annotated[float, typer.Option(help="1: the model's own variety; less is safer.")] = 1.0,
    conditions: Annotated[
        list[str], typer.Option("--with", metavar="NAME=VALUE", help="Ask for a condition: --with kind=snare.")
    ] = [],  # noqa: B006
    sweep: Annotated[
        str | None,
        typer.Option(metavar="NAME=FIRST:LAST:STEPS", help="Make each sound anew at every step of one number."),
    ] = None,
    prompt: Annotated[Path | None, typer.Option(help="A sound to carry on from; its samples stay.")] = None,
    like: Annotated[
        list[str], typer.Option("--like", help="A sound to vary; given twice, a path from one to the other.")
    ] = [],  # noqa: B006
    distance: Annotated[float, typer.Option(help="How far variations go: 0 the sound itself, 1 far.")] = 0.5,
    options: Options = [],  # noqa: B006
    phase: Annotated[str | None, typer.Option(help=f"How a spectrogram becomes sound: {PHASES}")] = None,
    format: Annotated[Literal["wav", "flac", "ogg", "opus", "mp3", "aiff"], typer.Option(help="Of the files.")] = "wav",
    picture: Annotated[bool, typer.Option(help="Draw the first 16 spectrograms into one PNG.")] = True,
    replace: Annotated[
        bool, typer.Option("--replace", help="Put new sounds in the place of those of another request in --out.")
    ] = False,
    again: Annotated[Path | None, typer.Option(help="Repeat a request.json: the same bytes.")] = None,
    jobs: Jobs = None,
    as_json: Json = False,
) -> None:
    """Make new sounds: on their own, to order (--with), carrying on (--prompt), or like a given one (--like)."""
    from soundloom.checkpoints.checkpoint import locate

    if model is not None:
        locate(model)  # before anything that takes long to import
    elif again is None:
        raise ValueError("name a model, such as drums; `soundloom models` lists those that come along")
    from soundloom.cli.display import seconds_of_sound, show_progress
    from soundloom.conditions.sweep import Sweep
    from soundloom.generation import Request, load
    from soundloom.generation.writing import read_request, render
    from soundloom.runtime.files import printable
    from soundloom.runtime.signals import stop_signals

    remarks: list[str] = []
    coding: str = format
    if again is not None:
        given = (count is not None, temperature != 1, distance != 0.5, format != "wav", conditions, like, options)
        if any(given) or any(wish is not None for wish in (seconds, seed, prompt, phase, sweep)):
            raise ValueError(
                "--again repeats a request as it was, so it goes with --out, --replace, --jobs and a model alone; "
                "leave the others out, or ask anew without --again"
            )
        named, digest, coding, request, was_stopped = read_request(again)
        source = model or named
        loaded = load(source)
        if loaded.digest != digest:
            raise ValueError(
                f"{source} is not the model that made {again} (digest {loaded.digest}, not {digest}), so the sounds "
                f"would differ; name the model it was made with, or ask anew without --again"
            )
        if was_stopped:
            remarks.append(f"{printable(again)} was stopped before its sounds were done; here all are made whole")
    else:
        source = str(model)
        chosen = secrets.randbelow(100_000) if seed is None else seed
        request = Request(
            count=count if count is not None else 1 if sweep else 8,
            seconds=seconds,
            conditions=_values(conditions, "--with"),
            prompt=None if prompt is None else str(prompt),
            like=tuple(like),
            distance=distance,
            temperature=temperature,
            seed=chosen,
            options=_values(options, "--option"),
            phase=phase,
            sweep=None if sweep is None else Sweep.read(sweep),
        )
        loaded = load(source)
        if seed is None:
            remarks.append(f"seed {chosen}, drawn: the same seed makes the same sounds")
    target = out or Path("out") / f"{loaded.name}-{request.seed}"
    doing = "generating (Ctrl-C keeps what is done)"
    with stop_signals() as stop, show_progress(doing, as_json, seconds_of_sound) as progress:
        done = render(
            loaded,
            request,
            target,
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
        _print_json({**_rendered(done), "seed": request.seed, "remarks": remarks})
    else:
        _tell_rendered(done, remarks, request.seconds or loaded.seconds)
    if done.stopped:
        again_so = shlex.join(["soundloom", "generate", "--again", printable(target)])
        whole = f"; to have all of them whole: {again_so}" if done.files else ""
        raise typer.Exit(_complain(f"stopped: {done.stopped}{whole}", 1))


def _rendered(done: Rendered) -> dict[str, Any]:
    """What was written, for programs."""
    return {
        "folder": str(done.folder),
        "files": [str(path) for path in done.files],
        "picture": str(done.picture) if done.picture else None,
        "stopped": bool(done.stopped),
    }


def _tell_rendered(done: Rendered, remarks: list[str], seconds: float) -> None:
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


@app.command()
def reconstruct(
    files: Annotated[list[Path], typer.Argument(help="Sounds to encode and decode.")],
    representation: Annotated[str, typer.Option(help="What to see them as, such as mel, log, complex, if.")] = "mel",
    phase: Annotated[str | None, typer.Option(help=f"How to find a phase: {PHASES}")] = None,
    out: Annotated[Path, typer.Option(help="Where to write.")] = Path("out/reconstructed"),
    seed: Annotated[int, typer.Option(min=0, help="Of the random phase.")] = 0,
    as_json: Json = False,
) -> None:
    """Hear what a representation keeps: encode, decode, and measure the difference."""
    from soundloom.cli.display import reconstruction_table
    from soundloom.runtime.files import printable

    method, _, rest = (phase or "").partition(":")  # a number, or the path of a run
    ending = f"{representation}-{method}{Path(rest).name}" if method else representation
    targets, remarks = _targets(files, out, ending)
    rows = [
        _reconstruct_one(path, target, representation, phase, seed, remarks)
        for path, target in zip(files, targets, strict=True)
    ]
    if as_json:
        _print_json({"representation": representation, "files": rows, "remarks": remarks})
        return
    for remark in remarks:
        typer.echo(remark)
    reconstruction_table([{**row, **{key: printable(row[key]) for key in ("file", "written")}} for row in rows])


@app.command()
def evaluate(
    model: Annotated[str, typer.Argument(help="A shipped model's name, a run folder, or a folder of made sounds.")],
    folder: Annotated[Path, typer.Argument(help="The sounds it was trained on, with those held out; or others.")],
    out: Annotated[Path | None, typer.Option(help="Where to write. Default: out/evaluate-MODEL.")] = None,
    count: Annotated[int, typer.Option("--count", "-n", help="How many sounds to make and judge.")] = 500,
    seed: Annotated[int, typer.Option(min=0, help="Of all that is drawn.")] = 0,
    where: Where = [],  # noqa: B006
    embedding: Embeddings = [],  # noqa: B006
    options: Options = [],  # noqa: B006
    as_json: Json = False,
) -> None:
    """Judge a model on sounds it has not seen: distances, copies, obedience, in one HTML report and a JSON file."""
    _verdict(
        [model], folder, out, "evaluate", as_json, count=count, seed=seed, where=where, embeddings=embedding,
        options=options,
    )  # fmt: skip


@app.command()
def compare(
    contenders: Annotated[
        list[str], typer.Argument(metavar="MODEL... FOLDER", help="Models, baseline:NAME; then the folder of sounds.")
    ],
    out: Annotated[Path | None, typer.Option(help="Where to write. Default: out/compare-MODELS.")] = None,
    count: Annotated[int, typer.Option("--count", "-n", help="How many sounds each makes.")] = 500,
    seed: Annotated[int, typer.Option(min=0, help="Of all that is drawn.")] = 0,
    where: Where = [],  # noqa: B006
    embedding: Embeddings = [],  # noqa: B006
    options: Options = [],  # noqa: B006
    seconds: Annotated[float | None, typer.Option(help="Length to compare. Default: the shortest model's.")] = None,
    course_minutes: Annotated[float, typer.Option(help="To train baseline:course, once.")] = 10.0,
    as_json: Json = False,
) -> None:
    """Judge models side by side on the same terms: sorted, with intervals, speed and size, in one report.

    baseline:pca, baseline:mixture, baseline:nearest and baseline:course can be named like models.
    """
    if len(contenders) < 2:
        raise ValueError("name at least one model and, last, the folder of sounds to judge by")
    *names, folder = contenders
    settings: dict[str, Any] = {"seconds": seconds, "course_minutes": course_minutes}
    _verdict(
        names, Path(folder), out, "compare", as_json,
        count=count, seed=seed, where=where, embeddings=embedding, options=options, **settings,
    )  # fmt: skip


def _verdict(
    names: list[str], folder: Path, out: Path | None, verb: str, as_json: bool, *, where: list[str],
    embeddings: list[str], options: list[str], **settings: Any,
) -> None:  # fmt: skip
    """Judge, write the report, show its short form."""
    from soundloom.evaluation import candidate_names as naming

    naming.check(names, folder)  # before anything that takes long to import
    from soundloom.cli.display import show_stages
    from soundloom.evaluation.comparison import compare as judge
    from soundloom.evaluation.report.console_table import show_findings
    from soundloom.evaluation.report.summary import to_json
    from soundloom.evaluation.report.writing import write_report

    plain = "-".join(name.rpartition(":")[2].rstrip("/").rpartition("/")[2] for name in names)
    target = out or Path("out") / f"{verb}-{plain}"[:120]
    _check_writable(target)
    with show_stages(quiet=as_json) as progress:
        findings = judge(
            names,
            folder,
            where=_pairs(where, "--where") if where else None,
            embeddings=embeddings or None,
            options=_values(options, "--option"),
            progress=progress,
            **settings,
        )
        progress("writing the report")
        page, data = write_report(findings, target)
    if as_json:
        _print_json({**to_json(findings), "report": str(page), "data": str(data)})
    else:
        show_findings(findings, page)


@app.command()
def models(as_json: Json = False) -> None:
    """Shipped models: what they make, their conditions, size, data and licence."""
    from soundloom.checkpoints.catalogue import catalogue
    from soundloom.cli.display import models_table

    found = catalogue()
    if as_json:
        _print_json({"models": found})
    else:
        models_table(found)


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns 0, 1 (it failed or was stopped) or 2 (asked wrongly)."""
    try:
        ended = app(arguments, prog_name="soundloom", standalone_mode=False)  # a code, where typer ends a command
    except typer.Exit as done:
        return int(done.exit_code)
    except (typer.Abort, KeyboardInterrupt):
        return _complain("stopped", 1)
    except BrokenPipeError:  # whoever read our output has enough of it
        raise
    except Exception as error:
        return _explain(error)
    return _complain("stopped", 1) if ended == STOPPED else int(ended or 0)


def _explain(error: Exception) -> int:
    """One sentence for what a user can cause; anything else is our fault and keeps its traceback."""
    usage = getattr(error, "format_message", None)  # the parser's own errors, whichever parser typer brings
    if usage is not None:
        message = str(usage())
        if message.startswith("Usage:"):
            sys.stdout.write(f"{message}\n")
            return 2
        return _complain(message if message[-1:] in "?)" else f"{message.rstrip('.')}; --help lists what there is", 2)
    if isinstance(error, ValueError):
        return _complain(str(error), 2)
    if isinstance(error, FloatingPointError):
        return _complain(str(error), 1)
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        asked_wrongly = isinstance(error, FileNotFoundError | IsADirectoryError | NotADirectoryError)
        return _complain(f"{where}{error.strerror or error}; {_next_move(error)}", 2 if asked_wrongly else 1)
    raise error


def _next_move(error: OSError) -> str:
    import errno

    moves = {
        errno.ENOSPC: "make room on the disk, then repeat the command; what was written before is whole",
        errno.EACCES: "choose a folder that you may write to, or change its rights",
        errno.EROFS: "the disk is read-only: choose another folder",
        errno.ENOENT: "check the path",
        errno.ENOTDIR: "a part of that path is a file; choose another",
        errno.EISDIR: "that is a folder; name a file",
    }
    return moves.get(error.errno or 0, "check the path and the disk, then repeat the command")


def _complain(message: str, code: int) -> int:
    sys.stderr.write(f"soundloom: {message}\n")
    return code


def _print_json(data: dict[str, Any]) -> None:
    from soundloom.runtime.files import json_text

    sys.stdout.write(json_text(data, encoding=sys.stdout.encoding or "utf-8") + "\n")


def _pairs(texts: list[str], option: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for text in texts:
        name, separator, value = (part.strip() for part in text.partition("="))
        if not separator or not name:
            raise ValueError(f"{option} {text}: write it as name=value")
        if name in pairs:
            raise ValueError(f"{option} {text}: {name} is already {pairs[name]} and takes one value; leave one out")
        pairs[name] = value
    return pairs


def _check_writable(folder: Path) -> None:
    """Find out before minutes of work whether its result can be written."""
    import errno

    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    wrong = errno.ENOTDIR if not there.is_dir() else errno.EACCES if not os.access(there, os.W_OK) else None
    if wrong:
        raise OSError(wrong, os.strerror(wrong), str(there))


def _values(texts: list[str], option: str) -> dict[str, Any]:
    """Numbers where they read as numbers; the model's schema decides what they mean."""
    values: dict[str, Any] = {}
    for name, text in _pairs(texts, option).items():
        try:
            values[name] = float(text)
        except ValueError:
            values[name] = text
    return values


def run() -> None:
    """The console script: a closed pipe ends it quietly, a full one with a sentence."""
    try:
        code = main()
        sys.stdout.flush()
    except OSError as error:
        if not isinstance(error, BrokenPipeError):
            _explain(error)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left to say has nowhere to go
        code = 1
    sys.exit(code)


def _targets(files: list[Path], out: Path, ending: str) -> tuple[list[Path], list[str]]:
    """A name of its own for what comes back from each file, and a sentence for each that had to be numbered."""
    from soundloom.runtime.files import printable

    taken = {os.path.realpath(path).casefold() for path in files}  # what was given is never written over either
    targets, remarks = [], []
    for path in files:
        first = target = out / f"{path.stem}-{ending}.wav"
        number = 1
        while os.path.realpath(target).casefold() in taken:
            number += 1
            target = first.with_name(f"{first.stem}-{number}.wav")
        taken.add(os.path.realpath(target).casefold())
        targets.append(target)
        if target != first:
            remarks.append(
                f"{printable(path)}: written as {printable(target.name)}, as {printable(first.name)} is taken"
            )
    return targets, remarks


def _reconstruct_one(
    path: Path, target: Path, representation: str, phase: str | None, seed: int, remarks: list[str]
) -> dict[str, Any]:
    """Encode and decode one file, write what comes back, and say how near it is; what is new goes to the remarks."""
    from soundloom.audio import Audio, read, write
    from soundloom.generation.reconstruct import named, reconstruct

    sound = read(path)
    result = reconstruct(sound.samples, sound.sample_rate, named(representation, sound.sample_rate), phase, seed)
    if result.remark is not None and result.remark not in remarks:
        remarks.append(result.remark)
    write(target, Audio(result.samples, sound.sample_rate))
    return {
        "file": str(path),
        "written": str(target),
        "spectral_convergence_db": result.spectral_convergence_db,
        "log_spectral_distance_db": result.log_spectral_distance_db,
    }
