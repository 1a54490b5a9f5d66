"""The log of a training: JSON lines always, TensorBoard besides where it is asked for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

LOG, BOARD = "log.jsonl", "tensorboard"


class Journal:
    """Writes one line of values for each step into a run folder."""

    def __init__(self, run: Path, tensorboard: bool) -> None:
        self.path = run / LOG
        self.board: Any = None
        if tensorboard:
            try:
                from torch.utils.tensorboard import SummaryWriter
            except ImportError:
                raise ValueError("TensorBoard is not installed; pip install 'soundloom[tensorboard]'") from None
            self.board = SummaryWriter(str(run / BOARD))

    def write(self, step: int, values: dict[str, float]) -> None:
        """Add what is known of a step."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"step": step, **values}) + "\n")
        if self.board is not None:
            for name, value in values.items():
                self.board.add_scalar(name.replace(".", "/"), value, step)

    def forget_from(self, step: int) -> None:
        """Drop what was logged after the state that training goes on from."""
        if not self.path.is_file():
            return
        kept = []
        for line in self.path.read_text(encoding="utf-8").splitlines():
            try:
                if json.loads(line)["step"] < step:
                    kept.append(line)
            except (json.JSONDecodeError, KeyError):
                continue  # half a line, from a kill
        self.path.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")

    def close(self) -> None:
        """Write what is still held back."""
        if self.board is not None:
            self.board.close()
