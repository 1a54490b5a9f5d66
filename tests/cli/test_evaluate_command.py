"""soundloom evaluate and compare: what they print, write and return, and how they refuse."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import soundfile

from commands import ask, refused
from soundloom.cli.app import main
from sounds import RATE


class Evaluated(NamedTuple):
    """What `soundloom evaluate` left behind."""

    run: str
    folder: Path
    data: dict[str, Any]
    err: str


@pytest.fixture(scope="module")
def evaluated(trained: Callable[[str], Path], sounds: Path, tmp_path_factory: pytest.TempPathFactory) -> Evaluated:
    """The tiny model, evaluated once for all tests."""
    out, run = tmp_path_factory.mktemp("report") / "report", str(trained("vae"))
    output, errors = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
        code = main(["evaluate", run, str(sounds), "--count", "24", "--out", str(out), "--json"])
    assert code == 0, errors.getvalue()
    return Evaluated(run, out, json.loads(output.getvalue()), errors.getvalue())


def test_evaluate_writes_a_page_and_a_file_of_figures_and_prints_their_paths(evaluated):
    assert sorted(path.name for path in evaluated.folder.iterdir()) == ["report.html", "report.json"]
    assert evaluated.data.pop("report") == str(evaluated.folder / "report.html")
    assert evaluated.data.pop("data") == str(evaluated.folder / "report.json")
    assert json.loads((evaluated.folder / "report.json").read_text()) == evaluated.data
    assert evaluated.err == ""


def test_the_page_holds_sounds_and_pictures_and_loads_nothing(evaluated):
    page = (evaluated.folder / "report.html").read_text()
    assert page.count("<audio") == 16 + 8 + 2 * 8  # generated, real, reconstructed pairs
    assert not re.findall(r'(?:src|href)="(?!data:|#|https://(?:arxiv|doi)\.org)[^"]*"', page)
    assert "<script src" not in page


def test_every_distance_stands_between_floor_ceiling_and_bad_references(evaluated):
    roles = {subject["name"]: subject["role"] for subject in evaluated.data["subjects"]}
    assert roles == {
        "training sounds": "floor",
        "noise with the same envelopes": "bad",
        "held-out sounds": "ceiling",
        "held-out sounds, labels shuffled": "bad",
        evaluated.run: "model",
        "held-out sounds through mel, 8000 Hz": "ceiling",
    }
    for name in ("training sounds", "noise with the same envelopes", evaluated.run):
        found = {(each["name"], each["embedding"]) for each in evaluated.data["figures"] if each["subject"] == name}
        assert {(figure, embedding) for figure in ("KID", "KAD") for embedding in ("reference", "log-mel")} <= found


def test_a_model_has_all_documented_figures(evaluated):
    names = {each["name"] for each in evaluated.data["figures"] if each["subject"] == evaluated.run}
    assert names >= {
        "KID", "KAD", "density", "coverage", "diversity", "inception score of kind", "accuracy of kind",
        "spectral convergence", "log-spectral distance", "multi-resolution STFT distance", "mel error",
        "real-time factor", "peak memory",
    }  # fmt: skip
    facts = next(each["facts"] for each in evaluated.data["subjects"] if each["name"] == evaluated.run)
    assert facts["parameters"] > 1000


def test_every_figure_but_memory_has_an_interval_around_it(evaluated):
    for each in evaluated.data["figures"]:
        if each["name"] == "peak memory":
            assert each["low"] is None
        else:
            assert each["low"] <= each["value"] <= each["high"], each


def test_the_command_in_the_report_gives_the_same_figures_again(capsys, evaluated, tmp_path):
    words = evaluated.data["command"].split()
    assert words[:2] == ["soundloom", "evaluate"]
    again = ask(capsys, *words[1:], "--json", "--out", tmp_path / "again").json
    timed = ("real-time factor", "peak memory")
    first, second = (
        [each for each in data["figures"] if each["name"] not in timed] for data in (evaluated.data, again)
    )
    assert first == second


def test_compare_shows_a_table_for_people_and_names_the_report(capsys, sounds, tmp_path):
    names = ("baseline:pca", "baseline:nearest")
    answer = ask(capsys, "compare", *names, sounds, "-n", 12, "--seconds", 0.4, "--out", tmp_path / "out")
    assert answer.code == 0, answer.err
    assert all(name in answer.out for name in names)
    assert "KID" in answer.out
    assert (tmp_path / "out" / "report.html").is_file()
    assert "embedding 8 held-out sounds" in answer.err


def test_where_keeps_to_some_of_the_files(capsys, sounds, tmp_path):
    asked = ("baseline:nearest", sounds, "-n", 8, "--where", "kind=hiss", "--out", tmp_path, "--json")
    found = ask(capsys, "evaluate", *asked).json
    assert found["reference"]["only files where"] == "kind=hiss"
    assert found["reference"]["held-out clips"] + found["reference"]["training clips"] == 20


def test_reports_go_to_out_unless_said_otherwise(capsys, sounds, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = ask(capsys, "evaluate", "baseline:nearest", sounds, "-n", 4, "--json").json
    assert found["report"] == "out/evaluate-nearest/report.html"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["evaluate", "drumz", "."], "drums"),
        (["evaluate", "baseline:mixtur", "."], "baseline:mixture"),
        (["evaluate", "baseline:pca", "nowhere"], "nowhere is no folder"),
        (["compare", "baseline:pca"], "the folder of sounds"),
        (["compare", "baseline:pca", "baseline:nearest"], "baseline:nearest is no folder; name the folder"),
        (["evaluate", "baseline:pca", ".", "--count", "1"], "count is 1"),
        (["evaluate", "baseline:pca", ".", "--count", "many"], "--count"),
        (["evaluate", "baseline:pca", ".", "--seed", "-1"], "--seed"),
        (["evaluate", "baseline:pca", ".", "--embedding", "refere"], "reference"),
        (["evaluate", "baseline:pca", ".", "--where", "kind"], "name=value"),
        (["evaluate", "baseline:pca", "."], "no sound in"),
        (["compare", "baseline:pca", "baseline:pca", "."], "2 times"),
        (["compare", "baseline:pca", ".", "--seconds", "7"], "0.05 to 1"),
        (["compare", "baseline:pca", ".", "--baseline-minutes", "0"], "baseline_minutes is 0"),
        (["compare", "baseline:pca", ".", "--course-minutes", "0"], "baseline_minutes is 0"),  # its earlier name
        (["compare", "baseline:vae:tinny", "."], "vae has no preset 'tinny'"),
    ],
)
def test_invalid_arguments_are_refused_in_one_sentence(capsys, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    assert message in refused(capsys, *arguments)
    assert not any(tmp_path.iterdir())


def test_an_embedding_without_its_weights_is_refused_with_what_it_needs(capsys, sounds, tmp_path, monkeypatch):
    from soundloom.metrics import embeddings

    def load(name: str) -> None:
        raise embeddings.Missing(f"{name} needs weights; set WEIGHTS")

    monkeypatch.setattr(embeddings, "load", load)
    assert "set WEIGHTS" in refused(capsys, "evaluate", "baseline:pca", sounds, "--embedding", "clap")


def test_a_report_that_could_not_be_written_is_refused_before_the_work(capsys, sounds, tmp_path):
    (tmp_path / "file").write_text("mine")
    message = refused(capsys, "evaluate", "baseline:nearest", sounds, "--out", tmp_path / "file" / "report")
    assert str(tmp_path / "file") in message
    assert (tmp_path / "file").read_text() == "mine"


def test_a_folder_of_broken_sounds_is_refused_before_anything_is_embedded(capsys, sounds, tmp_path):
    made = tmp_path / "made"
    made.mkdir()
    for number in range(3):
        soundfile.write(made / f"{number}.wav", np.full(4000, np.nan), RATE, subtype="FLOAT")
    assert f"no sound in {made} can be used" in refused(capsys, "evaluate", made, sounds, "--out", tmp_path / "report")
    assert not (tmp_path / "report").exists()


@pytest.mark.parametrize("verb", ["evaluate", "scan"])
def test_ctrl_c_ends_any_verb_with_1_and_one_word(capsys, sounds, monkeypatch, verb):
    import soundloom.data.scan
    from soundloom.evaluation import comparison

    def interrupted(*arguments: object, **more: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(soundloom.data.scan, "scan", interrupted)
    monkeypatch.setattr(comparison, "compare", interrupted)
    answer = ask(capsys, verb, *(["baseline:pca"] if verb == "evaluate" else []), sounds)
    assert (answer.code, answer.err) == (1, "soundloom: stopped\n")


LISTENING = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # tests may run where a shell has set it to be ignored
from soundloom.cli.app import run
run()
"""


def test_ctrl_c_stops_with_one_word_and_leaves_no_half_of_a_report(sounds, tmp_path):
    out = tmp_path / "report"
    asked = ("compare", "baseline:pca", "baseline:mixture", sounds, "-n", 20000, "--out", out)
    command = [sys.executable, "-c", LISTENING, *(str(part) for part in asked)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "embedding baseline:pca" in line:
                break
        time.sleep(0.5)
        os.kill(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 1
    assert err.splitlines()[-1] == "soundloom: stopped"
    assert not out.exists()
