"""A trained model, ready to make sounds."""

from __future__ import annotations

import threading
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from soundloom.audio import Audio
from soundloom.checkpoints.checkpoint import Checkpoint
from soundloom.checkpoints.checkpoint import load as load_checkpoint
from soundloom.generation.request import Request
from soundloom.generation.sampling import Generated, OnProgress, generate_from

if TYPE_CHECKING:
    from soundloom.contract import System


class Model:
    """A trained model, ready to make sounds."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self.checkpoint = checkpoint
        self.name, self.digest = checkpoint.name, checkpoint.digest

    @property
    def system(self) -> System:
        return self.checkpoint.system

    @property
    def sample_rate(self) -> int:
        """Of what it makes, in Hz."""
        return self.system.representation.sample_rate

    @property
    def seconds(self) -> float:
        """Length of a clip; a sound has it unless another is asked for."""
        return self.system.samples / self.sample_rate

    @property
    def longest_seconds(self) -> float:
        """The longest that a sound can be."""
        return self.system.longest / self.sample_rate

    @property
    def conditions(self) -> list[dict[str, Any]]:
        """What can be asked for, as JSON values, so that a program can draw its controls.

        Each has `name`, `kind`, `unit`, `default` (None: drawn as in the training set) and `measured`. A "category" has
        `values`, a "scalar" `low` and `high`, a "text" `alphabet` and `longest` (characters).
        """
        return [condition.to_dict() for condition in self.system.schema.conditions]

    @property
    def options(self) -> dict[str, str]:
        """Sampling settings that only this system has, with a sentence each."""
        return self.system.sampling_options()

    def generate(
        self,
        request: Request | None = None,
        *,
        jobs: int | None = None,
        on_progress: OnProgress | None = None,
        stop: threading.Event | None = None,
        **asked: Any,
    ) -> list[Audio]:
        """Make sounds: `model.generate(count=4, conditions={"kind": "snare"}, seed=7)`.

        Args:
            request: all that is asked, or
            asked: the fields of a `Request`.
            jobs: see `stream`, as for `on_progress` and `stop`.

        Raises:
            ValueError: the model cannot do what was asked; the message says what it can do.
            KeyboardInterrupt: Ctrl-C, at once and without the finished sounds; set `stop` to get those.
        """
        if request is not None and asked:
            raise ValueError(
                f"a request was given together with {', '.join(asked)}; put everything into the Request, or leave the "
                f"Request out"
            )
        made = self.stream(Request(**asked) if request is None else request, jobs, on_progress=on_progress, stop=stop)
        return [sound.audio for sound in made]

    def stream(
        self,
        request: Request | Sequence[Request],
        jobs: int | None = None,
        *,
        on_progress: OnProgress | None = None,
        stop: threading.Event | None = None,
    ) -> Generator[Generated, None, None]:
        """As `generate`, one sound after another in order, few of them in memory at a time.

        Args:
            request: one, or several, whose sounds come one after another and share batches where that is quicker.
            jobs: threads; None takes all processors. The bytes do not depend on it.
            on_progress: takes the seconds of sound that are done and those in all, over all requests; called from the
                threads that make them, one call at a time.
            stop: set it to end early: sounds that are being made come as far as they are, with a remark.

        Close the generator to end early without the sounds that are being made.
        """
        return generate_from(self.system, request, jobs, on_progress=on_progress, stop=stop)


def load(model: str | Path) -> Model:
    """A shipped model by name, or a run folder."""
    return Model(load_checkpoint(model))
