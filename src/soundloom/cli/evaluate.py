"""`soundloom evaluate`: compare a model with sounds that it has not seen."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from soundloom.cli.options import Embeddings, Json, Options, Seed, Where
from soundloom.cli.reporting import evaluate_and_report


def evaluate(
    model: Annotated[str, typer.Argument(help="A shipped model's name, a run folder, or a folder of made sounds.")],
    folder: Annotated[Path, typer.Argument(help="The sounds it was trained on, with those held out; or others.")],
    out: Annotated[Path | None, typer.Option(help="Where to write. Default: out/evaluate-MODEL.")] = None,
    count: Annotated[int, typer.Option("--count", "-n", help="How many sounds to generate.")] = 500,
    seed: Seed = 0,
    where: Where = [],  # noqa: B006
    embedding: Embeddings = [],  # noqa: B006
    options: Options = [],  # noqa: B006
    as_json: Json = False,
) -> None:
    """Evaluate a model on held-out sounds: distances, memorisation, conditioning accuracy; a HTML report and JSON."""
    evaluate_and_report(
        [model], folder, out, "evaluate", as_json, count=count, seed=seed, where=where, embeddings=embedding,
        options=options,
    )  # fmt: skip
