"""`soundloom reconstruct`: hear what a representation keeps of a sound."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from soundloom.cli.options import PHASES, Json
from soundloom.cli.output import print_json


def reconstruct(
    files: Annotated[list[Path], typer.Argument(help="Sounds to encode and decode.")],
    representation: Annotated[str, typer.Option(help="What to see them as, such as mel, log, complex, if.")] = "mel",
    phase: Annotated[str | None, typer.Option(help=f"How to find a phase: {PHASES}")] = None,
    out: Annotated[Path, typer.Option(help="Where to write.")] = Path("out/reconstructed"),
    seed: Annotated[int, typer.Option(min=0, help="Of the random phase.")] = 0,
    as_json: Json = False,
) -> None:
    """Hear what a representation keeps: encode, decode, and measure the difference."""
    from soundloom.cli.display.reconstruction import reconstruction_table
    from soundloom.runtime.files import printable

    method, _, rest = (phase or "").partition(":")  # a number, or the path of a run
    ending = f"{representation}-{method}{Path(rest).name}" if method else representation
    targets, remarks = _targets(files, out, ending)
    rows = [
        _reconstruct_one(path, target, representation, phase, seed, remarks)
        for path, target in zip(files, targets, strict=True)
    ]
    if as_json:
        print_json({"representation": representation, "files": rows, "remarks": remarks})
        return
    for remark in remarks:
        typer.echo(remark)
    reconstruction_table([{**row, **{key: printable(row[key]) for key in ("file", "written")}} for row in rows])


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
