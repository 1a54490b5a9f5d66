from __future__ import annotations

import errno
import json
import sys
import types
from pathlib import Path

import pytest

from soundloom.training.log import Log


def lines(path: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_what_is_written_is_read_and_what_came_later_is_forgotten(tmp_path):
    log = Log(tmp_path, tensorboard=False)
    for step in range(5):
        log.write("vae", step, {"loss": 1.0 / (step + 1)})
    with log.path.open("a") as file:
        file.write('{"step": 5, "lo')  # a kill in the middle of a line
    log.forget_from(3)
    assert [line["step"] for line in lines(log.path)] == [0, 1, 2]
    assert lines(log.path)[1] == {"stage": "vae", "step": 1, "loss": 0.5}


def test_forgetting_on_a_full_disk_keeps_the_log(tmp_path, monkeypatch):
    def full(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, "full")

    log = Log(tmp_path, tensorboard=False)
    for step in range(5):
        log.write("vae", step, {"loss": 1.0})
    before = log.path.read_bytes()
    monkeypatch.setattr("soundloom.runtime.files.os.replace", full)
    with pytest.raises(OSError, match="full"):
        log.forget_from(3)
    assert log.path.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["log.jsonl"]


def test_lines_that_are_none_of_ours_are_forgotten(tmp_path):
    log = Log(tmp_path, tensorboard=False)
    log.path.write_bytes(b'{"step": 0}\n5\n{"step": "x"}\n\x00\xff\n')
    log.forget_from(3)
    assert log.path.read_bytes() == b'{"step": 0}\n'


def test_tensorboard_gets_the_same_values(tmp_path, monkeypatch):
    got = []

    class Writer:
        def __init__(self, folder: str, purge_step: int | None) -> None:
            got.append((folder, purge_step))

        def add_scalar(self, name: str, value: float, step: int) -> None:
            got.append((name, value, step))

        def close(self) -> None:
            got.append("closed")

    module = types.ModuleType("torch.utils.tensorboard")
    module.SummaryWriter = Writer
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)
    log = Log(tmp_path, tensorboard=True)
    log.write("vae", 7, {"elbo.loss": 2.0})
    log.close()
    assert got == [(str(tmp_path / "tensorboard"), None), ("vae/elbo/loss", 2.0, 7), "closed"]
    got.clear()
    resumed = Log(tmp_path, tensorboard=True)
    resumed.forget_from(5)
    resumed.write("vae", 5, {"elbo.loss": 1.0})
    resumed.close()
    assert got == [(str(tmp_path / "tensorboard"), 5), ("vae/elbo/loss", 1.0, 5), "closed"]


def test_without_tensorboard_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(ValueError, match=r"soundloom\[tensorboard\]"):
        Log(tmp_path, tensorboard=True)
