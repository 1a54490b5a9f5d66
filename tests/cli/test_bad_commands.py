"""What is asked wrongly, or fails: one clear sentence with the next move, an exit code, and nothing good destroyed."""

from __future__ import annotations

import errno
import json
import os
import pickle
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import typer

from commands import ask, one_sentence, refused, script
from soundloom.cli.app import main
from sounds import RATE, sound

QUICK = ("--preset", "tiny", "--preview-seconds", 0, "--precision", "float32")
CONFIG, WEIGHTS = "config.json", "weights.safetensors"


@pytest.fixture
def run(trained: Callable[[str], Path]) -> Path:
    return trained("vae")


@pytest.fixture
def broken(run: Path, tmp_path: Path) -> Path:
    """A good run, duplicated, to be broken."""
    shutil.copytree(run, tmp_path / "broken")
    return tmp_path / "broken"


@pytest.fixture(scope="session")
def made_once(trained: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("made") / "made"
    wishes = ["-n", "2", "--seed", "1", "--no-picture", "--json", "--out", str(out)]
    assert main(["generate", str(trained("vae")), *wishes]) == 0
    return out


@pytest.fixture
def made(made_once: Path, tmp_path: Path) -> Path:
    """A folder with two sounds and their request."""
    shutil.copytree(made_once, tmp_path / "made")
    return tmp_path / "made"


def everything(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


# Commands


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["frobnicate"], "frobnicate"),
        (["scna", "."], "scan"),
        (["train"], "system"),
        (["train", "vae"], "folder"),
        (["scan"], "folder"),
        (["scan", ".", "--jsn"], "--json"),
        (["generate"], "soundloom models"),
        (["generate", "drums", "--count", "many"], "--count"),
        (["generate", "drums", "--format", "exe"], "flac"),
        (["generate", "drums", "--seed", "-1"], "--seed"),
        (["reconstruct"], "files"),
    ],
)
def test_a_command_that_makes_no_sense_names_what_is_wrong(capsys, arguments, expected):
    assert expected in refused(capsys, *arguments)


@pytest.mark.parametrize("stop", [KeyboardInterrupt, typer.Abort])
def test_a_command_that_is_stopped_has_failed_as_the_readme_says(capsys, monkeypatch, stop):
    def stopped(*arguments: object, **more: object) -> None:
        raise stop

    monkeypatch.setattr("soundloom.cli.verbs.app", stopped)
    assert refused(capsys, "models", code=1) == "stopped"


def test_no_verb_at_all_shows_the_help(capsys):
    answer = ask(capsys)
    assert answer.code == 2
    assert "Usage: soundloom" in answer.out


# Training


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["vea"], "did you mean 'vae'?"),
        (["vae", "--preset", "drum"], "did you mean 'drums'?"),
        (["vae", "--set", "latnet=3"], "did you mean 'latent'?"),
        (["vae", "--set", "latent"], "name=value"),
        (["vae", "--set", "latent=hello"], "latent = 'hello'"),
        (["vae", "--set", 'representation={"kind": "mle"}'], "did you mean 'mel'?"),
        (["vae", "--set", 'representation={"kind": "mfcc"}'], "docs/mfcc.md"),
        (["vae", "--where", "knd=hiss"], "did you mean 'kind'?"),
        (["vae", "--where", "kind"], "name=value"),
        (["vae", "--where", "kind=hiss", "--where", "kind=thump"], "kind is already hiss"),
        (["vae", "--condition", "pich"], "pitch"),
        (["vae", "--label", "brigthness"], "brightness"),
        (["vae", "--steps", -1], "steps is -1"),
        (["vae", "--minutes", 0], "minutes is 0"),
        (["vae", "--steps", 1, "--minutes", 1], "either steps or minutes"),
        (["vae", "--held-out", 1], "held_out is 1"),
        (["vae", "--precision", "float7"], "bfloat16"),
    ],
)
def test_a_training_that_cannot_be_is_refused_before_it_begins(capsys, sounds, tmp_path, arguments, expected):
    system, *options = arguments
    steps = () if "--steps" in options or "--minutes" in options else ("--steps", 1)
    preset = () if "--preset" in options else QUICK
    sentence = refused(capsys, "train", system, sounds, *preset, *steps, *options, "--out", tmp_path / "run")
    assert expected in sentence
    assert not (tmp_path / "run").exists()


