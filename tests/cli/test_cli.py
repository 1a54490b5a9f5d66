"""The verbs of the command: what each prints, writes and returns."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from commands import ask, script, spawn
from slow import slow_model
from sounds import KINDS, RATE, sound

Trained = Callable[[str], Path]
VERBS = ("scan", "train", "generate", "reconstruct", "models")


@pytest.fixture
def run(trained: Trained) -> Path:
    return trained("vae")


def contents(folder: Path) -> dict[str, bytes]:
    """The sounds of a folder, by name."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.suffix not in (".json", ".png")}


def samples(path: Path) -> np.ndarray:
    return soundfile.read(path)[0]


def magnitudes(wave: np.ndarray) -> np.ndarray:
    """Magnitudes of frames of 256 samples, (frame, bin), scaled to unit length."""
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(wave, 256), 256)[::64] * np.hanning(256)
    spectrum = np.abs(np.fft.rfft(frames))
    return spectrum / (np.linalg.norm(spectrum) + 1e-12)


def test_help_names_every_verb_and_each_verb_helps(capsys):
    whole = ask(capsys, "--help")
    assert whole.code == 0
    for verb in VERBS:
        assert f"\n  {verb} " in whole.out
        assert "--json" in ask(capsys, verb, "--help").out


def test_the_version_is_that_of_the_package(capsys):
    from soundloom import __version__

    assert ask(capsys, "--version").out == f"soundloom {__version__}\n"


def test_the_console_script_passes_the_exit_code_on(tmp_path):
    assert spawn("--version").returncode == 0
    assert spawn("scan", tmp_path / "nowhere").returncode == 2


def test_scan_counts_used_and_skipped_and_gives_each_reason_as_json(capsys, sounds, tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    for path in sorted(sounds.glob("*.wav"))[:5]:
        (folder / path.name).write_bytes(path.read_bytes())
    (folder / "notes.txt").write_text("not a sound")
    (folder / "copy.wav").write_bytes((folder / path.name).read_bytes())
    found = ask(capsys, "scan", folder, "--json").json
    assert (found["found"], found["used"], len(found["skipped"])) == (7, 5, 2)
    reasons = {entry["path"]: entry["reason"] for entry in found["skipped"]}
    assert reasons["notes.txt"].startswith("not a sound")
    assert any(reason.startswith("duplicate of") for reason in reasons.values())
    assert found["forecast"]["clips"] == 5


def test_scan_prints_labels_and_lengths_for_people(capsys, sounds):
    answer = ask(capsys, "scan", sounds)
    assert answer.code == 0
    assert answer.err == ""
    assert "41 files" in answer.out  # 40 sounds and metadata.csv
    assert "hiss (20), thump (20)" in answer.out


def test_scan_measures_descriptors_where_it_is_asked_to(capsys, sounds):
    assert ask(capsys, "scan", sounds, "--json").json["descriptors"] == {}
    wish = ("scan", sounds, "--sample-rate", RATE, "--seconds", 0.4, "--label", "brightness", "--label", "loudness")
    found = ask(capsys, *wish, "--json").json["descriptors"]
    assert list(found) == ["brightness", "loudness"]
    assert all(row["1 %"] < row["median"] < row["99 %"] for row in found.values())
    shown = ask(capsys, *wish)
    assert shown.code == 0
    assert "LUFS" in shown.out
    assert "brightness" in shown.out


def test_scan_keeps_to_the_files_that_where_names(capsys, sounds):
    found = ask(capsys, "scan", sounds, "--where", "kind=hiss", "--json").json
    assert found["used"] == 20
    assert all("filtered out" in entry["reason"] or "label table" in entry["reason"] for entry in found["skipped"])


def test_an_empty_where_selects_all_files(capsys, sounds):
    assert ask(capsys, "scan", sounds, "--where", "", "--json").json["used"] == 40


def test_scan_forecasts_windows_over_the_whole_of_long_files(capsys, tmp_path):
    (tmp_path / "long").mkdir()
    soundfile.write(tmp_path / "long" / "noise.wav", np.random.default_rng(0).normal(0, 0.1, 4 * RATE), RATE)
    asked = ("scan", tmp_path / "long", "--sample-rate", RATE, "--seconds", 0.5, "--json")
    assert ask(capsys, *asked).json["forecast"]["clips"] == 1
    windows = ask(capsys, *asked, "--cut", "windows").json["forecast"]
    assert (windows["cut"], windows["clips"]) == ("windows", 8)


def test_scan_cuts_a_few_long_files_as_training_would_and_says_so(capsys, tmp_path):
    (tmp_path / "long").mkdir()
    soundfile.write(tmp_path / "long" / "take.wav", np.random.default_rng(0).normal(0, 0.1, 20 * RATE), RATE)
    asked = ("scan", tmp_path / "long", "--sample-rate", RATE, "--seconds", 1.0)
    found = ask(capsys, *asked, "--json").json["forecast"]
    assert (found["cut"], found["clips"], found["coverage"]["share"]) == ("windows", 20, 1.0)
    assert "clips are windows over all of them" in " ".join(ask(capsys, *asked).out.split())
    starts = ask(capsys, *asked, "--cut", "start", "--json").json["forecast"]
    assert (starts["clips"], starts["coverage"]["shares"]) == (1, {"take.wav": 0.05})
    assert "--set cut=windows takes windows" in " ".join(ask(capsys, *asked, "--cut", "start").out.split())


def test_train_writes_a_run_that_generates_and_resume_goes_on(capsys, sounds, tmp_path):
    out = tmp_path / "run"
    quick = ("--preset", "tiny", "--preview-seconds", 0, "--precision", "float32", "--out", out)
    first = ask(capsys, "train", "vae", sounds, *quick, "--steps", 8, "--json").json
    assert (first["run"], first["steps"], first["finished"]) == (str(out), 8, True)
    assert {"config.json", "weights.safetensors", "data.json", "training.json", "log.jsonl"} <= {
        path.name for path in out.iterdir()
    }
    more = ask(capsys, "train", "vae", sounds, "--out", out, "--resume", "--steps", 12)
    assert more.code == 0
    assert f"soundloom generate {out}" in more.out
    logged = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in logged if "elbo.loss" in line] == list(range(12))
    assert ask(capsys, "generate", out, "-n", 1, "--out", tmp_path / "o", "--no-picture").code == 0


