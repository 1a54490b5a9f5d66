"""Evaluation and comparison from beginning to end: names and a folder in, results out."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from soundloom.evaluation.candidates.names import check_names, full_name, name_of
from soundloom.evaluation.monitor import EvaluationStopped, Monitor
from soundloom.evaluation.settings import BASELINE_MINUTES, Settings

if TYPE_CHECKING:
    from soundloom.evaluation.candidates.names import Source
    from soundloom.evaluation.results import Results

EXAMPLES, EXAMPLES_OF_SEVERAL = 16, 6  # generated ones in the report, of each candidate

__all__ = ["EvaluationStopped", "compare", "evaluate"]


def evaluate(model: Source, folder: str | Path, **options: Any) -> Results:
    """Evaluate one model on sounds that it was not trained on; see `compare` for the arguments and errors."""
    return compare([model], folder, **options)


def compare(
    models: Sequence[Source],
    folder: str | Path,
    *,
    count: int = 500,
    seed: int = 0,
    where: Mapping[str, str] | None = None,
    embeddings: Sequence[str] | None = None,
    seconds: float | None = None,
    baseline_minutes: float = BASELINE_MINUTES,
    options: Mapping[str, Any] | None = None,
    progress: Callable[[str], None] | None = None,
    stop: threading.Event | None = None,
) -> Results:
    """Compare models, baselines and other sounds on equal terms: the same held-out clips, count, loudness and length.

    Args:
        models: each a shipped model; a run folder; `baseline:pca`, `baseline:mixture` or `baseline:nearest`;
            `baseline:SYSTEM:PRESET`, which is trained on the same sounds; a folder of sounds from any source; or
            sounds in memory, a list of `Audio`, named in the results by a hash of their samples.
        folder: the sounds that the models were trained on together with held-out ones; or other real sounds.
        count: sounds of each candidate.
        seed: of everything that is drawn.
        where: only files of the folder whose labels have these values; None selects as the first model's training did.
        embeddings: names in addition to reference and log-mel, such as clap; None takes those whose weights are found.
        seconds: length that is compared; None takes the shortest of the models.
        baseline_minutes: how long a `baseline:SYSTEM:PRESET` is trained, once; the cache keeps it.
        options: sampling settings, as for `soundloom.Request`; each model takes those that it has.
        progress: called with a short message at the beginning of each step.
        stop: set it, from any thread, to end early.

    Returns:
        The results; `soundloom.evaluation.report.writing.write_report` writes them as a page and a JSON file.

    Raises:
        ValueError: an unknown model, baseline or embedding, or no sound to compare with.
        EvaluationStopped: `stop` was set. There are no partial results; cached embeddings are kept.
    """
    from soundloom.evaluation.examples import add_real
    from soundloom.evaluation.preparation import prepare
    from soundloom.evaluation.report.sentences import sentences

    settings = Settings(count, seed, where, embeddings, seconds, baseline_minutes, options or {})
    if not models:
        raise ValueError("there is no model to evaluate; name one, such as drums")
    check_names(models, Path(folder))
    sources = {full_name(name_of(source)): source for source in models}
    examples = EXAMPLES if len(sources) == 1 else EXAMPLES_OF_SEVERAL
    evaluation = prepare(sources, Path(folder), settings, Monitor(progress, stop), examples)
    for name in sources:
        evaluation.procedure.evaluate(evaluation.candidate(name))
    session, results = evaluation.session, evaluation.session.results
    add_real(results, session.data.held_out, examples // 2)
    results.verdicts += sentences(results, [each.name for each in session.embedder.embeddings], session.difference)
    return results
