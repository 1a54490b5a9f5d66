"""Options that several verbs take, with their help."""

from __future__ import annotations

from typing import Annotated

import typer

MOST_SEED = 2**63 - 1  # 64 bits with a sign, which is what every generator takes
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output, and nothing else there.")]
Where = Annotated[
    list[str],
    typer.Option("--where", metavar="LABEL=VALUE", help="Use only files whose label has this value; '' for all files."),
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
Seed = Annotated[int, typer.Option(min=0, max=MOST_SEED, help="Of everything that is drawn.")]
