"""When to stop: figures in the log, the best weights kept, and a message once nothing improves."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from soundloom.audio import Audio
from soundloom.checkpoints.checkpoint import WEIGHTS
from soundloom.data.clips import ClipStore
from soundloom.generation import Generated, load
from soundloom.metrics.estimate import TooFew
from soundloom.metrics.kernels import kid, kid_between
from soundloom.metrics.memorisation import NearestClips
from soundloom.training import StepReport, train
from soundloom.training.log import LOG
from soundloom.training.loop import Outcome
from soundloom.training.measurement import Measurement, last_improvement, patience_ends
from soundloom.training.settings import FEWEST_MEASURED as FEWEST
from soundloom.training.validation import BEST, Validation
from sounds import make_sounds

EACH_STEP = {"preset": "tiny", "precision": "float32", "preview_seconds": 1e-6, "preview_count": 1, "held_out": 0.4}
NO_PREVIEWS = EACH_STEP | {"preview_seconds": 0.0, "validation_count": FEWEST}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sounds of which enough can be held out: one kit in five, 22 of 110."""
    return make_sounds(tmp_path_factory.mktemp("measured") / "sounds", count=110)


class Balance:
    """In the place of an embedding: how much there is in each of 8 bands, on a log scale."""

    sample_rate, digest = 8000, "1"

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, audio: np.ndarray) -> np.ndarray:
        power = np.square(np.abs(np.fft.rfft(audio)[:, 1:]))
        return np.log10(power.reshape(len(audio), 8, -1).mean(axis=2) + 1e-3)


