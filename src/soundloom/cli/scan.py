"""`soundloom scan`: what training would use, what not and why, and what it would cost."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from soundloom.cli.assignments import filters
from soundloom.cli.options import Json, Where
from soundloom.cli.output import print_json


def scan(
    folder: Annotated[Path, typer.Argument(help="The folder of sounds.")],
    where: Where = [],  # noqa: B006 - typer reads it and nothing changes it
    sample_rate: Annotated[int, typer.Option(min=1, help="Predict the cost of clips at this rate (Hz).")] = 22050,
    seconds: Annotated[float, typer.Option(help="Predict the cost of clips of this length.")] = 1.0,
    cut: Annotated[
        Literal["auto", "start", "windows"],
        typer.Option(help="One clip from the start of each file, or windows over all of it; auto: as training would."),
    ] = "auto",
    labels: Annotated[
        list[str],
        typer.Option(
            "--label", metavar="DESCRIPTOR", help="Measure brightness, depth, ... in clips; timbre: all seven."
        ),
    ] = [],  # noqa: B006
    as_json: Json = False,
) -> None:
    """Show which files training would use, which not and why, and what it would cost."""
    from dataclasses import asdict, replace

    from soundloom.cli.display.scan import descriptor_table, scan_table
    from soundloom.data.clips import open_clips
    from soundloom.data.coverage import FEW_AND_LONG, coverage_sentence, prefers_windows
    from soundloom.data.cut import ClipSettings
    from soundloom.data.forecast import forecast
    from soundloom.data.scan import scan as scan_folder
    from soundloom.descriptors import named, summary
    from soundloom.runtime.processors import available_processors
    from soundloom.runtime.progress_bar import of_total, show_progress

    asked, settings = named(labels), ClipSettings(sample_rate, seconds)
    with show_progress("scanning", as_json, of_total) as progress:
        index = scan_folder(folder, where=filters(where), progress=progress)
    few_and_long = cut == "auto" and prefers_windows([each.seconds for each in index.entries], seconds)
    if cut == "windows" or few_and_long:
        settings = replace(settings, cut="windows")
    cost = forecast(index, settings, processors=available_processors())
    described = {}
    if asked:
        with show_progress("cutting clips", as_json, of_total) as progress:
            clips = open_clips(index, settings, progress=progress)
        with show_progress("measuring clips", as_json, of_total) as progress:
            described = summary(clips.measure(asked, progress=progress).measured)
    if as_json:
        print_json({**index.to_json(), "forecast": {"cut": settings.cut, **asdict(cost)}, "descriptors": described})
    else:
        scan_table(index, cost, FEW_AND_LONG if few_and_long else coverage_sentence(index, settings))
        descriptor_table(described)
