"""Moved sliders of stand-in models whose obedience is known."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy.signal import butter, sosfilt
from stand_ins import value

from soundloom.conditions.joint_distribution import JointDistribution
from soundloom.conditions.schema import Category, Measured, Scalar, Schema
from soundloom.evaluation.candidates import Terms
from soundloom.evaluation.embedded import Heard
from soundloom.evaluation.report.page import page
from soundloom.evaluation.report.sentences import _sliders
from soundloom.evaluation.report.writing import write_report
from soundloom.evaluation.results import Findings
from soundloom.evaluation.session import FLOOR, Verdict
from soundloom.evaluation.sliders import NEAREST, move_sliders

RATE = 16000
SCHEMA = Schema(
    (
        Category("kind", ("hiss", "thump")),
        Scalar("brightness", (0.0, 1.0), measured=Measured(20.0, 80.0)),
        Scalar("boominess", (0.0, 1.0), measured=Measured(0.0, 60.0)),
    )
)
TRAINED = [{"kind": "hiss", "brightness": f"{20 + 6 * step}", "boominess": "30"} for step in range(11)]  # as measured


@dataclass
class Synthesiser:
    """Noise whose cut-off obeys brightness; it has no ear for boominess."""

    name: str = "synth"
    asked: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.model = SimpleNamespace(system=SimpleNamespace(schema=SCHEMA, joint=JointDistribution(SCHEMA)))

    def obeying(self, requests: Any, terms: Terms, seeds: Any) -> np.ndarray:
        self.asked += zip(requests, seeds, strict=True)
        sounds = []
        for request, seed in zip(requests, seeds, strict=True):
            rng = np.random.default_rng(
                seed if request["boominess"] == 0.5 else [seed, int(100 * request["boominess"])]
            )
            low = butter(2, 500 * 12 ** request["brightness"], fs=RATE, output="sos")
            noise = rng.standard_normal(terms.samples) * np.exp(-np.arange(terms.samples) / 3000)
            sounds.append(0.1 * sosfilt(low, noise))
        return np.stack(sounds).astype(np.float32)


class Level:
    """An embedding of two numbers."""

    name, sample_rate, digest = "level", RATE, "level-of-the-tests"

    def __call__(self, audio: np.ndarray) -> np.ndarray:
        return np.stack([np.abs(audio).max(axis=1), np.square(audio).mean(axis=1)], axis=1).astype(np.float32)


class Training(list[Any]):
    labels = TRAINED


def verdict_of(count: int = 12) -> Verdict:
    material: Any = SimpleNamespace(training=Training(TRAINED))
    findings, ears = Findings("t", "c", {}), Level()
    verdict = Verdict(material, Terms(RATE, 0.5, count, 0), [ears], findings, lambda sentence: None)
    levels = np.random.default_rng(0).standard_normal((len(TRAINED), 2))
    verdict.heard[FLOOR] = Heard(len(TRAINED), {ears.name: levels}, conditions=list(TRAINED))
    return verdict


@pytest.fixture(scope="module")
def judged() -> tuple[Verdict, Synthesiser]:
    verdict, synth = verdict_of(), Synthesiser()
    rows = [{"kind": "hiss", "brightness": 0.5, "boominess": 0.5} for _ in range(20)]
    move_sliders(verdict, synth, rows)  # type: ignore[arg-type]
    return verdict, synth


def test_an_obeyed_slider_is_told_from_one_that_is_not(judged: tuple[Verdict, Synthesiser]) -> None:
    found = judged[0].findings.coherence["synth"]
    assert min(estimate.value for estimate in found["brightness"].values()) > 0.95
    assert max(estimate.value for estimate in found["boominess"].values()) < 0.75
    for name in ("E1", "E2", "E3"):
        mean = np.mean([found[slider][name].value for slider in ("brightness", "boominess")])
        assert value(judged[0].findings, "synth", f"coherence {name}") == pytest.approx(mean)


def test_one_slider_moves_and_the_draw_and_all_else_stay(judged: tuple[Verdict, Synthesiser]) -> None:
    brightness = judged[1].asked[:36]  # 12 sounds at three levels
    assert [request["brightness"] for request, _ in brightness] == [0.2] * 12 + [0.5] * 12 + [0.8] * 12
    assert {(request["kind"], request["boominess"]) for request, _ in brightness} == {("hiss", 0.5)}
    assert [seed for _, seed in brightness] == [*range(12)] * 3


def test_the_nearest_training_sound_stands_beside(judged: tuple[Verdict, Synthesiser]) -> None:
    found = judged[0].findings.coherence[NEAREST]
    assert {estimate.value for estimate in found["brightness"].values()} == {1.0}
    assert {estimate.value for estimate in found["boominess"].values()} == {0.0}  # all of them have the same


def test_two_draws_of_one_request_are_compared_with_alike_training_sounds(judged: tuple[Verdict, Synthesiser]) -> None:
    found = judged[0].findings.find("synth", "diversity, all asked for", "level")
    assert found is not None
    assert 0 < found.estimate.value < 1
    twice = judged[1].asked[-24:]
    assert [request for request, _ in twice[:12]] == [request for request, _ in twice[12:]]
    assert len({seed for _, seed in judged[1].asked}) == 36  # draws of their own


def test_the_worst_slider_is_named(judged: tuple[Verdict, Synthesiser]) -> None:
    (sentence,) = _sliders(judged[0], "synth")
    assert "boominess the least" in sentence


def test_the_report_has_every_slider(judged: tuple[Verdict, Synthesiser], tmp_path: Path) -> None:
    html, figures = write_report(judged[0].findings, tmp_path)
    written = json.loads(figures.read_text())["coherence"]["synth"]["brightness"]["E1"]
    assert written == judged[0].findings.coherence["synth"]["brightness"]["E1"]._asdict()
    assert "Coherence of the sliders of synth" in html.read_text()
    assert "Coherence of the sliders of synth" in page(judged[0].findings)


def test_too_few_sounds_are_said_and_no_slider_needs_nothing() -> None:
    verdict, synth = verdict_of(), Synthesiser()
    move_sliders(verdict, synth, [{"brightness": 0.5}] * 7)  # type: ignore[arg-type]
    assert any("needs 8 sounds or more, 7 are there" in remark for remark in verdict.findings.remarks)
    synth.model.system.schema = Schema(SCHEMA.conditions[:1])
    move_sliders(verdict, synth, [{"kind": "hiss"}] * 20)  # type: ignore[arg-type]
    assert not verdict.findings.coherence
    assert not synth.asked


def test_sounds_that_hold_no_numbers_do_not_go_up() -> None:
    class Broken(Synthesiser):
        def obeying(self, requests: Any, terms: Terms, seeds: Any) -> np.ndarray:
            made = super().obeying(requests, terms, seeds)
            made[::2, 5] = np.nan
            return made

    verdict = verdict_of(count=20)
    rows = [{"kind": "hiss", "brightness": 0.5, "boominess": 0.5} for _ in range(20)]
    move_sliders(verdict, Broken("broken"), rows)  # type: ignore[arg-type]
    assert verdict.findings.coherence["broken"]["brightness"]["E1"].value == 0.5
    found = verdict.findings.find("broken", "diversity, all asked for", "level")
    assert found is not None
    assert found.sounds == 10


def test_training_sounds_without_labels_leave_out_what_rests_on_them() -> None:
    verdict = verdict_of()
    verdict.heard[FLOOR].conditions[:] = [{} for _ in TRAINED]
    rows = [{"kind": "hiss", "brightness": 0.5, "boominess": 0.5} for _ in range(12)]
    move_sliders(verdict, Synthesiser(), rows)  # type: ignore[arg-type]
    assert any("needs at least 1 labelled sounds" in remark for remark in verdict.findings.remarks)
    assert "synth" in verdict.findings.coherence