class AlwaysThree:
    """In the place of the memorisation detector: finds three sounds memorised, whatever they are."""

    fitted: ClassVar[list[tuple[int, int]]] = []

    @classmethod
    def fit(cls, training: ClipStore, held_out: ClipStore) -> AlwaysThree:
        cls.fitted.append((len(training), len(held_out)))
        return cls()

    def search(self, audio: np.ndarray, sample_rate: int) -> NearestClips:
        found = np.arange(len(audio))
        return NearestClips(found, found.astype(np.float32), found < 3)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures are not needed here, and embeddings are tested elsewhere."""
    monkeypatch.setattr("soundloom.training.preview.contact_sheet", lambda path, sounds, titles: None)
    monkeypatch.setattr("soundloom.metrics.embeddings.load", Balance)
    monkeypatch.setattr("soundloom.metrics.memorisation.MemorisationDetector", AlwaysThree)
    monkeypatch.setattr(AlwaysThree, "fitted", [])


class Recorder:
    """Keeps the messages, and the weights that the run had when a preview was reported."""

    def __init__(self, run: Path, stop_at: int | None = None) -> None:
        self.run, self.stop_at = run, stop_at
        self.messages: list[str] = []
        self.weights: dict[int, bytes] = {}

    def step(self, report: StepReport) -> None:
        if report.step == self.stop_at:
            raise InterruptedError

    def message(self, text: str) -> None:
        self.messages.append(text)
        if text.startswith("step "):
            self.weights[int(text.split(":")[0].split()[1])] = (self.run / WEIGHTS).read_bytes()


def measured(run: Path, name: str = "held_out.kid.reference") -> dict[int, float]:
    """A figure of the log, by step; a step that is there twice fails."""
    found: dict[int, float] = {}
    for line in map(json.loads, (run / LOG).read_text().splitlines()):
        if name in line:
            assert line["step"] not in found
            found[line["step"]] = line[name]
    return found


def figures_of(distance: float, noise: float = 10.0) -> dict[str, float]:
    name = "held_out.kid.reference"
    return {name: distance, f"{name}.low": distance - 30, f"{name}.high": distance + 30, f"{name}.noise": noise}


@pytest.fixture
def made_up(monkeypatch: pytest.MonkeyPatch) -> Callable[[Sequence[float]], None]:
    """Give the previews these distances, in turn, with a noise of 10."""

    def give(distances: Sequence[float]) -> None:
        def figures(self: Validation, sounds: Sequence[Generated]) -> dict[str, float]:
            return figures_of(distances[len(self.history)])

        monkeypatch.setattr(Validation, "_figures", figures)

    return give


@pytest.mark.parametrize(
    ("distances", "stopping", "improvement"),
    [
        ([], [], 0),
        ([90], [], 0),
        ([90, 60, 40, 20, 0], [], 4),
        ([90, 90, 90], [], 0),
        ([90, 90, 90, 90], [3], 0),
        ([90, 89, 85, 81], [3], 0),  # less than the noise
        ([90, 85, 79, 75], [], 2),  # two small steps make a large one
        ([90, 70, 71, 100, 69], [4], 1),
        ([90, 90, 90, 90, 90, 90, 90, 90], [3], 0),  # one message, however long it lasts
        ([90, 90, 90, 90, 50, 50, 50, 50], [3, 7], 4),
        ([-5, 0, -14, -16], [], 3),
    ],
)
def test_a_stretch_without_improvement_beyond_the_noise_is_reported_once_after_three_previews(
    distances: list[float], stopping: list[int], improvement: int
) -> None:
    series = [Measurement(step, figures_of(distance)) for step, distance in enumerate(distances)]
    assert [end for end in range(len(series)) if patience_ends(series[: end + 1])] == stopping
    assert last_improvement(series) == improvement


def test_a_noisier_distance_must_be_lower_to_count_as_an_improvement() -> None:
    before = Measurement(0, figures_of(90))
    assert last_improvement([before, Measurement(1, figures_of(75, noise=10))]) == 1
    assert last_improvement([before, Measurement(1, figures_of(75, noise=20))]) == 0


def test_the_noise_is_what_two_previews_of_the_same_weights_differ_by() -> None:
    """Against truth: the spread of differences between fresh draws of one and the same source."""
    rng = np.random.default_rng(0)
    reference = rng.standard_normal((60, 8))
    draws = [0.3 + rng.standard_normal((60, 8)) for _ in range(300)]
    differences = [kid(reference, one).value - kid(reference, two).value for one, two in pairwise(draws)]
    noise = np.median([kid_between(reference, draw, draw).high for draw in draws])
    assert np.mean(np.abs(differences) < noise) == pytest.approx(0.95, abs=0.04)


def test_each_preview_is_measured_in_both_embeddings_and_against_training_sounds(tmp_path: Path, folder: Path) -> None:
    run = tmp_path / "run"
    watcher = Recorder(run)
    outcome = train("vae", folder, out=run, steps=2, watcher=watcher, validation_count=40, **EACH_STEP)
    for name in ("reference", "log-mel"):
        values = measured(run, f"held_out.kid.{name}")
        lows, highs = measured(run, f"held_out.kid.{name}.low"), measured(run, f"held_out.kid.{name}.high")
        assert set(values) == {0, 1, 2}
        assert all(lows[step] < values[step] < highs[step] for step in values)
        floor = measured(run, f"training.kid.{name}")
        assert set(floor) == {1, 2}  # the first preview should come soon
        assert floor[1] == floor[2] < values[0]
    assert measured(run, "memorised") == {1: 3, 2: 3}
    assert AlwaysThree.fitted == [(88, 22)]
    assert set(measured(run, "sounds").values()) == {FEWEST}  # no time for all 40 in a millionth of a second
    value, trained = measured(run)[2], measured(run, "training.kid.reference")[2]
    (last,) = (sentence for sentence in watcher.messages if sentence.startswith("step 2: 1 sounds in"))
    assert f"; distance (KID, reference) {value:.0f} ± " in last
    assert f", training sounds {trained:.0f}; memorised 3 of 20" in last
    assert outcome.last is not None
    assert (outcome.last.step, outcome.last.distance.value) == (2, value)


def test_the_weights_with_the_lowest_distance_are_kept_as_a_model(
    tmp_path: Path, folder: Path, made_up: Callable[..., None]
) -> None:
    run = tmp_path / "run"
    watcher = Recorder(run)
    made_up([300, 100, 150, 120, 130])
    outcome = train("vae", folder, out=run, steps=4, watcher=watcher, **EACH_STEP)
    figures = measured(run)
    assert list(figures) == list(range(5))
    assert min(figures, key=figures.__getitem__) == 1
    assert (run / BEST / WEIGHTS).read_bytes() == watcher.weights[1] != watcher.weights[4]
    assert (run / BEST / "data.json").read_bytes() == (run / "data.json").read_bytes()
    assert load(run / BEST).generate(count=1)[0].peak > 0
    assert outcome.best is not None
    assert outcome.best.step == 1
    advice = [sentence for sentence in watcher.messages if "stopped improving" in sentence]
    assert advice == [
        f"held-out distance stopped improving at step 1 (the best, 100 at step 1, is kept in {run / BEST}); "
        f"more training is unlikely to help"
    ]
    assert (
        watcher.messages.index(advice[0]) == len(watcher.messages) - 1
    )  # with the third preview after it, which is the end


def test_a_resumed_training_remembers_what_was_best(tmp_path: Path, folder: Path, made_up: Callable[..., None]) -> None:
    run = tmp_path / "run"
    before, after = Recorder(run, stop_at=3), Recorder(run)
    made_up([300, 100, 150, 151, 152, 99])
    with pytest.raises(InterruptedError):
        train("vae", folder, out=run, steps=5, watcher=before, **EACH_STEP)
    outcome = train("vae", folder, out=run, steps=4, resume=True, watcher=after, **EACH_STEP)
    assert list(measured(run)) == list(range(5))
    assert (run / BEST / WEIGHTS).read_bytes() == before.weights[1]
    assert outcome.best is not None
    assert (outcome.best.step, outcome.best.distance.value) == (1, 100)
    assert [sentence for sentence in before.messages if "stopped" in sentence] == []
    assert len([sentence for sentence in after.messages if "stopped improving at step 1" in sentence]) == 1
    assert train("vae", folder, out=run, steps=5, resume=True, **EACH_STEP).best == (5, figures_of(99))
    assert (run / BEST / WEIGHTS).read_bytes() == (run / WEIGHTS).read_bytes()


def test_a_kill_just_before_the_best_is_kept_loses_nothing(
    tmp_path: Path, folder: Path, made_up: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    run, kept = tmp_path / "run", Validation.keep

    def killed(self: Validation, *given: Any) -> None:
        if self.history[-1].step == 1:
            raise InterruptedError
        kept(self, *given)

    made_up([300, 100, 200, 250])
    monkeypatch.setattr(Validation, "keep", killed)
    with pytest.raises(InterruptedError):
        train("vae", folder, out=run, steps=3, **EACH_STEP)
    expected = (run / WEIGHTS).read_bytes()
    assert (run / BEST / WEIGHTS).read_bytes() != expected
    monkeypatch.setattr(Validation, "keep", kept)
    train("vae", folder, out=run, steps=3, resume=True, **EACH_STEP)
    assert (run / BEST / WEIGHTS).read_bytes() == expected
    assert list(measured(run)) == list(range(4))


def test_without_previews_the_end_is_measured_and_an_interruption_changes_nothing(tmp_path: Path, folder: Path) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    train("vae", folder, out=whole, steps=4, save_seconds=0.0, **NO_PREVIEWS)
    with pytest.raises(InterruptedError):
        train("vae", folder, out=parts, steps=4, save_seconds=0.0, watcher=Recorder(parts, 2), **NO_PREVIEWS)
    train("vae", folder, out=parts, steps=4, resume=True, **NO_PREVIEWS)
    assert measured(whole) == measured(parts) != {}
    assert list(measured(whole)) == [4]
    for run in (whole, parts):
        assert (run / BEST / WEIGHTS).read_bytes() == (run / WEIGHTS).read_bytes() == (whole / WEIGHTS).read_bytes()


def test_too_few_held_out_clips_are_reported_once_and_training_goes_on(tmp_path: Path, sounds: Path) -> None:
    watcher = Recorder(tmp_path / "run")
    asked = EACH_STEP | {"held_out": 0.1}
    outcome = train("vae", sounds, out=tmp_path / "run", steps=3, watcher=watcher, **asked)
    reported = [sentence for sentence in watcher.messages if "no distance will be measured" in sentence]
    assert reported == [
        "no distance will be measured: 8 clips are held out and 20 are the fewest; "
        "raise held_out or add sounds to see when training stops helping"
    ]
    assert (outcome.finished, outcome.best, measured(tmp_path / "run")) == (True, None, {})
    assert not (tmp_path / "run" / BEST).exists()


def test_nothing_is_measured_where_that_is_not_wanted(tmp_path: Path, folder: Path) -> None:
    watcher = Recorder(tmp_path / "run")
    outcome: Outcome = train(
        "vae", folder, out=tmp_path / "run", steps=1, watcher=watcher, validation_count=0, **EACH_STEP
    )
    assert (outcome.best, outcome.last, measured(tmp_path / "run")) == (None, None, {})
    assert not (tmp_path / "run" / BEST).exists()
    assert not any("distance" in sentence for sentence in watcher.messages)


def test_a_detector_that_cannot_be_fitted_is_reported_once_and_the_distance_is_measured_all_the_same(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*given: Any) -> None:
        raise TooFew("the search for memorised clips", 7, 20, "training clips above the threshold")

    monkeypatch.setattr(AlwaysThree, "fit", refuse)
    run = tmp_path / "run"
    watcher = Recorder(run)
    train("vae", folder, out=run, steps=2, watcher=watcher, **EACH_STEP)
    (reported,) = (sentence for sentence in watcher.messages if "memoris" in sentence and "step" not in sentence)
    assert reported.startswith("memorisation is not checked: the search for memorised clips needs at least 20")
    assert set(measured(run)) == {0, 1, 2}


def test_sounds_that_are_not_finite_are_reported_and_do_not_stop_the_training(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(system: Any, request: Any) -> Iterator[Generated]:
        for _ in range(request.count):
            yield Generated(Audio(np.full((1, 4000), np.nan, np.float32), 8000), {}, ())

    monkeypatch.setattr("soundloom.training.validation.generate_from", broken)
    watcher = Recorder(tmp_path / "run")
    outcome = train("vae", folder, out=tmp_path / "run", steps=1, watcher=watcher, **NO_PREVIEWS)
    assert outcome.finished
    assert any(
        "step 1 could not be measured: 20 of 20 sounds hold NaN or infinity" in sentence
        for sentence in watcher.messages
    )
