"""Settings: overrides that are checked, errors that help, and writes that are whole or not at all."""

from __future__ import annotations

import errno
import json
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest

from soundloom.runtime.files import read_json, write_atomically, write_json
from soundloom.runtime.settings import from_json, nearest, override, parse, to_json


@dataclass(frozen=True)
class Settings:
    latent: int = 8
    rate: float = 0.5
    widths: tuple[int, ...] = (1, 2)
    mode: Literal["fast", "slow"] = "fast"
    name: str | None = None
    on: bool = True


@pytest.mark.parametrize(
    ("assignment", "expected"),
    [
        ("latent=16", Settings(latent=16)),
        ("rate=1e-3", Settings(rate=1e-3)),
        ("rate=2", Settings(rate=2.0)),
        ("widths=[4, 5, 6]", Settings(widths=(4, 5, 6))),
        ("mode=slow", Settings(mode="slow")),
        ("name=a=b", Settings(name="a=b")),
        ("name=null", Settings(name=None)),
        ("on=false", Settings(on=False)),
    ],
)
def test_an_assignment_changes_one_setting(assignment: str, expected: Settings) -> None:
    assert override(Settings(), [assignment]) == expected


@pytest.mark.parametrize(
    ("assignment", "sentence"),
    [
        ("latnet=3", r"--set latnet=3: no setting 'latnet'; did you mean 'latent'\?"),
        ("latent", "--set latent: write it as name=value"),
        ("latent=big", r"--set: latent = 'big'"),
        ("latent=1.5", r"--set: latent = 1.5"),
        ("mode=quick", r"--set: mode = 'quick'"),
        ("widths=7", r"--set: widths = 7"),
        ("=3", "no setting ''"),
    ],
)
def test_an_assignment_that_does_not_fit_is_refused_by_name(assignment: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        override(Settings(), [assignment])


def shout(before: dict[str, Any], given: Any) -> dict[str, Any]:
    """A reader: a text is a word to repeat as often as before."""
    if isinstance(given, str):
        given = {"word": given, "times": before["times"]}
    if given["times"] < 1:
        raise ValueError(f"times is {given['times']} but must be at least 1; 1 is no repetition")
    return given


@dataclass(frozen=True)
class Nested:
    inner: Settings = Settings()
    words: dict[str, Any] = field(default_factory=lambda: {"word": "hey", "times": 2}, metadata={"read": shout})


def test_a_dot_leads_to_a_part_and_leaves_the_other_parts() -> None:
    assert override(Nested(), ["inner.latent=3", "inner.mode=slow"]).inner == Settings(latent=3, mode="slow")
    assert override(Nested(), ["inner.widths=[5]"]).words == {"word": "hey", "times": 2}


def test_a_field_with_a_reader_takes_what_it_makes_of_a_text_and_then_parts_of_that() -> None:
    assert override(Nested(), ["words=ho"]).words == {"word": "ho", "times": 2}
    assert override(Nested(), ["words=ho", "words.times=3", "words.loud=true"]).words == {
        "word": "ho",
        "times": 3,
        "loud": True,
    }


def test_a_reader_sees_all_assignments_at_once_so_that_their_order_is_free() -> None:
    assert override(Nested(), ["words.times=0", "words.times=4"]).words["times"] == 4


@pytest.mark.parametrize(
    ("assignment", "sentence"),
    [
        ("inner.latnet=3", r"--set inner.latnet=3: no setting 'latnet' in inner; did you mean 'latent'\?"),
        ("iner.latent=3", r"no setting 'iner'; did you mean 'inner'\?"),
        ("inner.latent.x=3", r"inner\.latent is 8 and has no parts; write inner\.latent=VALUE"),
        ("inner.=3", r"no setting '' in inner; known: "),
        ("inner=3", r"inner has parts; write inner\.latent=VALUE"),
        ("inner.latent=big", r"--set: inner\.latent = 'big'"),
        ("words.times=0", r"--set: times is 0 but must be at least 1"),
        ("words.a.b=0", r"no setting 'a' in words"),
    ],
)
def test_a_part_that_does_not_fit_is_refused_by_name(assignment: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        override(Nested(), [assignment])


def test_later_assignments_win_and_the_original_stays() -> None:
    before = Settings()
    assert override(before, ["latent=3", "latent=4", "rate=1"]) == Settings(latent=4, rate=1.0)
    assert before == Settings()


def test_settings_come_back_from_json_as_they_were() -> None:
    settings = Settings(widths=(3,), mode="slow", name="é")
    assert from_json(Settings, json.loads(json.dumps(to_json(settings)))) == settings


def test_the_nearest_word_is_named_or_else_all_of_them() -> None:
    assert nearest("drmus", ("notes", "drums")) == "did you mean 'drums'? (known: drums, notes)"
    assert nearest("xyz", ("notes", "drums")) == "known: drums, notes"
    assert nearest("xyz", ()) == "known: none"


@pytest.mark.parametrize(("text", "value"), [("3", 3), ("3.5", 3.5), ("true", True), ("[1]", [1]), ("snare", "snare")])
def test_a_value_is_json_where_it_parses_and_text_where_not(text: str, value: object) -> None:
    assert parse(text) == value


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe", b""])
def test_a_file_that_is_no_json_is_named(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_bytes(content)
    with pytest.raises(ValueError, match=r"settings\.json is not readable JSON .*; restore it or make it again"):
        read_json(tmp_path / "settings.json")


def test_json_is_written_for_people_and_read_back(tmp_path: Path) -> None:
    write_json(tmp_path / "deep" / "data.json", {"name": "é", "list": [1, 2]})
    assert read_json(tmp_path / "deep" / "data.json") == {"name": "é", "list": [1, 2]}
    assert "é" in (tmp_path / "deep" / "data.json").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("broken", "durable"),
    [("replace", True), ("replace", False), ("fdopen", True), ("fdopen", False), ("fsync", True)],
)
def test_a_write_that_fails_leaves_the_old_file_and_no_scrap(
    broken: str, durable: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"old", durable)

    def full(*arguments: object, **more: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, broken, full)
        with pytest.raises(OSError, match="No space left"):
            write_atomically(path, b"new", durable)
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("number", [errno.EPERM, errno.ENOTSUP, errno.ENOSYS])
@pytest.mark.parametrize("lacking", ["chmod", "fsync"])
def test_a_file_system_without_permissions_or_flushing_takes_files(
    lacking: str, number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object, **more: object) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(os, lacking, refuse)
        write_atomically(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"new"


def test_a_disk_that_is_full_halfway_leaves_the_old_file(tmp_path: Path) -> None:
    import resource
    import signal

    path = tmp_path / "file"
    write_atomically(path, b"old")
    before, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))  # the kernel's own refusal, in mid-write
        with pytest.raises(OSError, match="File too large"):
            write_atomically(path, b"x" * 100_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert path.read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_written_file_has_the_rights_that_the_user_gives_new_files(tmp_path: Path) -> None:
    (tmp_path / "usual").write_bytes(b"")
    write_atomically(tmp_path / "ours", b"")
    rights = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("usual", "ours")]
    assert rights[0] == rights[1]
