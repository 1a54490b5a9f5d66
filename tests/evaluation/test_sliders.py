"""Moved sliders of stand-in models that follow one slider and ignore another."""

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
from soundloom.evaluation.embedded_sounds import EmbeddedSounds, Embedder
from soundloom.evaluation.report.page import page
from soundloom.evaluation.report.sentences import slider_sentences
from soundloom.evaluation.report.writing import write_report
from soundloom.evaluation.results import Results
from soundloom.evaluation.sliders import NEAREST, SliderTest, add_coherence
from soundloom.evaluation.terms import Terms
from soundloom.metrics.estimate import TooFew

RATE = 16000
SCHEMA = Schema(
    (
        Category("kind", ("hiss", "thump")),
        Scalar("brightness", (0.0, 1.0), measured=Measured(20.0, 80.0)),
        Scalar("boominess", (0.0, 1.0), measured=Measured(0.0, 60.0)),
    )
)
TRAINING = [{"kind": "hiss", "brightness": f"{20 + 6 * step}", "boominess": "30"} for step in range(11)]  # as measured
REQUEST = {"kind": "hiss", "brightness": 0.5, "boominess": 0.5}


@dataclass
class Synthesiser:
    """Noise whose cut-off follows brightness; boominess only changes the draw."""

    name: str = "synth"
    schema: Schema = SCHEMA
    requests: list[Any] = field(default_factory=list)

    @property
    def model(self) -> Any:
        return SimpleNamespace(
            system=SimpleNamespace(schema=self.schema, joint_distribution=JointDistribution(self.schema))
        )

    def generate(self, requests: Any, terms: Terms, seeds: Any) -> np.ndarray:
        self.requests += zip(requests, seeds, strict=True)
        sounds = []
        for request, seed in zip(requests, seeds, strict=True):
            rng = np.random.default_rng(
                seed if request["boominess"] == 0.5 else [seed, int(100 * request["boominess"])]
            )
            low = butter(2, 500 * 12 ** request["brightness"], fs=RATE, output="sos")
            noise = rng.standard_normal(terms.samples) * np.exp(-np.arange(terms.samples) / 3000)
            sounds.append(0.1 * sosfilt(low, noise))
        return np.stack(sounds).astype(np.float32)


class Broken(Synthesiser):
    """Every other sound holds a NaN."""

    def generate(self, requests: Any, terms: Terms, seeds: Any) -> np.ndarray:
        audio = super().generate(requests, terms, seeds)
        audio[::2, 5] = np.nan
        return audio


class Level:
    """An embedding of two numbers."""

    name, sample_rate, digest = "level", RATE, "level-of-the-tests"

    def __call__(self, audio: np.ndarray) -> np.ndarray:
        return np.stack([np.abs(audio).max(axis=1), np.square(audio).mean(axis=1)], axis=1).astype(np.float32)


EMBEDDER = Embedder([Level()], RATE)


def slider_test(synthesiser: Any, count: int = 12, requests: int = 20) -> SliderTest:
    return SliderTest(synthesiser, [REQUEST] * requests, Terms(RATE, 0.5, count, 0))


def training(labels: Any) -> EmbeddedSounds:
    levels = np.random.default_rng(0).standard_normal((len(labels), 2))
    return EmbeddedSounds(len(labels), {"level": levels}, conditions=list(labels))


@pytest.fixture(scope="module")
def evaluated() -> tuple[Results, Synthesiser]:
    results, synthesiser = Results("t", "c", {}), Synthesiser()
    test = slider_test(synthesiser)
    add_coherence(results, "synth", test.sliders, test.coherence())
    add_coherence(results, NEAREST, test.sliders, test.nearest_training(TRAINING))
    results.figures += test.diversity(training(TRAINING), EMBEDDER, results)
    return results, synthesiser


def test_a_slider_that_is_followed_is_separated_from_one_that_is_not(evaluated: tuple[Results, Synthesiser]) -> None:
    found = evaluated[0].coherence["synth"]
    assert min(estimate.value for estimate in found["brightness"].values()) > 0.95
    assert max(estimate.value for estimate in found["boominess"].values()) < 0.75
    for name in ("E1", "E2", "E3"):
        mean = np.mean([found[slider][name].value for slider in ("brightness", "boominess")])
        assert value(evaluated[0], "synth", f"coherence {name}") == pytest.approx(mean)


def test_one_slider_moves_while_the_seed_and_all_else_stay(evaluated: tuple[Results, Synthesiser]) -> None:
    brightness = evaluated[1].requests[:36]  # 12 sounds at three levels
    assert [request["brightness"] for request, _ in brightness] == [0.2] * 12 + [0.5] * 12 + [0.8] * 12
    assert {(request["kind"], request["boominess"]) for request, _ in brightness} == {("hiss", 0.5)}
    assert [seed for _, seed in brightness] == [*range(12)] * 3


def test_the_nearest_training_sounds_are_a_baseline(evaluated: tuple[Results, Synthesiser]) -> None:
    found = evaluated[0].coherence[NEAREST]
    assert {estimate.value for estimate in found["brightness"].values()} == {1.0}
    assert {estimate.value for estimate in found["boominess"].values()} == {0.0}  # it is the same in all of them


def test_two_sounds_of_one_request_are_compared_with_similar_training_sounds(
    evaluated: tuple[Results, Synthesiser],
) -> None:
    found = evaluated[0].find("synth", "conditional diversity", "level")
    assert found is not None
    assert 0 < found.estimate.value < 1
    twice = evaluated[1].requests[-24:]
    assert [request for request, _ in twice[:12]] == [request for request, _ in twice[12:]]
    assert len({seed for _, seed in evaluated[1].requests}) == 36  # seeds that no sound had before


def test_the_slider_with_the_least_effect_is_named(evaluated: tuple[Results, Synthesiser]) -> None:
    (sentence,) = slider_sentences(evaluated[0], "synth")
    assert "boominess does so least often" in sentence


def test_the_report_has_every_slider(evaluated: tuple[Results, Synthesiser], tmp_path: Path) -> None:
    html, figures = write_report(evaluated[0], tmp_path)
    written = json.loads(figures.read_text())["coherence"]["synth"]["brightness"]["E1"]
    assert written == evaluated[0].coherence["synth"]["brightness"]["E1"]._asdict()
    assert "Coherence of the sliders of synth" in html.read_text()
    assert "Coherence of the sliders of synth" in page(evaluated[0])


def test_too_few_requests_are_refused_and_a_model_without_sliders_has_none() -> None:
    synthesiser = Synthesiser()
    with pytest.raises(TooFew, match="coherence of sliders needs at least 8 requests and was given 7"):
        slider_test(synthesiser, requests=7).coherence()
    assert slider_test(Synthesiser(schema=Schema(SCHEMA.conditions[:1]))).sliders == []
    assert not synthesiser.requests


def test_broken_sounds_do_not_go_up() -> None:
    results = Results("t", "c", {})
    test = slider_test(Broken("broken"), count=20)
    add_coherence(results, "broken", test.sliders, test.coherence())
    assert results.coherence["broken"]["brightness"]["E1"].value == 0.5
    (found,) = test.diversity(training(TRAINING), EMBEDDER, results)
    assert found.sounds == 10


def test_training_sounds_without_labels_have_no_neighbours() -> None:
    test = slider_test(Synthesiser())
    with pytest.raises(TooFew, match="needs at least 1 labelled sounds"):
        test.nearest_training([{} for _ in TRAINING])
    with pytest.raises(TooFew, match="needs at least 1 labelled sounds"):
        list(test.diversity(training([{} for _ in TRAINING]), EMBEDDER, Results("t", "c", {})))
