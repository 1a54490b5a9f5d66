"""The command line: every verb with its options, from one file each."""

from __future__ import annotations

from typing import Annotated

import typer

from soundloom.cli.compare import compare
from soundloom.cli.evaluate import evaluate
from soundloom.cli.generate import generate
from soundloom.cli.models import models
from soundloom.cli.reconstruct import reconstruct
from soundloom.cli.scan import scan
from soundloom.cli.train import train

app = typer.Typer(
    name="soundloom",
    help="Train a generative model on a folder of sounds and make new sounds from it.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for verb in (scan, train, generate, reconstruct, evaluate, compare, models):
    app.command()(verb)


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
