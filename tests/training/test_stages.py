"""Stages: one after another within one budget, earlier ones frozen, each with clips of its own; texts on the way."""

from __future__ import annotations

import csv
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file

import plugged
from soundloom.contract import Batch
from soundloom.generation import Request, load
from soundloom.training import StepReport, TrainSettings, train
from soundloom.training.budget import Budget
from soundloom.training.log import LOG
from soundloom.training.state import STATE
from sounds import RATE, sound

ASKED = {"preset": "tiny", "precision": "float32", "preview_seconds": 0.0}


@pytest.fixture(scope="module", autouse=True)
def _plugged_in() -> Iterator[None]:
    plugged.plug_in()
    yield
    plugged.unplug()


class Recorder:
    """Keeps what it is called with; `at` runs before a step of that number goes on."""

    def __init__(self, at: dict[int, Callable[[], object]] | None = None) -> None:
        self.reports: list[StepReport] = []
        self.messages: list[str] = []
        self.at = at or {}

    def step(self, report: StepReport) -> None:
        self.reports.append(report)
        self.at.get(report.step, lambda: None)()

    def message(self, text: str) -> None:
        self.messages.append(text)


@settings(deadline=None)
@given(steps=st.integers(1, 5000), shares=st.lists(st.floats(0.01, 100), min_size=1, max_size=6))
def test_stages_share_the_steps_and_use_all_of_them(steps: int, shares: list[float]) -> None:
    budget, step, spent = Budget(TrainSettings(steps=steps)), 0, []
    for number in range(len(shares)):
        budget.begin_stage(tuple(shares[number:]), step, 0.0)
        first = step
        while budget.fraction(step) < 1:
            step += max(1, (steps - first) // 200) if budget.fraction(step + (steps - first) // 200) < 1 else 1
        spent.append(step - first)
    assert step == steps
    for share, count in zip(shares, spent, strict=True):
        assert abs(count - steps * share / sum(shares)) <= len(shares)


@pytest.fixture(scope="module")
def watched(sounds: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Recorder]:
    """Sixteen steps of a codec, a prior and an upsampler, saved at each; not to be changed."""
    run, recorder = tmp_path_factory.mktemp("stages") / "run", Recorder()
    train("toy_codec", sounds, out=run, steps=16, watcher=recorder, **ASKED)
    return run, recorder


def test_each_step_says_which_stage_of_how_many_it_is(watched: tuple[Path, Recorder]) -> None:
    _, recorder = watched
    places = list(dict.fromkeys(report.place for report in recorder.reports))
    assert places == ["stage 1 of 3 (codec)", "stage 2 of 3 (prior)", "stage 3 of 3 (upsampler)"]
    assert [report.step for report in recorder.reports] == list(range(16))
    fractions = [report.fraction for report in recorder.reports]
    assert fractions == sorted(fractions)
    assert fractions[8] == pytest.approx(0.5)  # shares of 2, 1 and 1
    assert [text for text in recorder.messages if text.startswith("stage")] == [
        "stage 1 of 3: codec",
        "stage 2 of 3: prior",
        "stage 3 of 3: upsampler",
    ]


def test_the_log_names_the_stage_of_each_line(watched: tuple[Path, Recorder]) -> None:
    lines = [json.loads(line) for line in (watched[0] / LOG).read_text().splitlines()]
    steps = [(line["stage"], line["step"]) for line in lines if "seconds" in line]
    assert steps == [(name, step) for step, name in enumerate(["codec"] * 8 + ["prior"] * 4 + ["upsampler"] * 4)]
    assert all(f"{line['stage']}.loss" in line or line["stage"] == "codec" for line in lines if "seconds" in line)


def test_the_state_holds_the_optimizers_of_the_stage_that_trains(watched: tuple[Path, Recorder]) -> None:
    keys = [key.split(".") for key in load_file(watched[0] / STATE) if key.startswith("optimizer.")]
    assert {(stage, objective) for _, stage, objective, *_ in keys} == {("upsampler", "upsampler")}


def test_an_earlier_stage_stays_as_its_average_left_it(sounds: Path, tmp_path: Path) -> None:
    run, codecs = tmp_path / "run", list[dict[str, torch.Tensor]]()

    def keep() -> None:
        state = load_file(run / STATE)
        for part in ("system", "average"):
            names = (f"{part}.coarse.", f"{part}.fine.")
            codecs.append({key: value for key, value in state.items() if key.startswith(names)})

    train("toy_codec", sounds, out=run, steps=16, watcher=Recorder({9: keep, 15: keep}), save_seconds=0.0, **ASKED)
    system, average, system_later, average_later = codecs
    assert len(system) == len(average) > 8
    for key, value in system.items():
        assert torch.equal(value, average[key.replace("system", "average", 1)])
        assert torch.equal(value, system_later[key])
    assert all(torch.equal(value, average_later[key]) for key, value in average.items())


def test_a_stage_has_clips_of_its_own_length_and_number_and_no_gradients_reach_its_representation(
    sounds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from soundloom.systems import toy_codec  # type: ignore[attr-defined]

    batches: dict[str, Batch] = {}
    for kind in (toy_codec.Reconstruction, toy_codec.PriorLoss, toy_codec.Upsampler):
        forward = kind.forward

        def spied(self, batch, fraction, forward=forward):
            batches.setdefault(self.name, batch)
            return forward(self, batch, fraction)

        monkeypatch.setattr(kind, "forward", spied)
    train("toy_codec", sounds, out=tmp_path / "run", steps=6, held_out=0.0, **ASKED)
    assert batches["reconstruction"].x.shape == (16, 1, RATE // 4)
    assert batches["prior"].x.shape == (8, RATE // 2 // 200)
    assert batches["upsampler"].x.shape == (8, RATE // 2 // 50, 2)
    assert not any(batch.x.requires_grad for batch in batches.values())
    for batch in batches.values():
        assert batch.begins is not None
        assert batch.durations is not None
        assert batch.begins.shape == batch.durations.shape == (len(batch.x),)
        assert ((batch.durations > 0.2) & (batch.durations < 0.5)).all()


def test_a_training_stopped_before_it_can_make_sounds_says_so_and_goes_on(sounds: Path, tmp_path: Path) -> None:
    run, stop = tmp_path / "run", threading.Event()
    outcome = train("toy_codec", sounds, out=run, steps=16, stop=stop, watcher=Recorder({3: stop.set}), **ASKED)
    assert (outcome.finished, outcome.steps) == (False, 4)
    with pytest.raises(ValueError, match=r"stopped in its stage 'codec', before it can make sounds; go on .* --resume"):
        load(run).generate(count=1)
    with pytest.raises(ValueError, match=r"begun with other settings .*codes=12.*keeps its own"):
        train("toy_codec", sounds, out=run, resume=True, set=["codes=12"])
    assert train("toy_codec", sounds, out=run, resume=True).finished
    assert load(run).generate(count=1)[0].peak > 0


def test_a_training_in_its_second_stage_refuses_other_settings(sounds: Path, tmp_path: Path) -> None:
    run, stop = tmp_path / "run", threading.Event()
    train("toy_codec", sounds, out=run, steps=16, stop=stop, watcher=Recorder({9: stop.set}), **ASKED)
    assert load(run).generate(count=1)[0].peak > 0  # the prior alone can be played already
    for asked in ({"set": ["learning_rate=0.5"]}, {"conditions": ["pitch"]}, {"where": {"kit": "kit1"}}):
        with pytest.raises(ValueError, match=rf"begun with other settings \(.*{next(iter(asked))}"):
            train("toy_codec", sounds, out=run, resume=True, **asked)
    assert train("toy_codec", sounds, out=run, steps=16, resume=True).finished


def test_previews_begin_as_soon_as_there_is_something_to_play(sounds: Path, tmp_path: Path) -> None:
    asked = {**ASKED, "preview_seconds": 1e-6, "preview_count": 1, "validation_count": 0}
    train("toy_codec", sounds, out=tmp_path / "run", steps=8, **asked)
    previews = sorted(path.name for path in (tmp_path / "run" / "previews").iterdir())
    assert previews == [f"step-{step:06d}" for step in range(4, 9)]


def spoken(folder: Path, count: int = 48) -> Path:
    """Decaying tones whose only label is a sentence, written in several ways: one high, one low."""
    folder.mkdir()
    ways = {72: ("a high tone", "High!", "so high"), 36: ("a low tone", "Low!", "so low")}
    rows = []
    for number in range(count):
        pitch = (72, 36)[number % 2]
        soundfile.write(folder / f"{number:03d}.wav", sound(number, "thump", pitch), RATE)
        rows.append({"file_name": f"{number:03d}.wav", "text": ways[pitch][number // 2 % 3]})
    rows[5]["text"] = "1984"  # numbers in some rows stay texts
    with (folder / "metadata.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return folder


def centroid(samples: np.ndarray) -> float:
    """Mean frequency, weighted by power, in Hz: 523 for a high tone, 65 for a low one."""
    power = np.abs(np.fft.rfft(samples[0])) ** 2
    return float((np.fft.rfftfreq(samples.shape[1], 1 / RATE) * power).sum() / power.sum())


def test_a_text_condition_changes_the_sound_and_unreadable_texts_are_refused(tmp_path: Path) -> None:
    run = train("toy_codec", spoken(tmp_path / "spoken"), out=tmp_path / "run", steps=800, **ASKED).run
    model = load(run)
    assert model.system.schema.texts[0].name == "text"
    high, low = (
        np.mean([centroid(sound.samples) for sound in model.generate(count=8, seed=1, conditions={"text": text})])
        for text in ("so high", "a low  TONE")
    )
    assert high > 1.3 * low
    (made,) = model.stream(Request(count=1, conditions={"text": 1984}))
    assert made.conditions["text"] == "1984"
    assert "text" not in next(model.stream(Request(count=1))).conditions  # left out, it stays unknown
    for text, reason in {"löw": "try 'low'", "низкий": "it reads", "": "is empty", "a" * 99: "up to 11"}.items():
        with pytest.raises(ValueError, match=reason):
            model.generate(count=1, conditions={"text": text})


def test_a_system_that_reads_no_text_is_not_asked_for_one(tmp_path: Path) -> None:
    folder = spoken(tmp_path / "spoken")
    with pytest.raises(ValueError, match=r"text is a text, which this system does not read; .*text:category"):
        train("vae", folder, out=tmp_path / "run", steps=1, conditions=["text"], **ASKED)
    assert load(train("vae", folder, out=tmp_path / "run", steps=1, **ASKED).run).conditions == []
