"""Watching an evaluation, and stopping it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass


class EvaluationStopped(Exception):
    """An evaluation was stopped before its end. There are no results: sets of different size do not compare.

    Embeddings computed so far are cached, so the same evaluation is faster next time.
    """


@dataclass(frozen=True)
class Monitor:
    """Reports what an evaluation is doing, and ends it on request.

    Args:
        progress: called with a short message at the beginning of each step.
        stop: set it from any thread to end the evaluation.
    """

    progress: Callable[[str], None] | None = None
    stop: threading.Event | None = None

    def report(self, message: str) -> None:
        """Begin a step.

        Raises:
            EvaluationStopped: see `check`.
        """
        self.check()
        if self.progress is not None:
            self.progress(message)

    def check(self) -> None:
        """End here if `stop` is set.

        Raises:
            EvaluationStopped: it is set.
        """
        if self.stop is not None and self.stop.is_set():
            raise EvaluationStopped("the evaluation was stopped; run it again for results, cached embeddings are kept")
