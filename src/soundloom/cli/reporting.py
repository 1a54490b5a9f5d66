"""What `evaluate` and `compare` share: run the evaluation, write the report, show its short form."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

from soundloom.cli.assignments import filters, values
from soundloom.cli.output import print_json


def evaluate_and_report(
    names: list[str], folder: Path, out: Path | None, verb: str, as_json: bool, *, where: list[str],
    embeddings: list[str], options: list[str], **settings: Any,
) -> None:  # fmt: skip
    """Evaluate the models, write the report and print its short form."""
    from soundloom.evaluation.candidates.names import check_names

    check_names(names, folder)  # before anything that takes long to import
    from soundloom.evaluation.comparison import compare
    from soundloom.evaluation.report.console_table import show_results
    from soundloom.evaluation.report.summary import to_json
    from soundloom.evaluation.report.writing import write_report
    from soundloom.runtime.progress_bar import show_stages

    short = "-".join(name.rpartition(":")[2].rstrip("/").rpartition("/")[2] for name in names)
    target = out or Path("out") / f"{verb}-{short}"[:120]
    _check_writable(target)
    with show_stages(quiet=as_json) as progress:
        results = compare(
            names,
            folder,
            where=filters(where),
            embeddings=embeddings or None,
            options=values(options, "--option"),
            progress=progress,
            **settings,
        )
        progress("writing the report")
        page, data = write_report(results, target)
    if as_json:
        print_json({**to_json(results), "report": str(page), "data": str(data)})
    else:
        show_results(results, page)


def _check_writable(folder: Path) -> None:
    """Refuse before minutes of work a folder that the result cannot be written to."""
    exists = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    wrong = errno.ENOTDIR if not exists.is_dir() else errno.EACCES if not os.access(exists, os.W_OK) else None
    if wrong:
        raise OSError(wrong, os.strerror(wrong), str(exists))
