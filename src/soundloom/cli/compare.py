"""`soundloom compare`: several models against the same sounds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from soundloom.cli.options import Embeddings, Json, Options, Seed, Where
from soundloom.cli.reporting import evaluate_and_report


def compare(
    candidates: Annotated[
        list[str], typer.Argument(metavar="MODEL... FOLDER", help="Models, baseline:NAME; then the folder of sounds.")
    ],
    out: Annotated[Path | None, typer.Option(help="Where to write. Default: out/compare-MODELS.")] = None,
    count: Annotated[int, typer.Option("--count", "-n", help="How many sounds of each.")] = 500,
    seed: Seed = 0,
    where: Where = [],  # noqa: B006
    embedding: Embeddings = [],  # noqa: B006
    options: Options = [],  # noqa: B006
    seconds: Annotated[float | None, typer.Option(help="Length to compare. Default: the shortest model's.")] = None,
    baseline_minutes: Annotated[
        float,
        typer.Option("--baseline-minutes", "--course-minutes", help="To train a baseline:SYSTEM:PRESET, once."),
    ] = 10.0,
    as_json: Json = False,
) -> None:
    """Compare models side by side on equal terms: sorted, with intervals, speed and size, in one report.

    baseline:pca, baseline:mixture, baseline:nearest and baseline:SYSTEM:PRESET can be named like models.
    """
    if len(candidates) < 2:
        raise ValueError("name at least one model and, last, the folder of sounds to compare with")
    *names, folder = candidates
    settings: dict[str, Any] = {"seconds": seconds, "baseline_minutes": baseline_minutes}
    evaluate_and_report(
        names, Path(folder), out, "compare", as_json,
        count=count, seed=seed, where=where, embeddings=embedding, options=options, **settings,
    )  # fmt: skip