def test_a_length_that_cannot_be_is_told_without_the_other_settings(capsys, sounds, tmp_path):
    sentence = refused(capsys, "train", "vae", sounds, "--steps", -1, "--out", tmp_path / "run")
    assert "{" not in sentence


def test_a_folder_without_a_usable_sound_is_refused_with_the_reasons(capsys, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "a.wav").write_text("no sound")
    sentence = refused(capsys, "train", "vae", tmp_path / "mine", *QUICK, "--steps", 1, "--out", tmp_path / "run")
    assert "1 not a sound" in sentence
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("verb", [("scan",), ("train", "vae")])
def test_a_folder_that_is_not_there_or_is_a_file_is_named(capsys, tmp_path, verb):
    (tmp_path / "file").write_text("")
    assert "nowhere" in refused(capsys, *verb, tmp_path / "nowhere")
    assert "is a file" in refused(capsys, *verb, tmp_path / "file")


def test_a_run_is_never_trained_over(capsys, sounds, run):
    before = everything(run)
    sentence = refused(capsys, "train", "vae", sounds, *QUICK, "--steps", 1, "--out", run)
    assert "--resume" in sentence
    assert everything(run) == before


def test_resume_needs_a_run_and_keeps_to_its_settings(capsys, sounds, run, tmp_path):
    resume = ("train", "vae", sounds, "--resume", "--steps", 99)
    assert "leave --resume out" in refused(capsys, *resume, "--out", tmp_path / "nowhere")
    assert "--preset" in refused(capsys, *resume, "--preset", "drums", "--out", run)
    assert "--set" in refused(capsys, *resume, "--set", "latent=3", "--out", run)


