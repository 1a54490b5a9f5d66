"""Ask the command something, in this process or in one of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any, NamedTuple

import pytest

from soundloom.cli.app import main


class Answer(NamedTuple):
    """How a command ended, and what it wrote where."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The one JSON object on standard output; anything beside it fails."""
        assert self.code == 0, self.err
        assert self.out.endswith("\n")
        assert self.out.count("\n") == 1
        found = json.loads(self.out)
        assert isinstance(found, dict)
        return found


def ask(capsys: pytest.CaptureFixture[str], *arguments: object) -> Answer:
    """Run `soundloom ARGUMENTS` here."""
    capsys.readouterr()
    code = main([str(argument) for argument in arguments])
    return Answer(code, *capsys.readouterr())


def refused(capsys: pytest.CaptureFixture[str], *arguments: object, code: int = 2) -> str:
    """The one clear sentence that a command is refused with; anything else fails."""
    answer = ask(capsys, *arguments)
    assert answer.code == code, answer
    assert answer.out == ""
    return one_sentence(answer.err)


def one_sentence(err: str) -> str:
    assert err.startswith("soundloom: "), err
    assert err.count("\n") == 1, err
    assert "Traceback" not in err
    assert len(err) < 600
    return err.removeprefix("soundloom: ").strip()


def spawn(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run `soundloom ARGUMENTS` in a process of its own."""
    return subprocess.run(script(*arguments), capture_output=True, text=True, timeout=120)


def script(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "soundloom", *(str(argument) for argument in arguments)]
