"""Accuracy and leakage of synthesisers that follow their conditions, that ignore them, and that mix them up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
import torch

from soundloom.conditions.joint_distribution import JointDistribution
from soundloom.conditions.schema import Category, Scalar, Schema, Value, slider
from soundloom.descriptors import measure as descriptors
from soundloom.metrics import conditioning_accuracy as module
from soundloom.metrics.classifier import TaskClassifier
from soundloom.metrics.conditioning_accuracy import (
    ConditionAccuracy,
    Measurements,
    conditioning_accuracy,
    is_pitch,
    measure,
)
from soundloom.metrics.leakage import leakage
from soundloom.metrics.requests import independent_requests, shuffled

RATE, SAMPLES = 16000, 6400
TIMBRES = ("buzz", "hollow", "pure")
SCHEMA = Schema(
    (
        Scalar("pitch", tuple(range(52, 89)), "MIDI"),
        Category("timbre", TIMBRES),
        Scalar("loudness", tuple(np.arange(-30.0, -5.0)), "dB"),
    )
)
Request = Mapping[str, Value | None]


def synthesise(requests: Sequence[Request], seed: int = 0) -> np.ndarray:
    """Steady tones that follow a request exactly: their harmonics are the timbre, their level the loudness."""
    rng, seconds, sounds = np.random.default_rng(seed), np.arange(SAMPLES) / RATE, []
    for request in requests:
        hz = 440 * 2 ** ((float(request["pitch"]) - 69) / 12)
        numbers = {"buzz": np.arange(1, 16), "hollow": np.arange(1, 16, 2), "pure": np.arange(1, 3)}[request["timbre"]]
        phases = rng.uniform(0, 2 * np.pi, len(numbers))
        wave = ((hz * numbers < RATE / 2) / numbers) @ np.sin(
            2 * np.pi * hz * numbers[:, None] * seconds + phases[:, None]
        )
        wave += 1e-3 * rng.normal(size=SAMPLES)
        sounds.append(10 ** (float(request["loudness"]) / 20) * wave / np.sqrt(np.square(wave).mean()))
    return np.array(sounds, np.float32)


def level(audio: np.ndarray, rate: int) -> np.ndarray:
    return 10 * np.log10(np.square(audio).mean(axis=1))


def requests(count: int, seed: int) -> list[dict[str, Value]]:
    return independent_requests(SCHEMA, JointDistribution(SCHEMA), count, np.random.default_rng(seed))


@pytest.fixture(scope="module")
def classifiers() -> dict[str, TaskClassifier]:
    training = requests(240, seed=1)
    return {"timbre": TaskClassifier.fit(synthesise(training, 1), RATE, [str(row["timbre"]) for row in training])}


@pytest.fixture(scope="module")
def followed(classifiers: dict[str, TaskClassifier]) -> tuple[list[dict[str, Value]], Measurements]:
    """Requests to the synthesiser that follows them, and what is measured in its sounds."""
    pytest.importorskip("swift_f0", reason="needs soundloom[evaluate]")
    requested = requests(150, seed=2)
    return requested, measure(SCHEMA, synthesise(requested), RATE, classifiers, {"loudness": level})


def by_name(found: list[ConditionAccuracy]) -> dict[str, ConditionAccuracy]:
    return {one.name: one for one in found}


def test_a_synthesiser_that_follows_its_conditions_is_accurate(
    followed: tuple[list[dict[str, Value]], Measurements],
):
    found = by_name(conditioning_accuracy(SCHEMA, *followed))
    assert [one.kind for one in found.values()] == ["pitch", "category", "scalar"]
    assert found["timbre"].figures["accuracy"].value >= 0.95
    assert np.trace(np.array(found["timbre"].confusion)) >= 0.95 * 150
    assert found["loudness"].figures["rank correlation"].value > 0.999
    assert found["loudness"].figures["median error"].value < 0.01
    assert found["pitch"].figures["within 50 cents"].value >= 0.95
    assert found["pitch"].figures["median cents"].value < 10
    assert found["pitch"].figures["with a pitch"].value >= 0.95
    assert len(found["pitch"].points) == 150
    assert not any(one.remarks for one in found.values())


def test_nothing_leaks_in_a_synthesiser_that_follows_its_conditions(
    followed: tuple[list[dict[str, Value]], Measurements],
):
    found = leakage(SCHEMA, *followed)
    assert [(changed, list(moved)) for changed, moved in found.items()] == [
        ("pitch", ["timbre", "loudness"]),
        ("timbre", ["pitch", "loudness"]),
        ("loudness", ["pitch", "timbre"]),
    ]
    assert max(share for moved in found.values() for share in moved.values()) < 0.03


def test_sounds_that_ignore_their_conditions_are_at_chance(followed: tuple[list[dict[str, Value]], Measurements]):
    requested, measured = followed
    other = shuffled(requested, np.random.default_rng(0))
    assert Counter(map(str, other)) == Counter(map(str, requested))
    found = by_name(conditioning_accuracy(SCHEMA, other, measured))
    accuracy, correlation = found["timbre"].figures["accuracy"], found["loudness"].figures["rank correlation"]
    assert accuracy.low < 1 / 3 < accuracy.high
    assert correlation.low < 0 < correlation.high
    assert found["pitch"].figures["within 50 cents"].value < 0.1
    assert found["pitch"].figures["median cents"].value > 300
    assert max(share for moved in leakage(SCHEMA, other, measured).values() for share in moved.values()) < 0.12


def test_a_synthesiser_whose_loudness_follows_half_the_pitch_leaks_it(classifiers: dict[str, TaskClassifier]):
    pytest.importorskip("swift_f0", reason="needs soundloom[evaluate]")
    requested = requests(150, seed=3)
    mixed = [{**row, "loudness": float(row["loudness"]) + (float(row["pitch"]) - 70) * 25 / 37} for row in requested]
    measured = measure(SCHEMA, synthesise(mixed), RATE, classifiers, {"loudness": level})
    found = leakage(SCHEMA, requested, measured)
    assert 0.35 < found["pitch"]["loudness"] < 0.65  # both have the same range, so each explains half
    assert max(found["loudness"]["pitch"], found["timbre"]["loudness"], found["pitch"]["timbre"]) < 0.05


def table(count: int, seed: int, tied: bool) -> tuple[Schema, list[dict[str, Value]], np.ndarray, np.ndarray]:
    """Two requested categories, independent or mostly equal."""
    schema = Schema((Category("a", ("0", "1", "2")), Category("b", ("0", "1", "2"))))
    rng = np.random.default_rng(seed)
    a = rng.integers(3, size=count)
    b = np.where(rng.random(count) < (0.8 if tied else 0.0), a, rng.integers(3, size=count))
    requested: list[dict[str, Value]] = [{"a": str(x), "b": str(y)} for x, y in zip(a, b, strict=True)]
    return schema, requested, a.astype(str), b.astype(str)


def test_leakage_is_one_where_a_condition_follows_another_alone():
    schema, requested, a, _ = table(300, 0, tied=False)
    assert leakage(schema, requested, Measurements({"b": a}, {}))["a"]["b"] == pytest.approx(1.0, abs=0.02)


def test_leakage_of_a_mixture_is_its_closed_form():
    """b follows a in half of the sounds: the indicator of a value then has its mean moved by half, R2 = 1/4."""
    schema, requested, a, b = table(6000, 1, tied=False)
    mixed = np.where(np.random.default_rng(2).random(6000) < 0.5, a, b)
    assert leakage(schema, requested, Measurements({"b": mixed}, {}))["a"]["b"] == pytest.approx(0.25, abs=0.02)


def test_what_conditions_share_in_real_sounds_is_no_leakage():
    schema, requested, _, b = table(600, 3, tied=True)
    blurred = np.where(np.random.default_rng(4).random(600) < 0.9, b, "0")
    assert leakage(schema, requested, Measurements({"b": blurred}, {}))["a"]["b"] < 0.02


def test_leakage_of_nothing_is_nothing_on_average_also_for_few_sounds():
    found = []
    for seed in range(40):
        schema, requested, _, _ = table(30, seed, tied=False)
        noise = np.random.default_rng(seed + 100).integers(3, size=30).astype(str)
        found.append(leakage(schema, requested, Measurements({"b": noise}, {}))["a"]["b"])
    assert np.median(found) < 0.03


def test_pairs_with_too_few_sounds_are_left_out():
    schema, requested, a, _ = table(10, 0, tied=False)
    assert leakage(schema, requested, Measurements({"b": a}, {})) == {}


def test_independent_requests_are_balanced_and_independent():
    distribution = JointDistribution(SCHEMA)
    distribution.fit([{"pitch": 60.0, "timbre": "buzz", "loudness": -20.0}, {"pitch": 70.0, "timbre": "pure"}])
    requested = independent_requests(SCHEMA, distribution, 301, np.random.default_rng(0))
    counts = Counter(row["timbre"] for row in requested)
    assert set(counts) == {"buzz", "pure"}  # the training set has nothing hollow
    assert max(counts.values()) - min(counts.values()) <= 1
    pitches = Counter(row["pitch"] for row in requested)
    assert len(pitches) == 37
    assert max(pitches.values()) - min(pitches.values()) <= 1
    own = np.array([[float(row["pitch"]), float(row["loudness"]), row["timbre"] == "pure"] for row in requested])
    assert np.abs(np.corrcoef(own.T) - np.eye(3)).max() < 0.15
    assert [SCHEMA.check(row) for row in requested] == requested
    assert requested == independent_requests(SCHEMA, distribution, 301, np.random.default_rng(0))
    assert independent_requests(Schema(()), JointDistribution(Schema(())), 2, np.random.default_rng(0)) == [{}, {}]


def test_a_condition_that_cannot_be_measured_gives_its_reason(monkeypatch: pytest.MonkeyPatch):
    def absent(audio: np.ndarray, rate: int) -> np.ndarray:
        raise ModuleNotFoundError("detecting a pitch needs swift-f0; pip install 'soundloom[evaluate]'")

    monkeypatch.setattr(module, "detect_pitch", absent)
    measured = measure(SCHEMA, np.zeros((2, SAMPLES)), RATE, {})
    assert measured.values == {}
    assert list(measured.missing.values()) == [
        "pitch cannot be measured: detecting a pitch needs swift-f0; pip install 'soundloom[evaluate]'",
        "timbre cannot be measured: no classifier of timbre",
        "loudness cannot be measured: no measure of loudness",
    ]
    assert conditioning_accuracy(SCHEMA, [{}, {}], measured) == []


def test_pitches_out_of_range_do_not_count_and_undetected_ones_count_as_missed():
    schema = Schema((Scalar("pitch", tuple(range(20, 108)), "MIDI"),))
    requested = [{"pitch": 60.0}] * 8 + [{"pitch": 24.0}, {"pitch": 100.0}, {"pitch": None}]
    measured = np.array([60.2, 60.4, 59.9, 60.0, 60.1, 72.0, 60.0, np.nan, 36.0, 88.0, 50.0])
    (found,) = conditioning_accuracy(schema, requested, Measurements({"pitch": measured}, {}))
    assert found.sounds == 8
    assert found.figures["within 50 cents"].value == 6 / 8
    assert found.figures["with a pitch"].value == 7 / 8
    assert found.figures["median cents"].value == pytest.approx(10)
    assert "2 of 10 requests are for a pitch outside the detector's range" in found.remarks[0]
    assert found.remarks[1].startswith("rank correlation: ")  # all requests have the same pitch


def test_the_error_of_a_pitch_in_hz_is_in_cents():
    f0 = Scalar("f0", (100.0, 400.0), "Hz")
    assert is_pitch(f0)
    assert is_pitch(Scalar("note", (40.0, 50.0), "MIDI"))
    assert not is_pitch(Scalar("cutoff", (100.0, 400.0), "Hz"))
    requested = [{"f0": hz} for hz in (100.0, 150.0, 200.0, 250.0, 300.0, 350.0)]
    measured = np.array([row["f0"] for row in requested]) * 2 ** (30 / 1200)
    (found,) = conditioning_accuracy(Schema((f0,)), requested, Measurements({"f0": measured}, {}))
    assert found.figures["median cents"].value == pytest.approx(30)


def test_figures_without_enough_sounds_are_left_out_with_a_remark():
    (found,) = conditioning_accuracy(
        SCHEMA, [{"loudness": -10.0}] * 3, Measurements({"loudness": np.full(3, -10.0)}, {})
    )
    assert found.figures == {}
    assert len(found.remarks) == 2
    with pytest.raises(ValueError, match="3 requests but loudness was measured in 2 sounds; give one for each"):
        conditioning_accuracy(SCHEMA, [{}] * 3, Measurements({"loudness": np.zeros(2)}, {}))


def test_a_distribution_that_was_never_fitted_allows_all_values():
    assert torch.isnan(JointDistribution(SCHEMA).rows).all()
    assert {row["timbre"] for row in requests(9, seed=0)} == set(TIMBRES)


def test_the_slider_of_a_descriptor_is_measured_in_the_sounds() -> None:
    hz = np.geomspace(300, 6000, 40)
    noise = np.random.default_rng(0).standard_normal((40, SAMPLES))
    spectrum = np.fft.rfft(noise) / (1 + (np.fft.rfftfreq(SAMPLES, 1 / RATE) / hz[:, None]) ** 4)
    audio = np.fft.irfft(spectrum, SAMPLES)
    measured = descriptors(audio, RATE, ("brightness",))["brightness"]
    bright = slider("brightness", measured, "of 100")
    labels: list[dict[str, Value]] = [{"brightness": bright.label(value)} for value in measured.tolist()]
    found = conditioning_accuracy(Schema((bright,)), labels, measure(Schema((bright,)), audio, RATE, {}))[0]
    assert found.kind == "scalar"
    assert found.figures["rank correlation"].value > 0.99
    assert found.figures["median error"].value < 1e-6
    ignored = conditioning_accuracy(Schema((bright,)), labels, measure(Schema((bright,)), audio[::-1], RATE, {}))[0]
    assert ignored.figures["rank correlation"].value < -0.9