def test_resume_on_another_folder_of_sounds_is_refused(capsys, sounds, broken, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    for path in sorted(sounds.iterdir())[:30]:
        shutil.copy(path, other)
    sentence = refused(capsys, "train", "vae", other, "--resume", "--steps", 99, "--out", broken)
    assert "no longer gives the clips" in sentence


@pytest.mark.parametrize(
    ("file", "damage"),
    [
        ("training.json", "cut short"),
        ("training.json", "emptied"),
        ("training.json", "foreign"),
        ("data.json", "cut short"),
        ("data.json", "foreign"),
        ("progress/state.safetensors", "cut short"),
        ("progress/state.safetensors", "emptied"),
        ("progress/state.safetensors", "foreign"),
    ],
)
def test_resume_from_a_damaged_run_names_the_file(capsys, sounds, broken, file, damage):
    path = broken / file
    content = {"cut short": path.read_bytes()[: path.stat().st_size // 2], "emptied": b"", "foreign": b'{"a": 1}'}
    path.write_bytes(content[damage])
    sentence = refused(capsys, "train", "vae", sounds, "--resume", "--steps", 99, "--out", broken)
    assert file in sentence


# Checkpoints


@pytest.mark.parametrize("content", [b"", b"text", b"\x00" * 4000, pickle.dumps({"weights": [1.0]})])
def test_weights_that_are_damaged_or_foreign_are_named(capsys, broken, content):
    (broken / WEIGHTS).write_bytes(content)
    assert str(broken / WEIGHTS) in refused(capsys, "generate", broken, "-n", 1, "--out", broken / "out")
    assert not (broken / "out").exists()


@pytest.mark.parametrize("share", [0.01, 0.5, 0.999])
def test_weights_that_were_cut_short_are_named(capsys, broken, share):
    whole = (broken / WEIGHTS).read_bytes()
    (broken / WEIGHTS).write_bytes(whole[: int(share * len(whole))])
    assert str(broken / WEIGHTS) in refused(capsys, "generate", broken, "-n", 1, "--out", broken / "out")


def test_weights_of_another_model_are_refused(capsys, broken):
    from safetensors.numpy import save_file

    save_file({"layer.weight": np.zeros((2, 2), np.float32)}, broken / WEIGHTS)
    assert "does not fit" in refused(capsys, "generate", broken, "-n", 1, "--out", broken / "out")


def test_a_run_without_weights_says_so(capsys, broken):
    (broken / WEIGHTS).unlink()
    assert WEIGHTS in refused(capsys, "generate", broken)


def test_a_pickle_in_a_checkpoint_is_never_run(capsys, broken, tmp_path):
    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.mkdir, (str(tmp_path / "sprung"),)

    (broken / WEIGHTS).write_bytes(pickle.dumps(Trap()))
    refused(capsys, "generate", broken)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", "null", "7", '"x"', '{"format": 1}', "\x00\x01"])
def test_a_config_that_is_no_config_is_named(capsys, broken, text):
    (broken / CONFIG).write_text(text)
    assert CONFIG in refused(capsys, "generate", broken)


def test_a_model_of_a_later_version_asks_for_an_update(capsys, broken):
    change(broken, "format", 99)
    assert "update soundloom" in refused(capsys, "generate", broken)


def test_a_model_of_an_unknown_system_names_the_known_ones(capsys, broken):
    change(broken, "system", "vea")
    assert "did you mean 'vae'?" in refused(capsys, "generate", broken)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("format", "one"),
        ("system", None),
        ("system", 3),
        ("system", []),
        ("system", {}),
        ("settings", None),
        ("settings", 3),
        ("settings", "x"),
        ("settings", {"kind": 3}),
        ("representation", None),
        ("representation", 3),
        ("representation", "x"),
        ("representation", {}),
        ("representation", {"kind": 3}),
        ("schema", None),
        ("schema", "x"),
        ("schema", []),
        ("schema", {}),
        ("schema", {"kind": 3}),
    ],
)
def test_whatever_stands_in_a_config_the_answer_is_a_sentence(capsys, broken, key, value):
    change(broken, key, value)
    answer = ask(capsys, "generate", broken, "-n", 1, "--out", broken / "out")
    assert answer.code == 0 or one_sentence(answer.err)


def change(run: Path, key: str, value: Any) -> None:
    config = json.loads((run / CONFIG).read_text())
    (run / CONFIG).write_text(json.dumps({**config, key: value}))


# Generation


def test_an_unknown_model_is_no_traceback(capsys, tmp_path):
    assert "drms" in refused(capsys, "generate", "drms")
    (tmp_path / "empty").mkdir()
    assert "no run folder" in refused(capsys, "generate", tmp_path / "empty")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["-n", 0], "count is 0"),
        (["-n", -3], "count is -3"),
        (["--seconds", 0], "0.01 to 0.5 s"),
        (["--seconds", 9], "0.01 to 0.5 s"),
        (["--seconds", "nan"], "0.01 to 0.5 s"),
        (["--temperature", -1], "temperature is -1"),
        (["--temperature", "inf"], "temperature is inf"),
        (["--distance", 9], "distance is 9"),
        (["--with", "knid=hiss"], "did you mean 'kind'?"),
        (["--with", "kind=hist"], "did you mean 'hiss'?"),
        (["--with", "kind"], "name=value"),
        (["--with", "pitch=high"], "number from 36 to 63"),
        (["--with", "pitch=99"], "36 to 63"),
        (["--with", "pitch=nan"], "36 to 63"),
        (["--with", "kind=hiss", "--with", "kind=thump"], "kind is already hiss and takes one value; leave one out"),
        (["--option", "prior=normal", "--option", "prior=mixture"], "prior is already normal and takes one value"),
        (["--option", "priro=normal"], "did you mean 'prior'?"),
        (["--option", "prior=nrmal"], "mixture"),
        (["--option", "residual_noise=rough"], "residual_noise"),
        (["--option", "residual_noise=nan"], "residual_noise"),
        (["--prompt", "nowhere.wav"], "nowhere.wav"),
        (["--like", "nowhere.wav"], "nowhere.wav"),
        (["--jobs", 0], "--jobs"),
    ],
)
def test_a_request_that_cannot_be_is_refused_and_leaves_nothing(capsys, run, tmp_path, arguments, expected):
    assert expected in refused(capsys, "generate", run, "--out", tmp_path / "out", *arguments)
    assert not (tmp_path / "out").exists()


def test_a_prompt_must_be_a_sound_and_leave_room(capsys, run, tmp_path):
    (tmp_path / "text.wav").write_text("no sound at all")
    soundfile.write(tmp_path / "long.wav", np.tile(sound(0, "thump", 48.0), 4), RATE)
    assert "not a sound" in refused(capsys, "generate", run, "--prompt", tmp_path / "text.wav", "--out", tmp_path / "o")
    sentence = refused(capsys, "generate", run, "--prompt", tmp_path / "long.wav", "--out", tmp_path / "o")
    assert "cut the prompt" in sentence
    assert "name a file" in refused(capsys, "generate", run, "--prompt", tmp_path, "--out", tmp_path / "o")


