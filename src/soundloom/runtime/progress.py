"""Progress of long work: a callback that is told how far it is and answers whether to go on."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[int], bool]  # takes the samples of each clip that are there, answers whether to go on
