"""Training from the outside: what a run folder holds, what resuming keeps, what stops it and what survives that."""

from __future__ import annotations

import copy
import csv
import errno
import json
import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from safetensors.torch import load_file
from torch import nn

from soundloom.audio import Audio
from soundloom.checkpoints.checkpoint import WEIGHTS
from soundloom.contract import Batch, Loss, Objective, Stage
from soundloom.generation import Request, load
from soundloom.layers.batch_norm import running_statistics
from soundloom.representations.waveform import Waveform
from soundloom.systems.vae.elbo import ELBO
from soundloom.training import DATA, train
from soundloom.training.average import WeightAverage
from soundloom.training.log import LOG
from soundloom.training.precision import faster_precision
from soundloom.training.state import STATE
from soundloom.training.watcher import Silent
from sounds import make_sounds, sound

Train = Callable[..., Path]
ASKED = {"preset": "tiny", "precision": "float32", "preview_seconds": 0.0}


def steps_logged(run: Path) -> list[int]:
    lines = [json.loads(line) for line in (run / LOG).read_text().splitlines()]
    return [line["step"] for line in lines if "seconds" in line]


def assert_equal_weights(first: Path, second: Path) -> None:
    ours, theirs = load_file(first / WEIGHTS), load_file(second / WEIGHTS)
    assert [key for key in ours if not torch.equal(ours[key], theirs[key])] == []


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, train_tiny: Train) -> Path:
    """Eight steps, saved at each; not to be changed."""
    return train_tiny("vae", tmp_path_factory.mktemp("loop") / "run", steps=8, save_seconds=0.0)


def test_every_file_that_was_found_is_used_or_skipped_in_the_provenance(sounds: Path, run: Path) -> None:
    provenance = json.loads((run / DATA).read_text())
    files = [path for path in sounds.rglob("*") if path.is_file()]
    assert provenance["found"] == len(files) == provenance["used"] + len(provenance["skipped"])
    assert provenance["skipped"] == [
        {"path": "metadata.csv", "code": "label_table", "reason": "label table, not a sound"}
    ]
    assert sorted(provenance["training"] + provenance["held_out"]) == sorted(path.name for path in sounds.glob("*.wav"))