def test_a_request_is_like_two_sounds_at_most_and_not_prompted_as_well(capsys, run, sounds):
    given = sounds / "hiss-000.wav"
    likes = ("--like", given, "--like", given, "--like", given)
    assert "one to vary or two" in refused(capsys, "generate", run, *likes)
    assert "leave one out" in refused(capsys, "generate", run, "--like", given, "--prompt", given)


def test_a_model_without_conditions_says_so(capsys, sounds, tmp_path):
    out = tmp_path / "run"
    unconditioned = ("--set", "conditions=[]")
    assert ask(capsys, "train", "vae", sounds, *QUICK, *unconditioned, "--steps", 1, "--out", out).code == 0
    assert "without conditions" in refused(capsys, "generate", out, "--with", "kind=hiss")


def test_the_sounds_of_another_request_are_never_written_over_unasked(capsys, run, made):
    before = everything(made)
    assert "--replace" in refused(capsys, "generate", run, "-n", 2, "--seed", 2, "--out", made)
    assert everything(made) == before


def test_an_output_folder_that_is_a_file_stays_one(capsys, run, tmp_path):
    (tmp_path / "out").write_text("mine")
    assert "is a file" in refused(capsys, "generate", run, "-n", 1, "--out", tmp_path / "out")
    below = ask(capsys, "generate", run, "-n", 1, "--out", tmp_path / "out" / "deeper")
    assert below.code in (1, 2)
    assert "out" in one_sentence(below.err)
    assert (tmp_path / "out").read_text() == "mine"


# Doing it again


def test_again_with_another_model_is_refused(capsys, made, sounds, tmp_path):
    other = tmp_path / "other"
    assert ask(capsys, "train", "vae", sounds, *QUICK, "--steps", 1, "--out", other).code == 0
    sentence = refused(capsys, "generate", other, "--again", made / "request.json", "--out", tmp_path / "o")
    assert "is not the model that made" in sentence


def test_again_after_the_model_has_gone_or_changed_is_refused(capsys, broken, tmp_path):
    made = tmp_path / "made"
    assert ask(capsys, "generate", broken, "-n", 1, "--seed", 1, "--out", made).code == 0
    change(broken, "soundloom", "0.0.1")
    assert "is not the model that made" in refused(capsys, "generate", "--again", made, "--out", tmp_path / "o")
    shutil.rmtree(broken)
    assert "no model" in refused(capsys, "generate", "--again", made, "--out", tmp_path / "o")


def test_again_with_a_changed_prompt_is_refused(capsys, run, tmp_path):
    prompt, made = tmp_path / "prompt.wav", tmp_path / "made"
    soundfile.write(prompt, 0.5 * sound(0, "thump", 48.0)[:800], RATE)
    assert ask(capsys, "generate", run, "-n", 1, "--seed", 1, "--prompt", prompt, "--out", made).code == 0
    soundfile.write(prompt, 0.5 * sound(2, "thump", 60.0)[:800], RATE)
    assert "has changed" in refused(capsys, "generate", "--again", made, "--out", tmp_path / "o")
    prompt.unlink()
    assert "not there" in refused(capsys, "generate", "--again", made, "--out", tmp_path / "o")


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"model": 3}', '{"model": {}, "format": "wav", "request": {}}'])
def test_again_of_something_else_than_a_request_is_refused(capsys, tmp_path, text):
    (tmp_path / "request.json").write_text(text)
    sentence = refused(capsys, "generate", "--again", tmp_path / "request.json", "--out", tmp_path / "o")
    assert "request.json" in sentence


def test_again_of_nothing_and_again_with_other_wishes_are_refused(capsys, made, tmp_path):
    assert "--again takes" in refused(capsys, "generate", "--again", tmp_path / "nowhere.json")
    for wish in (("--seed", 0), ("-n", 3), ("--with", "kind=hiss"), ("--seconds", 0.2), ("--format", "flac")):
        assert "as it was" in refused(capsys, "generate", "--again", made, *wish)


