"""`soundloom reconstruct`: hear what a representation keeps of a sound."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from soundloom.cli.options import PHASES, Json, Seed
from soundloom.cli.output import print_json

RECORD = "reconstruct.json"  # how the sounds beside it were made; a scan skips them


def reconstruct(
    files: Annotated[list[Path], typer.Argument(help="Sounds to encode and decode.")],
    representation: Annotated[str, typer.Option(help="How to represent them: mel, log, complex, if, ...")] = "mel",
    phase: Annotated[str | None, typer.Option(help=f"How to find a phase: {PHASES}")] = None,
    out: Annotated[Path, typer.Option(help="Where to write.")] = Path("out/reconstructed"),
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Hear what a representation keeps: encode, decode, and measure the difference."""
    from soundloom.cli.display.reconstruction import reconstruction_table
    from soundloom.runtime.files import printable

    method, _, rest = (phase or "").partition(":")  # a number, or the path of a run
    ending = f"{representation}-{method}{Path(rest).name}" if method else representation
    targets, remarks = _targets(files, out, ending)
    how = {"representation": representation, "phase": phase, "seed": seed}
    rows = []
    for path, target in zip(files, targets, strict=True):
        rows.append(_reconstruct_one(path, target, representation, phase, seed, remarks))
        _record(target, path, how)
    if as_json:
        print_json({"representation": representation, "files": rows, "remarks": remarks})
        return
    for remark in remarks:
        typer.echo(remark)
    reconstruction_table([{**row, **{key: printable(row[key]) for key in ("file", "written")}} for row in rows])


def _targets(files: list[Path], out: Path, ending: str) -> tuple[list[Path], list[str]]:
    """Where to write each result, no two at one place, and a remark for each that had to be numbered."""
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
    """Encode and decode one file, write the result and return how close it is; new remarks are appended."""
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


def _record(target: Path, source: Path, how: dict[str, Any]) -> None:
    """Note beside a result how it was made."""
    from soundloom import __version__
    from soundloom.runtime.files import printable, read_json, write_json

    path = target.parent / RECORD
    try:
        before = read_json(path)["files"]
        others = [entry for entry in before if entry["file"] != target.name]
    except (OSError, ValueError, KeyError, TypeError):  # none, or not one of ours
        others = []
    entry = {"file": target.name, "source": printable(source), **how}
    write_json(path, {"soundloom": __version__, "files": [*others, entry]})