def test_no_kit_is_on_both_sides_of_the_split(sounds: Path, run: Path) -> None:
    provenance = json.loads((run / DATA).read_text())
    kits = {
        side: {int(name.split("-")[1][:3]) // 2 % 5 for name in provenance[side]} for side in ("training", "held_out")
    }
    assert kits["training"]
    assert kits["held_out"]
    assert not kits["training"] & kits["held_out"]


def test_a_resumed_training_logs_every_step_once(tmp_path: Path, sounds: Path, run: Path) -> None:
    shutil.copytree(run, tmp_path / "run")
    with (tmp_path / "run" / LOG).open("a") as file:  # what a kill leaves: later steps, and half a line
        file.write('{"step": 8, "seconds": 9.0}\n{"step": 9, "seconds": 9.1}\n{"step": 10, "sec')
    outcome = train("vae", sounds, out=tmp_path / "run", steps=14, resume=True, **ASKED)
    assert outcome.steps == 14
    assert steps_logged(tmp_path / "run") == list(range(14))


def test_a_training_that_is_over_resumes_to_itself(tmp_path: Path, sounds: Path, run: Path) -> None:
    shutil.copytree(run, tmp_path / "run")
    outcome = train("vae", sounds, out=tmp_path / "run", steps=8, resume=True, **ASKED)
    assert (outcome.steps, outcome.finished) == (8, True)
    assert_equal_weights(tmp_path / "run", run)


def test_saving_more_often_changes_no_weight(tmp_path: Path, run: Path, train_tiny: Train) -> None:
    assert_equal_weights(train_tiny("vae", tmp_path / "run", steps=8, save_seconds=1e9), run)


def test_another_seed_trains_another_model(tmp_path: Path, run: Path, train_tiny: Train) -> None:
    ours = load_file(train_tiny("vae", tmp_path / "run", steps=8, seed=1) / WEIGHTS)
    theirs = load_file(run / WEIGHTS)
    assert not torch.equal(ours["network.encoder.stem.weight"], theirs["network.encoder.stem.weight"])


def test_previews_are_made_at_the_start_and_at_the_end_and_change_no_weight(
    tmp_path: Path, run: Path, train_tiny: Train
) -> None:
    previewed = train_tiny("vae", tmp_path / "run", steps=8, preview_seconds=1e9, preview_count=2)
    folders = sorted(path.name for path in (previewed / "previews").iterdir())
    assert folders == ["step-000000", "step-000008"]
    for folder in folders:
        names = {path.name for path in (previewed / "previews" / folder).iterdir()}
        assert names == {"00.wav", "01.wav", "spectrograms.png"}
        samples, rate = soundfile.read(previewed / "previews" / folder / "00.wav")
        assert (len(samples), rate) == (4000, 8000)
        assert (previewed / "previews" / folder / "spectrograms.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert_equal_weights(previewed, run)


def test_a_folder_that_holds_a_run_is_not_trained_over(sounds: Path, run: Path) -> None:
    before = (run / WEIGHTS).read_bytes()
    with pytest.raises(ValueError, match=r"holds a run already; go on with it by --resume, or choose another --out"):
        train("vae", sounds, out=run, steps=8, **ASKED)
    assert (run / WEIGHTS).read_bytes() == before


def test_a_run_killed_before_anything_was_saved_may_begin_again(tmp_path: Path, run: Path, sounds: Path) -> None:
    for name in ("config.json", "training.json", "data.json"):
        (tmp_path / "run").mkdir(exist_ok=True)
        shutil.copy(run / name, tmp_path / "run")
    with pytest.raises(ValueError, match="train without --resume"):
        train("vae", sounds, out=tmp_path / "run", steps=8, resume=True, **ASKED)
    train("vae", sounds, out=tmp_path / "run", steps=8, **ASKED)
    assert_equal_weights(tmp_path / "run", run)


def test_there_is_nothing_to_resume_in_an_empty_folder(tmp_path: Path, sounds: Path) -> None:
    with pytest.raises(ValueError, match="holds no run to resume; leave --resume out to begin one"):
        train("vae", sounds, out=tmp_path, steps=8, resume=True, **ASKED)


def more_sounds(folder: Path) -> None:
    soundfile.write(folder / "hiss-999.wav", sound(999, "hiss", 40), 8000)


def fewer_sounds(folder: Path) -> None:
    (folder / "hiss-000.wav").unlink()


def an_edited_sound(folder: Path) -> None:
    soundfile.write(folder / "hiss-000.wav", sound(998, "hiss", 40), 8000)


def another_label(folder: Path) -> None:
    table = folder / "metadata.csv"
    table.write_text(table.read_text().replace("hiss-000.wav,hiss", "hiss-000.wav,thump"))


@pytest.mark.parametrize("change", [more_sounds, fewer_sounds, an_edited_sound, another_label])
def test_resuming_on_other_data_is_refused(change: Callable[[Path], None], tmp_path: Path, train_tiny: Train) -> None:
    folder = make_sounds(tmp_path / "sounds", 12)
    run = train_tiny("vae", tmp_path / "run", steps=1, folder=folder, held_out=0.0)
    change(folder)
    with pytest.raises(ValueError, match=r"no longer gives the clips that .* was trained on; put them back"):
        train("vae", folder, out=run, steps=2, resume=True, **ASKED)


def test_resuming_with_clips_that_another_version_cut_is_refused(tmp_path: Path, train_tiny: Train) -> None:
    folder = make_sounds(tmp_path / "sounds", 12)
    run = train_tiny("vae", tmp_path / "run", steps=1, folder=folder, held_out=0.0)
    data = json.loads((run / DATA).read_text())
    del data["cut"]  # as before there was a version
    (run / DATA).write_text(json.dumps(data))
    with pytest.raises(ValueError, match=r"another version of soundloom cut.* not resumed: train with a new --out"):
        train("vae", folder, out=run, steps=2, resume=True, **ASKED)
    assert load(run)


def test_long_files_cut_into_many_clips_resume_too(tmp_path: Path) -> None:
    (tmp_path / "sounds").mkdir()
    rng = np.random.default_rng(0)
    for name in ("one.wav", "two.wav"):
        soundfile.write(tmp_path / "sounds" / name, 0.1 * rng.standard_normal(20_000), 8000)
    asked = {"set": ["cut=windows", "conditions=[]"], "held_out": 0.0, **ASKED}
    for steps in (1, 2):
        outcome = train("vae", tmp_path / "sounds", out=tmp_path / "run", steps=steps, resume=steps == 2, **asked)
    assert outcome.steps == 2
    assert json.loads((tmp_path / "run" / DATA).read_text())["training"] == ["one.wav", "two.wav"]


@pytest.mark.parametrize("asked", [None, "start", "windows"])
def test_a_few_long_files_are_cut_into_windows_unless_asked_otherwise(asked: str | None, tmp_path: Path) -> None:
    (tmp_path / "sounds").mkdir()
    noise = 0.1 * np.random.default_rng(0).standard_normal(80_000)
    soundfile.write(tmp_path / "sounds" / "take.wav", noise, 8000)
    sentences = Messages()
    changes = [] if asked is None else [f"cut={asked}"]
    train(
        "vae", tmp_path / "sounds", out=tmp_path / "run", steps=1, set=changes, held_out=0.0, watcher=sentences, **ASKED
    )
    assert load(tmp_path / "run").system.config.cut == (asked or "windows")
    assert any("few and long" in each for each in sentences.messages) == (asked is None)
    assert any("--set cut=windows takes windows over all" in each for each in sentences.messages) == (asked == "start")


class Messages(Silent):
    """A watcher that keeps the messages."""

    def __init__(self) -> None:
        self.messages: list[str] = []

    def message(self, text: str) -> None:
        self.messages.append(text)


def test_a_folder_that_moved_is_the_same_data(tmp_path: Path, train_tiny: Train) -> None:
    folder = make_sounds(tmp_path / "sounds", 12)
    run = train_tiny("vae", tmp_path / "run", steps=1, folder=folder)
    shutil.copytree(folder, tmp_path / "elsewhere")
    assert train("vae", tmp_path / "elsewhere", out=run, steps=2, resume=True, **ASKED).steps == 2


def test_a_loss_that_is_no_number_stops_with_a_sentence_and_leaves_the_last_state_whole(
    tmp_path: Path, sounds: Path, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = ELBO.forward

    def broken(self: ELBO, batch: Batch, fraction: float) -> Loss:
        loss = whole(self, batch, fraction)
        return Loss(loss.total * float("nan"), loss.parts) if batch.step == 5 else loss

    monkeypatch.setattr(ELBO, "forward", broken)
    with pytest.raises(FloatingPointError, match=r"became nan at step 5; the last save is intact; .* learning rate"):
        train("vae", sounds, out=tmp_path / "run", steps=8, save_seconds=0.0, **ASKED)
    monkeypatch.undo()
    assert "NaN" not in (tmp_path / "run" / LOG).read_text()
    assert np.isfinite(load(tmp_path / "run").generate(count=1)[0].samples).all()
    assert train("vae", sounds, out=tmp_path / "run", steps=8, resume=True, **ASKED).finished
    assert_equal_weights(tmp_path / "run", run)


@pytest.mark.parametrize("fails_at", range(4))
def test_a_disk_that_fills_up_while_saving_leaves_a_run_that_plays_and_resumes(
    fails_at: int, tmp_path: Path, sounds: Path, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(run, tmp_path / "run")
    replace, writes = os.replace, iter(range(100))

    def full(source: str, target: str) -> None:
        if next(writes) >= fails_at:
            raise OSError(errno.ENOSPC, "No space left on device", str(target))
        replace(source, target)

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        train("vae", sounds, out=tmp_path / "run", steps=11, resume=True, **ASKED | {"save_seconds": 0.0})
    monkeypatch.undo()
    assert load(tmp_path / "run").generate(count=1)[0].peak > 0
    assert not list((tmp_path / "run").rglob("*.part"))
    train("vae", sounds, out=tmp_path / "run", steps=11, resume=True, **ASKED)
    assert steps_logged(tmp_path / "run") == list(range(11))


@pytest.mark.parametrize("damage", ["truncated", "emptied", "foreign"])
def test_a_damaged_state_is_refused_by_name(damage: str, tmp_path: Path, sounds: Path, run: Path) -> None:
    shutil.copytree(run, tmp_path / "run")
    path = tmp_path / "run" / STATE
    content = {"truncated": path.read_bytes()[:5000], "emptied": b"", "foreign": (run / WEIGHTS).read_bytes()}[damage]
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"state\.safetensors (is damaged|was written by an earlier version)"):
        train("vae", sounds, out=tmp_path / "run", steps=9, resume=True, **ASKED)


def test_choosing_a_precision_leaves_the_weights_as_they_were(
    tmp_path: Path, sounds: Path, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def tried(step: Callable[[], None], device: torch.device) -> str:
        assert faster_precision(step, device) in ("float32", "bfloat16")
        return "float32"

    whole = ELBO.forward

    def moving(self: ELBO, batch: Batch, fraction: float) -> Loss:
        if (batch.step, fraction) == (0, 0.5):  # the trial, not the training: statistics of a batch move in it
            self.network.centre += 1.0
        return whole(self, batch, fraction)

    monkeypatch.setattr(ELBO, "forward", moving)
    monkeypatch.setattr("soundloom.training.precision.faster_precision", tried)
    train("vae", sounds, out=tmp_path / "run", steps=8, **ASKED | {"precision": "auto"})
    assert_equal_weights(tmp_path / "run", run)


def test_bfloat16_trains_too(tmp_path: Path, train_tiny: Train) -> None:
    (made,) = load(train_tiny("vae", tmp_path / "run", steps=3, precision="bfloat16")).generate(count=1)
    assert np.isfinite(made.samples).all()
    assert all(value.dtype != torch.bfloat16 for value in load_file(tmp_path / "run" / WEIGHTS).values())


def test_the_average_follows_by_the_closed_form() -> None:
    torch.manual_seed(0)
    system = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2), nn.Linear(2, 2))
    average = copy.deepcopy(system)
    start = [parameter.detach().clone() for parameter in average.parameters()]
    with torch.no_grad():
        for parameter in system.parameters():
            parameter += 1.5
        system[1].running_mean += 4.0
    follower = WeightAverage(average, system, Stage("half", Waveform(8000), (HalfOf(system),)))
    for _ in range(10):
        follower.follow(0.9)
    moved = [*start[:4]]
    for before, now, goal in zip(moved, average.parameters(), system.parameters(), strict=False):
        torch.testing.assert_close(now.detach(), goal.detach() + (before - goal.detach()) * 0.9**10)
    assert torch.equal(average[1].running_mean, system[1].running_mean)
    assert torch.equal(average[2].weight, start[4])  # no objective of the stage moves it


class HalfOf(Objective):
    """Moves all but the last layer, and the statistics of the normalisation."""

    name = "half"

    def __init__(self, system: nn.Sequential) -> None:
        super().__init__()
        self.system = system

    def moves(self) -> Iterable[nn.Parameter]:
        return [*self.system[0].parameters(), *self.system[1].parameters()]

    def statistics(self) -> Iterable[torch.Tensor]:
        return running_statistics(self.system)

    def forward(self, batch: Batch, fraction: float) -> Loss:
        raise AssertionError


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"system": "vea"}, r"no system 'vea'; did you mean 'vae'\?"),
        ({"preset": "drum"}, r"vae has no preset 'drum'; did you mean 'drums'\?"),
        ({"set": ["latnet=3"]}, r"no setting 'latnet'; did you mean 'latent'\?"),
        ({"set": ["latent=many"]}, r"latent = 'many'"),
        ({"set": ["latent"]}, "write it as name=value"),
        ({"conditions": ["knid"]}, r"no label 'knid' in this folder; did you mean 'kind'\?"),
        ({"held_out": 2}, "held_out is 2 but must be a share"),
        ({"saev_seconds": 2}, r"no setting 'saev_seconds'; did you mean 'save_seconds'\?"),
        ({"where": {"kind": "gong"}}, "."),
    ],
)
def test_what_is_asked_wrongly_is_refused_before_anything_is_written(
    asked: dict[str, object], sentence: str, tmp_path: Path, sounds: Path
) -> None:
    with pytest.raises(ValueError, match=sentence):
        train(**{"system": "vae", "folder": sounds, "out": tmp_path / "run", "steps": 1, **ASKED, **asked})
    assert not (tmp_path / "run").exists()


