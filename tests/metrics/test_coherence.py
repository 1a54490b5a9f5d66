"""Coherence of sliders, against synthesisers that follow them, or do not."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import butter, sosfilt

from soundloom.conditions.schema import Value
from soundloom.descriptors import measure
from soundloom.metrics.coherence import FEWEST, at_levels, coherence, mean_coherence
from soundloom.metrics.estimate import TooFew

RATE = 16000


def synthesiser(request: Mapping[str, Value], seed: int) -> np.ndarray:
    """A decaying burst of noise whose cut-off is driven by brightness and by nothing else."""
    rng = np.random.default_rng(seed)
    cutoff = 500.0 * 12.0 ** float(request["brightness"])
    time = np.arange(RATE // 2) / RATE
    low = butter(4, cutoff, fs=RATE, output="sos")
    return np.asarray(sosfilt(low, rng.standard_normal(len(time))) * np.exp(-time / rng.uniform(0.05, 0.2)))


def moved(name: str, follows: bool, sounds: int = 40) -> np.ndarray:
    """A descriptor of sounds at the three levels of brightness: it follows the slider, or is random."""
    rows: list[Mapping[str, Value]] = [{"brightness": 0.5, "depth": 0.5} for _ in range(sounds)]
    requests = at_levels("brightness", rows)
    rng = np.random.default_rng(1)
    sounds_at_levels = [
        synthesiser(request, place % sounds)
        if follows
        else synthesiser({"brightness": rng.uniform()}, int(rng.integers(1 << 30)))
        for place, request in enumerate(requests)
    ]
    return measure(np.stack(sounds_at_levels).astype(np.float32), RATE, (name,))[name].reshape(3, sounds)


def test_a_synthesiser_that_follows_its_slider_scores_over_95_percent() -> None:
    assert min(estimate.value for estimate in coherence(moved("brightness", follows=True)).values()) > 0.95


def test_sounds_that_ignore_the_slider_score_about_half() -> None:
    for estimate in coherence(moved("brightness", follows=False, sounds=100)).values():
        assert abs(estimate.value - 0.5) < 0.15


def test_requests_differ_in_one_slider_alone() -> None:
    rows: list[Mapping[str, Value]] = [{"kind": "kick", "depth": 0.1, "brightness": 0.9}, {"kind": "snare"}]
    low, middle, high = np.array(at_levels("brightness", rows), dtype=object).reshape(3, 2)
    for level, request in ((0.2, low), (0.5, middle), (0.8, high)):
        assert request[0] == {"kind": "kick", "depth": 0.1, "brightness": level}
        assert request[1] == {"kind": "snare", "brightness": level}


def test_pairs_are_counted_as_published() -> None:
    measured = np.array([[0.0] * 10, [1.0] * 4 + [-1.0] * 6, [2.0] * 7 + [0.5] * 2 + [np.nan]])
    found = coherence(measured)
    assert found["E1"].value == pytest.approx(0.9)  # nothing goes up to NaN
    assert found["E2"].value == pytest.approx(0.4)
    assert found["E3"].value == pytest.approx(0.9)


@given(st.integers(FEWEST, 40), st.integers(1, 4), st.integers(0, 1000))
def test_the_mean_is_that_of_the_descriptors(sounds: int, descriptors: int, seed: int) -> None:
    measured = list(np.random.default_rng(seed).standard_normal((descriptors, 3, sounds)))
    each, mean = [coherence(one) for one in measured], mean_coherence(measured)
    for name in ("E1", "E2", "E3"):
        assert mean[name].value == pytest.approx(np.mean([found[name].value for found in each]))
        assert 0 <= mean[name].low <= mean[name].value <= mean[name].high <= 1


def test_the_same_value_at_all_levels_does_not_go_up() -> None:
    assert {estimate.value for estimate in coherence(np.ones((3, 20))).values()} == {0.0}


def test_too_few_sounds_are_refused() -> None:
    with pytest.raises(TooFew, match="needs at least 8 sounds"):
        coherence(np.ones((3, 7)))
