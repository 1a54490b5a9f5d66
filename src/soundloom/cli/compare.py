"""`soundloom compare`: several models against the same sounds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from soundloom.cli.options import Embeddings, Json, Options, Where
from soundloom.cli.reporting import evaluate_and_report


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
    evaluate_and_report(
        names, Path(folder), out, "compare", as_json,
        count=count, seed=seed, where=where, embeddings=embedding, options=options, **settings,
    )  # fmt: skip