def test_train_says_how_to_stop_and_go_on_and_makes_previews(capsys, sounds, tmp_path):
    out = tmp_path / "my run"  # the space is quoted in what may be pasted
    answer = ask(
        capsys, "train", "vae", sounds, "--preset", "tiny", "--steps", 2, "--precision", "float32", "--out", out
    )
    assert answer.code == 0
    assert f"soundloom train vae {sounds} --out '{out}' --resume" in answer.err
    assert f"soundloom generate '{out}'" in answer.out
    last = out / "previews" / "step-000002"
    assert len(list(last.glob("*.wav"))) == 8
    assert (last / "spectrograms.png").read_bytes().startswith(b"\x89PNG")


def test_set_changes_a_setting_of_the_preset(capsys, sounds, tmp_path):
    out = tmp_path / "run"
    quick = ("--preset", "tiny", "--preview-seconds", 0, "--precision", "float32", "--out", out, "--steps", 1)
    assert ask(capsys, "train", "vae", sounds, *quick, "--set", "latent=5", "--condition", "pitch").code == 0
    config = json.loads((out / "config.json").read_text())
    assert config["settings"]["latent"] == 5
    assert [condition["name"] for condition in config["schema"]["conditions"]] == ["pitch"]


def test_generate_writes_sounds_a_picture_and_the_request(capsys, run, tmp_path):
    out = tmp_path / "out"
    answer = ask(capsys, "generate", run, "-n", 3, "--seed", 4, "--out", out)
    assert answer.code == 0
    assert answer.err == ""
    assert f"3 sounds of 0.5 s in {out}" in answer.out
    assert all(len(samples(out / name)) == RATE // 2 for name in contents(out))
    assert len(contents(out)) == 3
    assert (out / "spectrograms.png").read_bytes().startswith(b"\x89PNG")
    record = json.loads((out / "request.json").read_text())
    assert record["request"]["seed"] == 4
    assert [entry["file"] for entry in record["files"]] == sorted(contents(out))


def test_generate_as_json_lists_the_files_that_it_wrote(capsys, run, tmp_path):
    found = ask(capsys, "generate", run, "-n", 2, "--seed", 1, "--out", tmp_path, "--no-picture", "--json").json
    assert found["files"] == sorted(str(path) for path in tmp_path.glob("*.wav"))
    assert found["picture"] is None
    assert found["seed"] == 1
    assert not list(tmp_path.glob("*.png"))


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(capsys, run, tmp_path):
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        assert ask(capsys, "generate", run, "-n", 2, "--seed", seed, "--out", tmp_path / name).code == 0
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    assert (tmp_path / "a" / "spectrograms.png").read_bytes() == (tmp_path / "b" / "spectrograms.png").read_bytes()
    assert not set(contents(tmp_path / "a").values()) & set(contents(tmp_path / "c").values())


def test_a_sound_depends_neither_on_how_many_there_are_nor_on_the_threads(capsys, run, tmp_path):
    quick = ("generate", run, "--seed", 3, "--no-picture")
    assert ask(capsys, *quick, "-n", 5, "--jobs", 2, "--out", tmp_path / "five").code == 0
    assert ask(capsys, *quick, "-n", 2, "--jobs", 1, "--out", tmp_path / "two").code == 0
    five, two = contents(tmp_path / "five"), contents(tmp_path / "two")
    assert len(five) == 5
    assert two.items() <= five.items()


@pytest.mark.parametrize("named", ["request.json", "."])
def test_again_gives_the_same_bytes(capsys, run, tmp_path, named):
    first, second = tmp_path / "first", tmp_path / "second"
    wishes = ("--with", "kind=hiss", "--temperature", 0.8, "--seconds", 0.3, "--format", "flac")
    assert ask(capsys, "generate", run, "-n", 2, "--seed", 11, *wishes, "--out", first).code == 0
    assert ask(capsys, "generate", "--again", first / named, "--out", second).code == 0
    assert contents(first) == contents(second)
    assert (first / "request.json").read_bytes() == (second / "request.json").read_bytes()


def test_a_drawn_seed_is_said_and_makes_the_same_sounds_again(capsys, run, tmp_path):
    drawn = ask(capsys, "generate", run, "-n", 1, "--out", tmp_path / "a", "--json").json
    assert any(f"seed {drawn['seed']}" in remark for remark in drawn["remarks"])
    assert ask(capsys, "generate", run, "-n", 1, "--seed", drawn["seed"], "--out", tmp_path / "b").code == 0
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_a_condition_is_kept_and_changes_the_sounds(capsys, run, tmp_path):
    for kind in KINDS:
        wish = ("--with", f"kind={kind}", "--with", "pitch=48")
        assert ask(capsys, "generate", run, "-n", 3, "--seed", 2, *wish, "--out", tmp_path / kind).code == 0
        record = json.loads((tmp_path / kind / "request.json").read_text())
        assert all(entry["conditions"] == {"kind": kind, "pitch": 48.0} for entry in record["files"])
        assert all(kind in name for name in contents(tmp_path / kind))
    hiss, thump = (contents(tmp_path / kind).values() for kind in KINDS)
    assert not set(hiss) & set(thump)


def test_a_sweep_writes_each_step_of_a_sound_with_a_picture_and_again_repeats_it(capsys, run, tmp_path):
    wish = ("--sweep", "pitch=36:60:3", "--with", "kind=hiss", "--seed", 2)
    assert ask(capsys, "generate", run, *wish, "--out", tmp_path / "a").code == 0
    record = json.loads((tmp_path / "a" / "request.json").read_text())
    assert [entry["conditions"] for entry in record["files"]] == [
        {"kind": "hiss", "pitch": pitch} for pitch in (36.0, 48.0, 60.0)
    ]
    assert all("hiss-pitch" in name for name in contents(tmp_path / "a"))
    assert (tmp_path / "a" / "spectrograms.png").stat().st_size > 1000
    assert ask(capsys, "generate", run, "--again", tmp_path / "a", "--out", tmp_path / "b").code == 0
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_a_sweep_that_makes_no_sense_is_refused_with_the_next_move(capsys, run, tmp_path):
    for sweep, expected in (
        ("pitch", "NAME=FIRST:LAST:STEPS"),
        ("pitch=36:99:3", "36 to"),
        ("kind=0:1:2", "not a number"),
    ):
        answer = ask(capsys, "generate", run, "--sweep", sweep, "--out", tmp_path / "out")
        assert answer.code == 2
        assert expected in answer.err
        assert not (tmp_path / "out").exists()


def test_a_condition_that_was_left_out_is_drawn_and_written_down(capsys, run, tmp_path):
    assert ask(capsys, "generate", run, "-n", 6, "--seed", 2, "--out", tmp_path, "--no-picture").code == 0
    record = json.loads((tmp_path / "request.json").read_text())
    assert {entry["conditions"]["kind"] for entry in record["files"]} == set(KINDS)


def test_a_prompt_stays_as_it_is_and_is_carried_on(capsys, run, tmp_path):
    prompt = 0.5 * sound(0, "thump", 48.0)[:1600]
    soundfile.write(tmp_path / "prompt.wav", prompt, RATE)
    out = tmp_path / "out"
    asked = ask(capsys, "generate", run, "-n", 1, "--seed", 5, "--prompt", tmp_path / "prompt.wav", "--out", out)
    assert asked.code == 0
    (path,) = out.glob("*.wav")
    made = samples(path)
    assert len(made) == RATE // 2
    kept = made[: len(prompt) - 200]  # the seam may begin a little before the prompt ends
    gain = kept @ prompt[: len(kept)] / (prompt[: len(kept)] @ prompt[: len(kept)])
    assert np.abs(kept - gain * prompt[: len(kept)]).max() < 4 / 2**15
    assert np.abs(made[len(prompt) :]).max() > 1e-3


def test_a_prompt_of_another_rate_is_resampled_in_sight(capsys, run, tmp_path):
    rate = 2 * RATE
    soundfile.write(tmp_path / "fast.wav", 0.3 * np.sin(np.arange(rate // 8) / 20), rate)
    answer = ask(capsys, "generate", run, "-n", 1, "--prompt", tmp_path / "fast.wav", "--out", tmp_path / "o")
    assert answer.code == 0
    assert "fast.wav: resampled from 16000 to 8000 Hz" in answer.out


@pytest.mark.skipif(sys.platform != "linux", reason="file names are text here")
@pytest.mark.parametrize("option", ["--like", "--prompt"])
def test_a_sound_whose_name_is_not_utf_8_is_taken_and_taken_again(capsys, run, tmp_path, option):
    given = tmp_path / os.fsdecode(b"caf\xe9.wav")
    soundfile.write(os.fsencode(given), 0.5 * sound(0, "thump", 48.0)[:1600], 2 * RATE)
    first, second = tmp_path / "first", tmp_path / "second"
    answer = ask(capsys, "generate", run, "-n", 2, "--seed", 1, option, given, "--out", first)
    assert answer.code == 0, answer.err
    assert "caf\\xe9.wav: resampled" in answer.out
    found = ask(capsys, "generate", "--again", first, "--out", second, "--json").json
    assert len(found["files"]) == 2
    assert contents(first) == contents(second)
    assert (first / "request.json").read_bytes() == (second / "request.json").read_bytes()


@pytest.mark.skipif(sys.platform != "linux", reason="file names are text here")
def test_a_folder_whose_name_is_not_utf_8_is_written_to_and_said(run, sounds, tmp_path):
    out = tmp_path / os.fsdecode(b"\xff")
    for more in ((), ("--json",)):
        done = spawn("generate", run, "-n", 1, "--seed", 1, "--no-picture", "--out", out, *more)
        assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["folder"] == str(out)
    (out / "x.wav").write_bytes((sounds / "thump-001.wav").read_bytes())
    done = spawn("reconstruct", out / "x.wav", "--out", out)
    assert done.returncode == 0, done.stderr


def test_a_path_between_two_sounds_begins_at_one_and_ends_at_the_other(capsys, run, sounds, tmp_path):
    ends = [sounds / "hiss-000.wav", sounds / "thump-001.wav"]
    likes = [argument for end in ends for argument in ("--like", end)]
    assert ask(capsys, "generate", run, "-n", 3, *likes, "--out", tmp_path / "o", "--no-picture").code == 0
    made = [magnitudes(samples(path)) for path in sorted((tmp_path / "o").glob("*.wav"))]
    first, last = (magnitudes(np.pad(wave, (0, RATE // 2 - len(wave)))) for wave in map(samples, ends))
    assert (made[0] * first).sum() > 0.7 > (made[0] * last).sum()
    assert (made[2] * last).sum() > 0.7 > (made[2] * first).sum()


def test_variations_go_further_with_the_distance(capsys, run, sounds, tmp_path):
    given = sounds / "thump-001.wav"
    likeness = []
    for distance in (0, 1):
        out = tmp_path / str(distance)
        asked = ("--like", given, "--distance", distance, "--seed", 3, "-n", 4, "--no-picture")
        assert ask(capsys, "generate", run, *asked, "--out", out).code == 0
        wave = samples(given)
        true = magnitudes(np.pad(wave, (0, RATE // 2 - len(wave))))
        likeness.append(np.mean([(magnitudes(samples(path)) * true).sum() for path in out.glob("*.wav")]))
    assert likeness[0] > likeness[1]


@pytest.mark.parametrize("format", ["wav", "flac", "ogg", "opus", "mp3", "aiff"])
def test_every_format_can_be_written_and_read_again(capsys, run, tmp_path, format):
    from soundloom.audio import read

    answer = ask(capsys, "generate", run, "-n", 1, "--seed", 1, "--format", format, "--out", tmp_path, "--no-picture")
    assert answer.code == 0
    (path,) = tmp_path.glob(f"*.{format}")
    made = read(path)
    assert made.seconds == pytest.approx(0.5, abs=0.12)  # mp3 pads its ends
    assert made.peak > 0.01


def test_the_same_request_may_be_written_twice_and_another_replaces_it_when_told(capsys, run, tmp_path):
    assert ask(capsys, "generate", run, "-n", 1, "--seed", 1, "--out", tmp_path).code == 0
    before = contents(tmp_path)
    assert ask(capsys, "generate", run, "-n", 1, "--seed", 1, "--out", tmp_path).code == 0
    assert contents(tmp_path) == before
    assert ask(capsys, "generate", run, "-n", 1, "--seed", 2, "--out", tmp_path, "--replace").code == 0
    assert json.loads((tmp_path / "request.json").read_text())["request"]["seed"] == 2


@pytest.fixture
def pressed(monkeypatch) -> Callable[[int, int], None]:
    """Puts a model in place that meets a signal (Ctrl-C or SIGTERM) before a block of 100 samples, counted from 1."""

    def press(number: int, block: int) -> None:
        blocks = iter(range(1, 1000))

        def before_block() -> None:
            if next(blocks) == block:
                signal.raise_signal(number)
                time.sleep(0.5)  # until the main thread has handled it

        model = slow_model(before_block=before_block)
        monkeypatch.setattr("soundloom.checkpoints.checkpoint.locate", Path)
        monkeypatch.setattr("soundloom.generation.load", lambda source: model)

    return press


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_while_generating_keeps_what_is_done_and_ends_with_1(capsys, pressed, tmp_path, number):
    handlers = signal.getsignal(number)
    pressed(number, 8 + 8 + 4)
    out = tmp_path / "out"
    answer = ask(capsys, "generate", "slow", "-n", 8, "--seed", 1, "--jobs", 1, "--out", out)
    assert answer.code == 1
    assert answer.out == f"3 sounds in {out}\nspectrograms: {out / 'spectrograms.png'}\n"
    assert answer.err == (
        f"soundloom: stopped: 3 of 8 sounds, one of them 0.05 of 0.1 s; to have all of them whole: "
        f"soundloom generate --again {out}\n"
    )
    assert [len(samples(path)) for path in sorted(out.glob("*.wav"))] == [800, 800, 400]
    assert signal.getsignal(number) == handlers


def test_a_request_that_was_stopped_says_so_as_json_and_again_makes_it_whole(capsys, pressed, tmp_path):
    out = tmp_path / "out"
    pressed(signal.SIGINT, 8 + 2)
    asked = ("generate", "slow", "-n", 3, "--seed", 1, "--jobs", 1, "--out", out, "--no-picture", "--json")
    answer = ask(capsys, *asked)
    assert answer.code == 1
    assert answer.err.startswith("soundloom: stopped: 2 of 3 sounds, one of them 0.03 of 0.1 s; ")
    record = answer._replace(code=0).json
    assert record["stopped"] is True
    assert record["files"] == [str(path) for path in sorted(out.glob("*.wav"))]
    pressed(signal.SIGINT, 0)  # never
    again = ask(capsys, "generate", "--again", out, "--out", out, "--json").json
    assert (again["stopped"], len(again["files"])) == (False, 3)
    assert again["remarks"] == [f"{out} was stopped before its sounds were done; here all are made whole"]
    assert [len(samples(path)) for path in sorted(out.glob("*.wav"))] == [800] * 3
    assert ask(capsys, *asked[:-1]).err == ""


def test_stopped_before_the_first_sample_nothing_is_written(capsys, monkeypatch, tmp_path):
    from soundloom.runtime import signals

    model = slow_model()
    monkeypatch.setattr("soundloom.checkpoints.checkpoint.locate", Path)
    monkeypatch.setattr("soundloom.generation.load", lambda source: model)
    stop = threading.Event()
    stop.set()
    monkeypatch.setattr(signals, "stop_signals", lambda: contextlib.nullcontext(stop))
    answer = ask(capsys, "generate", "slow", "--out", tmp_path / "out", "--seed", 1)
    assert answer == (1, "", "soundloom: stopped: 0 of 8 sounds; nothing was written\n")
    assert not (tmp_path / "out").exists()


def test_a_request_that_takes_long_says_how_far_it_is_where_there_is_no_terminal(capsys, monkeypatch, tmp_path):
    model = slow_model(block_seconds=0.05)
    monkeypatch.setattr("soundloom.checkpoints.checkpoint.locate", Path)
    monkeypatch.setattr("soundloom.generation.load", lambda source: model)
    monkeypatch.setattr("soundloom.runtime.progress_bar.LINE_SECONDS", 0.2)
    asked = ("generate", "slow", "-n", 1, "--seconds", 0.2, "--seed", 1, "--no-picture", "--out", tmp_path)
    first, *_ = lines = ask(capsys, *asked).err.splitlines()
    assert 1 < len(lines) < 8
    record = re.fullmatch(r"generating \(Ctrl-C keeps what is done\): (.+) s of 0.2 s of sound, (.+) s left", first)
    assert record is not None
    assert 0 < float(record[1]) < 0.2
    assert float(record[2]) > 0
    assert ask(capsys, *asked, "--json").err == ""


def test_reconstruct_writes_what_comes_back_and_measures_it(capsys, sounds, tmp_path):
    given = sounds / "thump-001.wav"
    found = ask(capsys, "reconstruct", given, "--representation", "if", "--out", tmp_path, "--json").json
    (row,) = found["files"]
    assert row["spectral_convergence_db"] < -60  # instantaneous frequencies keep the phase
    kept = samples(Path(row["written"]))
    assert np.abs(kept - samples(given)).max() < 1e-3


def test_reconstruct_numbers_names_that_come_again_and_says_so(capsys, sounds, tmp_path):
    given = [tmp_path / side / "x.wav" for side in ("left", "right")]
    for path, name in zip(given, ("thump-001.wav", "hiss-000.wav"), strict=True):
        path.parent.mkdir()
        path.write_bytes((sounds / name).read_bytes())
    found = ask(capsys, "reconstruct", *given, "--out", tmp_path / "o", "--json").json
    assert [Path(row["written"]).name for row in found["files"]] == ["x-mel.wav", "x-mel-2.wav"]
    assert len({path.read_bytes() for path in (tmp_path / "o").glob("*.wav")}) == 2
    (remark,) = found["remarks"]
    assert remark.endswith("right/x.wav: written as x-mel-2.wav, as x-mel.wav is taken")
    assert remark in ask(capsys, "reconstruct", *given, "--out", tmp_path / "o").out


def test_reconstruct_records_how_each_result_was_made(capsys, sounds, tmp_path):
    for representation in ("mel", "log", "mel"):
        asked = ("reconstruct", sounds / "thump-001.wav", "--representation", representation, "--seed", 3)
        assert ask(capsys, *asked, "--out", tmp_path).code == 0
    record = json.loads((tmp_path / "reconstruct.json").read_text())
    made = {entry["file"]: (entry["representation"], entry["seed"]) for entry in record["files"]}
    assert made == {"thump-001-log.wav": ("log", 3), "thump-001-mel.wav": ("mel", 3)}
    assert len(record["files"]) == 2


def test_reconstruct_never_writes_over_a_sound_that_it_was_given(capsys, sounds, tmp_path):
    given = [tmp_path / "x.wav", tmp_path / "x-mel.wav"]
    for path in given:
        path.write_bytes((sounds / "thump-001.wav").read_bytes())
    assert ask(capsys, "reconstruct", *given, "--out", tmp_path).code == 0
    assert given[1].read_bytes() == (sounds / "thump-001.wav").read_bytes()
    assert {path.name for path in tmp_path.glob("*.wav")} == {"x.wav", "x-mel.wav", "x-mel-2.wav", "x-mel-mel.wav"}


def test_reconstruct_prints_a_table_with_a_row_for_each_file(capsys, sounds, tmp_path):
    given = [sounds / "thump-001.wav", sounds / "hiss-000.wav"]
    answer = ask(capsys, "reconstruct", *given, "--phase", "zero", "--out", tmp_path)
    assert answer.code == 0
    assert len(list(tmp_path.glob("*-mel-zero.wav"))) == 2
    assert "spectral" in answer.out


@pytest.fixture
def shipped(run, tmp_path, monkeypatch) -> Path:
    """A folder of shipped models with one model in it."""
    shipped = tmp_path / "models"
    (shipped / "thumps").mkdir(parents=True)
    for name in ("config.json", "weights.safetensors"):
        (shipped / "thumps" / name).write_bytes((run / name).read_bytes())
    card = {"makes": "hisses and thumps", "data": "made in a test", "licence": "CC0"}
    (shipped / "thumps" / "card.json").write_text(json.dumps(card))
    monkeypatch.setattr("soundloom.checkpoints.checkpoint.SHIPPED", shipped)
    return shipped


def test_models_lists_what_each_shipped_model_makes_and_can_be_asked_for(capsys, shipped, monkeypatch):
    (entry,) = ask(capsys, "models", "--json").json["models"]
    assert entry["name"] == "thumps"
    assert entry["makes"] == "hisses and thumps"
    kind, pitch = sorted(entry["conditions"], key=lambda condition: condition["name"])
    assert (kind["name"], kind["kind"], kind["values"], kind["default"]) == ("kind", "category", list(KINDS), None)
    assert (pitch["name"], pitch["kind"], pitch["unit"], pitch["measured"]) == ("pitch", "scalar", "MIDI", None)
    assert 36 <= pitch["low"] < pitch["high"] <= 63
    assert (entry["seconds"], entry["longest_seconds"]) == (0.5, 0.5)
    assert entry["megabytes"] == round((shipped / "thumps" / "weights.safetensors").stat().st_size / 1e6, 2)
    monkeypatch.setenv("COLUMNS", "200")
    table = ask(capsys, "models")
    assert table.code == 0
    assert "thumps" in table.out
    assert "0.5 s at 8000 Hz" in table.out
    assert "up to" not in table.out


def test_models_gives_how_long_a_sound_can_be_where_that_is_more_than_a_clip(capsys, shipped, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    card = json.loads((shipped / "thumps" / "card.json").read_text())
    (shipped / "thumps" / "card.json").write_text(json.dumps({**card, "longest_seconds": 86400}))
    (entry,) = ask(capsys, "models", "--json").json["models"]
    assert (entry["seconds"], entry["longest_seconds"]) == (0.5, 86400)
    assert "up to 24.0 hours" in ask(capsys, "models").out


def test_a_shipped_model_is_called_by_its_name(capsys, shipped, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert ask(capsys, "generate", "thumps", "-n", 1, "--seed", 9).code == 0
    assert len(list((tmp_path / "out" / "thumps-9").glob("*.wav"))) == 1


def test_a_reader_that_has_enough_ends_the_command_quietly(sounds):
    with subprocess.Popen(script("scan", sounds, "--json"), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1