@pytest.mark.parametrize("value", ["x", [3], {"a": 1}, -1])
@pytest.mark.parametrize("key", ["count", "temperature", "seed", "options", "conditions", "seconds", "like", "prompt"])
def test_whatever_stands_in_a_request_the_answer_is_a_sentence(capsys, made, tmp_path, key, value):
    data = json.loads((made / "request.json").read_text())
    data["request"][key] = value
    (made / "request.json").write_text(json.dumps(data))
    answer = ask(capsys, "generate", "--again", made, "--out", tmp_path / "o")
    assert answer.code == 0 or one_sentence(answer.err)


# Reconstruction


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--representation", "mell"], "did you mean 'mel'?"),
        (["--representation", "mfcc"], "docs/mfcc.md"),
        (["--phase", "pgih"], "did you mean 'pghi'?"),
        (["--phase", "griffin-lim"], "how many iterations"),
        (["--representation", "complex", "--phase", "pghi"], "leave --phase out"),
    ],
)
def test_a_reconstruction_that_cannot_be_is_refused(capsys, sounds, tmp_path, arguments, expected):
    given = sounds / "hiss-000.wav"
    assert expected in refused(capsys, "reconstruct", given, "--out", tmp_path / "out", *arguments)
    assert not (tmp_path / "out").exists()


def test_reconstructing_no_sound_names_the_file(capsys, tmp_path):
    (tmp_path / "text.wav").write_text("no sound")
    assert "text.wav" in refused(capsys, "reconstruct", tmp_path / "text.wav", "--out", tmp_path / "out")
    assert "nowhere.wav" in refused(capsys, "reconstruct", tmp_path / "nowhere.wav", "--out", tmp_path / "out")


# Disks


def failing(number: int) -> Callable[..., Any]:
    def fail(*arguments: Any, **more: Any) -> Any:
        raise OSError(number, os.strerror(number), "the-file")

    return fail


@pytest.mark.parametrize(
    ("number", "expected"), [(errno.ENOSPC, "make room"), (errno.EROFS, "read-only"), (errno.EACCES, "may write to")]
)
@pytest.mark.parametrize("step", ["tempfile.mkstemp", "os.fdopen", "os.replace"])
def test_a_disk_that_refuses_leaves_the_good_files_as_they_were(capsys, run, made, monkeypatch, number, expected, step):
    before = everything(made)
    with monkeypatch.context() as context:
        context.setattr(f"soundloom.runtime.files.{step}", failing(number))
        sentence = refused(capsys, "generate", run, "-n", 2, "--seed", 1, "--out", made, code=1)
    assert expected in sentence
    assert everything(made) == before


def test_training_on_a_full_disk_keeps_the_last_good_checkpoint(capsys, sounds, broken, monkeypatch):
    before = everything(broken)
    with monkeypatch.context() as context:
        context.setattr("soundloom.runtime.files.os.replace", failing(errno.ENOSPC))
        resume = ("train", "vae", sounds, "--resume", "--steps", 61, "--out", broken)
        assert "make room" in refused_in_training(capsys, *resume)
    after = everything(broken)
    assert {name: after[name] for name in (CONFIG, WEIGHTS, "progress/state.safetensors")} == {
        name: before[name] for name in (CONFIG, WEIGHTS, "progress/state.safetensors")
    }
    assert not [name for name in after if name.endswith(".part")]
    assert ask(capsys, "generate", broken, "-n", 1, "--out", broken / "out").code == 0


def refused_in_training(capsys, *arguments: object) -> str:
    """As `refused`, after the messages that a training prints."""
    answer = ask(capsys, *arguments)
    assert answer.code == 1
    assert answer.out == ""
    return one_sentence(answer.err.splitlines(keepends=True)[-1])


@pytest.mark.skipif(os.name == "nt", reason="Windows has no limit on the size of a file")
def test_a_file_that_the_kernel_cuts_off_is_not_left_behind(run, tmp_path):
    import resource

    def small_files_only() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))

    done = subprocess.run(
        script("generate", run, "-n", 2, "--seed", 1, "--out", tmp_path / "out", "--no-picture"),
        capture_output=True,
        text=True,
        timeout=120,
        preexec_fn=small_files_only,
    )
    assert done.returncode == 1
    assert "File too large" in one_sentence(done.stderr)
    assert everything(tmp_path) == {}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_an_output_that_is_full_is_no_traceback(sounds):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            script("scan", sounds, "--json"), stdout=full, stderr=subprocess.PIPE, text=True, timeout=120
        )
    assert done.returncode == 1
    assert "make room" in one_sentence(done.stderr)
