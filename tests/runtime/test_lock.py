"""One process at a time works in a folder; what a killed one leaves behind is no obstacle."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from soundloom.runtime import lock
from soundloom.runtime.lock import Locked, exclusive

HOLD = """
import sys, time
from pathlib import Path
from soundloom.runtime.lock import exclusive
with exclusive(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


def test_a_lock_is_held_by_one_and_free_again_afterwards(tmp_path):
    path = tmp_path / "a.lock"
    ours = f"process {os.getpid()} on {socket.gethostname()}"
    with exclusive(path), pytest.raises(Locked, match=ours), exclusive(path):
        pass
    assert not path.exists()
    with exclusive(path):
        assert path.exists()


def test_folders_that_were_made_for_a_lock_go_if_nothing_else_came_into_them(tmp_path):
    with exclusive(tmp_path / "runs" / "mine" / "a.lock"):
        assert (tmp_path / "runs" / "mine").is_dir()
    assert not (tmp_path / "runs").exists()
    with exclusive(tmp_path / "runs" / "mine" / "a.lock"):
        (tmp_path / "runs" / "mine" / "log").touch()
    assert [path.name for path in (tmp_path / "runs" / "mine").iterdir()] == ["log"]


def test_another_process_is_named_and_its_lock_ends_when_it_is_killed(tmp_path):
    path = tmp_path / "a.lock"
    with subprocess.Popen([sys.executable, "-c", HOLD, path], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        with pytest.raises(Locked, match=f"process {process.pid} "), exclusive(path):
            pass
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert path.exists()
    with exclusive(path):
        pass


@pytest.fixture
def _no_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system, or an operating system, that has no locks."""
    monkeypatch.setattr(lock, "fcntl", None)


def left_by(path: Path, process: int, machine: str) -> Path:
    path.write_text(json.dumps({"process": process, "machine": machine}))
    return path


@pytest.mark.usefixtures("_no_locks")
def test_without_locks_the_named_process_decides(tmp_path):
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        ended.wait()
    with exclusive(left_by(tmp_path / "a.lock", ended.pid, socket.gethostname())):
        pass
    running = left_by(tmp_path / "b.lock", os.getppid(), socket.gethostname())
    with pytest.raises(Locked, match=rf"process {os.getppid()} .* remove .*b\.lock"), exclusive(running):
        pass
    elsewhere = left_by(tmp_path / "c.lock", ended.pid, "another-machine")
    with pytest.raises(Locked, match="on another-machine"), exclusive(elsewhere):
        pass


@pytest.mark.usefixtures("_no_locks")
@pytest.mark.parametrize("text", ["", "{", "[]", '{"process": "x"}'])
def test_without_locks_a_file_that_names_no_process_is_no_obstacle(tmp_path, text):
    (tmp_path / "a.lock").write_text(text)
    with exclusive(tmp_path / "a.lock"):
        pass
