"""The command as a process: its standard streams, its home, Ctrl-C, and errors that are easily confused."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from commands import ask, refused, script, spawn
from sounds import make_sounds

IMPORT_MEETS = """
import sys

class Finder:
    def find_spec(self, name, *rest):
        if name == {module!r}:
            {what}

sys.meta_path.insert(0, Finder())
sys.argv = ["soundloom", *{arguments!r}]
from soundloom.cli.app import run
run()
"""


@pytest.mark.skipif(os.name == "nt", reason="needs a shell that closes streams")
@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_a_process_without_standard_streams_ends_as_its_work_does(sounds, tmp_path, closed):
    ours = ["sh", "-c", f'"$@" {closed}', "sh", *script("reconstruct", sounds / "hiss-000.wav", "--out", tmp_path)]
    done = subprocess.run(ours, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "hiss-000-mel.wav").exists()
    assert "Traceback" not in done.stderr
    wrong = ["sh", "-c", f'"$@" {closed}', "sh", *script("scan", tmp_path / "nowhere")]
    assert subprocess.run(wrong, capture_output=True, timeout=120).returncode == 2


@pytest.mark.parametrize("encoding", ["latin-1", "ascii", "cp1252"])
def test_what_a_terminal_cannot_show_is_escaped(tmp_path, encoding):
    folder = make_sounds(tmp_path / "Klänge ☃", count=4)
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    for more in ((), ("--json",)):
        done = subprocess.run(script("scan", folder, *more), capture_output=True, env=environment, timeout=120)
        assert done.returncode == 0, done.stderr
        assert b"\\u2603" in done.stdout
    done = subprocess.run(script("scan", tmp_path / "☃"), capture_output=True, env=environment, timeout=120)
    assert done.returncode == 2
    assert b"\\u2603 does not exist" in done.stderr


def test_a_user_without_a_home_has_a_cache_among_temporary_files(monkeypatch, tmp_path):
    from soundloom.data.scan_cache import cache_folder

    def unknown(number: int) -> None:
        raise KeyError(number)

    monkeypatch.delenv("SOUNDLOOM_CACHE", raising=False)
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr("pwd.getpwuid", unknown)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert cache_folder() == tmp_path / f"soundloom-{os.getuid()}"


@pytest.mark.parametrize(
    ("module", "arguments"),
    [
        ("typer", ["--help"]),
        ("soundloom.cli.verbs", ["--help"]),
        ("numpy", ["scan", "."]),
        ("torch", ["generate", "drums"]),
        ("torch", ["train", "vae", "."]),
    ],
)
@pytest.mark.parametrize(
    "what",
    [
        "raise KeyboardInterrupt",
        "\n            try:\n                raise KeyboardInterrupt\n            except KeyboardInterrupt:\n"
        "                raise ImportError('a part of the package is missing')",
    ],
)
def test_ctrl_c_during_an_import_is_one_sentence(tmp_path, module, arguments, what):
    code = IMPORT_MEETS.format(module=module, arguments=arguments, what=what)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, timeout=120)
    assert (done.returncode, done.stderr) == (1, "soundloom: stopped\n")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ("EOFError('Ran out of input')", "EOFError: Ran out of input"),
        ("ImportError('no such symbol')", "ImportError: no such symbol"),
    ],
)
def test_an_error_is_never_reported_as_a_stop(tmp_path, error, expected):
    code = IMPORT_MEETS.format(module="numpy", arguments=["scan", "."], what=f"raise {error}")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, timeout=120)
    assert done.returncode == 1
    assert expected in done.stderr
    assert "soundloom: stopped" not in done.stderr


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried 8 TB")]
)
def test_too_little_memory_is_one_sentence_that_says_what_needs_less(capsys, monkeypatch, tmp_path, error):
    def fail(*arguments: object, **more: object) -> None:
        raise error

    monkeypatch.setattr("soundloom.data.scan.scan", fail)
    assert "smaller batch_size" in refused(capsys, "scan", tmp_path, code=1)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["scan", ".", "--seconds", "nan"], "seconds=nan"),
        (["scan", ".", "--seconds", "inf"], "up to 600 s"),
        (["scan", ".", "--seconds", "-1"], "seconds=-1"),
        (["scan", ".", "--sample-rate", 10**12], "sample_rate=1000000000000"),
        (["train", "vae", ".", "--preset", "tiny", "--set", "seconds=1e6"], "at most 600"),
        (["train", "vae", ".", "--preset", "tiny", "--set", "seconds=NaN"], "seconds is nan"),
        (["train", "vae", ".", "--preset", "tiny", "--save-seconds", "nan"], "save_seconds is nan"),
        (["train", "vae", ".", "--preset", "tiny", "--save-seconds", "-1"], "save_seconds is -1"),
        (["train", "vae", ".", "--preset", "tiny", "--preview-seconds", "inf"], "preview_seconds is inf"),
        (["train", "vae", ".", "--preset", "tiny", "--minutes", "inf"], "minutes is inf"),
        (["train", "vae", ".", "--preset", "tiny", "--held-out", "nan"], "held_out is nan"),
        (["train", "vae", ".", "--seed", 2**64], "--seed"),
        (["generate", "drums", "--seed", 2**64], "--seed"),
        (["reconstruct", "a.wav", "--seed", 2**64], "--seed"),
        (["evaluate", "drums", ".", "--seed", 2**64], "--seed"),
        (["compare", "drums", ".", "--seed", 2**64], "--seed"),
    ],
)
def test_a_number_out_of_range_is_refused_with_its_name(capsys, sounds, monkeypatch, tmp_path, arguments, expected):
    monkeypatch.chdir(sounds)
    out = ("--out", tmp_path / "out") if arguments[0] != "scan" else ()
    assert expected in refused(capsys, *arguments, *out)
    assert not (tmp_path / "out").exists()


def test_training_inside_the_folder_of_sounds_can_go_on_and_leaves_the_data_as_it_was(capsys, tmp_path, monkeypatch):
    folder = make_sounds(tmp_path / "mine", count=20)
    monkeypatch.chdir(folder)
    before = ask(capsys, "scan", ".", "--json").json
    quick = ("--preset", "tiny", "--precision", "float32")
    assert ask(capsys, "train", "vae", ".", *quick, "--steps", 2).code == 0
    made = ("generate", "runs/vae-mine", "-n", 2, "--seed", 1)
    assert ask(capsys, *made).code == 0
    assert ask(capsys, "reconstruct", "hiss-000.wav").code == 0
    assert ask(capsys, "train", "vae", ".", "--resume", "--steps", 3, "--out", "runs/vae-mine").code == 0
    after = ask(capsys, "scan", ".", "--json").json
    assert (after["used"], after["files"]) == (before["used"], before["files"])
    assert {"runs/vae-mine"} <= {each["path"] for each in after["skipped"] if each["code"] == "soundloom_output"}


def test_a_second_training_in_the_same_run_folder_is_refused_while_the_first_one_runs(capsys, sounds, tmp_path):
    from soundloom.runtime.lock import exclusive
    from soundloom.training.call import LOCK

    run = tmp_path / "run"
    quick = ("--preset", "tiny", "--preview-seconds", 0, "--precision", "float32", "--steps", 1, "--out", run)
    with exclusive(run / LOCK):
        sentence = refused(capsys, "train", "vae", sounds, *quick)
        assert f"{run} is in use by process {os.getpid()}" in sentence
        assert [path.name for path in run.iterdir()] == [LOCK]
    assert ask(capsys, "train", "vae", sounds, *quick).code == 0
    assert not (run / LOCK).exists()


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="Windows has no such signal")
@pytest.mark.parametrize("number", ["SIGHUP", "SIGTERM", "SIGINT"])
def test_a_training_that_is_told_to_stop_saves_its_last_step(sounds, tmp_path, number):
    run = tmp_path / "run"
    quick = ("--preset", "tiny", "--preview-seconds", 0, "--precision", "float32", "--save-seconds", 600, "--out", run)
    with subprocess.Popen(
        script("train", "vae", sounds, *quick, "--minutes", 30),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=_usual_signals,
    ) as process:
        log = run / "log.jsonl"
        while not (log.exists() and log.read_text().count("elbo.loss") > 3) and process.poll() is None:
            time.sleep(0.05)
        process.send_signal(getattr(signal, number))
        out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert "then stopped and saved" in out
    steps = log.read_text().count('"elbo.loss"')
    assert f"trained {steps} steps" in out
    more = spawn("train", "vae", sounds, "--resume", "--steps", steps, "--out", run)
    assert more.returncode == 0, more.stderr


def _usual_signals() -> None:
    """As in a shell's foreground."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