def kits_of(folder: Path, files: list[str]) -> set[str]:
    with (folder / "metadata.csv").open(newline="") as table:
        kits = {row["file_name"]: row["kit"] for row in csv.DictReader(table)}
    return {kits[file] for file in files}


def test_a_model_asked_for_the_group_trains_on_every_value_of_it(tmp_path, sounds, train_tiny):
    run = train_tiny("vae", tmp_path / "run", steps=1, conditions=["kit"], held_out=0.3)
    provenance, schema = json.loads((run / DATA).read_text()), load(run).system.schema
    assert provenance["held_out"]
    assert set(schema["kit"].values) == kits_of(sounds, provenance["training"])


def test_a_model_not_asked_for_the_group_never_trains_on_held_out_groups(tmp_path, sounds, train_tiny):
    run = train_tiny("vae", tmp_path / "run", steps=1, conditions=["kind"], held_out=0.3)
    provenance = json.loads((run / DATA).read_text())
    assert kits_of(sounds, provenance["held_out"])
    assert not kits_of(sounds, provenance["held_out"]) & kits_of(sounds, provenance["training"])


def test_no_condition_is_drawn_for_a_prompt(trained):
    model = load(trained("vae"))
    prompt = Audio(sound(0, "hiss", 60)[None, :1600].astype(np.float32), model.sample_rate)
    (made,) = model.stream(Request(count=1, prompt=prompt))
    assert made.conditions == {}
