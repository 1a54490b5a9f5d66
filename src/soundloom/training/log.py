"""The log of a training: JSON lines always, and TensorBoard where it is asked for."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from soundloom.runtime.files import write_atomically

LOG, BOARD = "log.jsonl", "tensorboard"


class Log:
    """Writes one line of values for each step into a run folder."""

    def __init__(self, run: Path, tensorboard: bool) -> None:
        self.path = run / LOG
        self.board: Any = None
        self.open_board: Callable[[], Any] | None = None  # at the first line, once it is known which steps to forget
        self.forgotten_from: int | None = None
        if tensorboard:
            try:
                from torch.utils.tensorboard import SummaryWriter
            except ImportError:
                raise ValueError("TensorBoard is not installed; pip install 'soundloom[tensorboard]'") from None
            self.open_board = lambda: SummaryWriter(str(run / BOARD), purge_step=self.forgotten_from)

    def write(self, stage: str, step: int, values: dict[str, float]) -> None:
        """Add what is known of a step."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"stage": stage, "step": step, **values}) + "\n")
        if self.board is None and self.open_board is not None:
            self.board = self.open_board()
        if self.board is not None:
            for name, value in values.items():
                self.board.add_scalar(f"{stage}/{name.replace('.', '/')}", value, step)

    def forget_from(self, step: int) -> None:
        """Drop what was logged after the state that training goes on from."""
        self.forgotten_from = step
        if not self.path.is_file():
            return
        kept = []
        for line in self.path.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                if json.loads(line)["step"] < step:
                    kept.append(line)
            except (json.JSONDecodeError, KeyError, TypeError):
                continue  # half a line, from a kill
        write_atomically(self.path, "".join(f"{line}\n" for line in kept).encode())

    def close(self) -> None:
        """Write what is still held back."""
        if self.board is not None:
            self.board.close()
