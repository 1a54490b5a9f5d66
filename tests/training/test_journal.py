from __future__ import annotations

import json
import sys
import types
from pathlib import Path

import pytest

from soundloom.training.journal import Journal


def lines(path: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_what_is_written_is_read_and_what_came_later_is_forgotten(tmp_path):
    journal = Journal(tmp_path, tensorboard=False)
    for step in range(5):
        journal.write(step, {"loss": 1.0 / (step + 1)})
    with journal.path.open("a") as file:
        file.write('{"step": 5, "lo')  # a kill in the middle of a line
    journal.forget_from(3)
    assert [line["step"] for line in lines(journal.path)] == [0, 1, 2]
    assert lines(journal.path)[1] == {"step": 1, "loss": 0.5}


def test_tensorboard_gets_the_same_values(tmp_path, monkeypatch):
    got = []

    class Writer:
        def __init__(self, folder: str) -> None:
            got.append(folder)

        def add_scalar(self, name: str, value: float, step: int) -> None:
            got.append((name, value, step))

        def close(self) -> None:
            got.append("closed")

    module = types.ModuleType("torch.utils.tensorboard")
    module.SummaryWriter = Writer
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)
    journal = Journal(tmp_path, tensorboard=True)
    journal.write(7, {"elbo.loss": 2.0})
    journal.close()
    assert got == [str(tmp_path / "tensorboard"), ("elbo/loss", 2.0, 7), "closed"]


def test_without_tensorboard_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(ValueError, match=r"soundloom\[tensorboard\]"):
        Journal(tmp_path, tensorboard=True)
