"""The batch of a step: augmented as set, and the same on one process and on two."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from soundloom.conditions.schema import Schema
from soundloom.contract import Augmentation, Batch
from soundloom.data.clips import ClipSettings, ClipStore, open_clips, order
from soundloom.data.labels import propose_conditions
from soundloom.training.augment import at_speed, augment, later, tilted
from soundloom.training.distributed import Team
from soundloom.training.feed import Feed

RATE, ROWS = 8000, 64
EVERYTHING = Augmentation(6.0, 0.02, 3.0, 20.0, 1.0)


@pytest.fixture(scope="module")
def store(sounds: Path) -> ClipStore:
    return open_clips(sounds, ClipSettings(RATE, 0.5))


@pytest.fixture(scope="module")
def schema(store: ClipStore) -> Schema:
    return propose_conditions(store.index)


def changed(audio: Tensor, change: Augmentation, step: int = 0) -> Tensor:
    return augment(audio, change, RATE, 0, step, slice(0, len(audio)), len(audio))


def noise(rows: int = ROWS, time: int = 800) -> Tensor:
    return torch.randn(rows, 1, time, generator=torch.Generator().manual_seed(0))


def test_no_augmentation_leaves_the_clips_alone() -> None:
    audio = noise()
    assert torch.equal(changed(audio, Augmentation()), audio)


def test_a_gain_makes_clips_up_to_so_many_decibels_louder_or_softer() -> None:
    audio = noise()
    ratios = changed(audio, Augmentation(gain_db=6.0)) / audio
    gains = 20 * torch.log10(ratios.mean(dim=(1, 2)))
    torch.testing.assert_close(ratios, ratios[..., :1].expand_as(ratios))  # one gain for all of a clip
    assert -6.0 <= gains.min() < -4
    assert 4 < gains.max() <= 6.0
    assert abs(float(gains.mean())) < 1.5


def test_a_shift_begins_clips_later_after_silence() -> None:
    audio = noise()
    moved = changed(audio, Augmentation(shift_seconds=0.01))
    shifts = (moved != 0).int().argmax(dim=2)[:, 0]
    assert shifts.min() < 20
    assert 60 < shifts.max() <= 80
    for clip, before, shift in zip(moved, audio, shifts.tolist(), strict=True):
        assert torch.equal(clip[:, shift:], before[:, : 800 - shift])


def test_later_by_nothing_is_the_same() -> None:
    audio = noise(3)
    assert torch.equal(later(audio, torch.zeros(3, dtype=torch.long)), audio)


def test_a_decay_falls_by_so_many_decibels_in_a_second() -> None:
    audio = torch.ones(ROWS, 1, RATE)
    fallen = 20 * torch.log10(changed(audio, Augmentation(decay_db_per_second=20.0))[:, 0])
    assert (fallen[:, 0] == 0).all()
    ends = fallen[:, -1]
    assert -20 <= ends.min() < -15
    assert ends.max() == 0
    torch.testing.assert_close(fallen[:, RATE // 2], ends / 2, rtol=1e-3, atol=1e-3)


def test_a_speed_of_two_doubles_the_frequency_and_halves_the_length() -> None:
    moment = torch.arange(RATE) / RATE
    tone = torch.sin(2 * torch.pi * 200 * moment)[None, None]
    faster = at_speed(tone, torch.tensor([2.0]))
    expected = torch.sin(2 * torch.pi * 400 * moment)[None, None, : RATE // 2]
    inside = slice(40, RATE // 2 - 40)  # a tone that is cut off rings at its ends
    torch.testing.assert_close(faster[..., inside], expected[..., inside], rtol=0, atol=2e-3)
    assert (faster[..., RATE // 2 + 40 :].abs() < 0.02).all()
    torch.testing.assert_close(at_speed(tone, torch.ones(1)), tone, rtol=0, atol=1e-5)


@pytest.mark.parametrize("share", [0.5, 0.8, 0.95])
def test_a_change_of_speed_keeps_the_level_of_high_tones(share: float) -> None:
    hertz, factor = share * RATE / 2, 0.943  # a semitone down; linear interpolation would lose up to 9 dB
    tone = torch.sin(2 * torch.pi * hertz * torch.arange(RATE) / RATE)[None, None]
    slower = at_speed(tone, torch.tensor([factor]))[..., 100:-100]
    assert 20 * abs(float(torch.log10(slower.std() / tone.std()))) < 0.1


def test_a_tilt_of_nothing_changes_nothing_and_a_tilt_has_the_gains_that_it_says() -> None:
    impulse = torch.zeros(1, 1, 4096)
    impulse[..., 2048] = 1  # with room on both sides, as the filter delays nothing
    flat = tilted(impulse, torch.zeros(1, 3), RATE)
    torch.testing.assert_close(flat, impulse, rtol=0, atol=1e-6)
    response = torch.fft.rfft(tilted(impulse, torch.tensor([[6.0, 0.0, 0.0]]), RATE), n=8192).abs()[0, 0]
    decibels = 20 * torch.log10(response)
    assert float(decibels[-1]) == pytest.approx(-6.0, abs=0.2)  # half the sample rate: the cosine is -1
    assert float(decibels[round(50 * 8192 / RATE)]) == pytest.approx(6.0, abs=1.0)  # 50 Hz: it is 1


@pytest.mark.parametrize("processes", [2, 4])
def test_the_rows_of_all_processes_are_the_batch_of_one(processes: int, store: ClipStore, schema: Schema) -> None:
    feed = Feed(store, schema)
    whole = feed.at(3, 8, 5, Team(), EVERYTHING)
    parts = [feed.at(3, 8, 5, Team(rank, processes), EVERYTHING) for rank in range(processes)]
    torch.testing.assert_close(torch.cat([part.audio for part in parts]), whole.audio, rtol=0, atol=1e-6)
    for name in ("conditions", "begins", "durations"):
        assert torch.equal(torch.cat([getattr(part, name) for part in parts]), getattr(whole, name))


def test_the_draws_of_all_processes_are_those_of_one() -> None:
    x, none = torch.zeros(8, 1), torch.zeros(8, 0)
    whole = Batch(x, none, seed=1, step=2)
    halves = [Batch(x[:4], none[:4], seed=1, step=2, first_row=first, all_rows=8) for first in (0, 4)]
    for draw in ("normal", "uniform"):
        assert torch.equal(torch.cat([getattr(half, draw)(3) for half in halves]), getattr(whole, draw)(3))


def test_a_batch_draws_anew_at_each_step_seed_and_name() -> None:
    x, none = torch.zeros(4, 1), torch.zeros(4, 0)
    batches = [Batch(x, none, seed=seed, step=step) for seed, step in ((0, 0), (0, 1), (1, 0))]
    draws = [batch.normal(5) for batch in batches] + [batches[0].normal(5, name="other")]
    assert len({draw.numpy().tobytes() for draw in draws}) == 4


def test_the_clips_of_a_step_are_those_that_order_names(store: ClipStore, schema: Schema) -> None:
    batch = Feed(store, schema).at(4, 8, 0, Team(), Augmentation())
    chosen = order(len(store), 8, 4, 0)
    assert np.array_equal(batch.audio.numpy(), store.audio(chosen))
    assert np.array_equal(batch.conditions.numpy(), store.codes(schema)[chosen])
    assert batch.durations.tolist() == [store.entries[row].seconds for row in chosen]


def test_an_augmented_batch_is_the_same_whenever_it_is_asked_for(store: ClipStore, schema: Schema) -> None:
    feed = Feed(store, schema)
    first, again, other = (feed.at(step, 8, 0, Team(), EVERYTHING).audio for step in (7, 7, 8))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_every_clip_comes_once_and_in_order(store: ClipStore, schema: Schema) -> None:
    batches = list(Feed(store, schema).batches(16))
    assert [len(batch) for batch in batches] == [16, 16, 8]
    assert np.array_equal(torch.cat([batch.audio for batch in batches]).numpy(), store.audio(slice(None)))


def test_a_batch_that_cannot_be_shared_out_is_refused_with_one_that_can() -> None:
    assert Team(2, 4).rows(8) == slice(4, 6)
    with pytest.raises(ValueError, match=r"8 clips cannot be shared by 3 processes; use --set batch_size=9"):
        Team(0, 3).rows(8)


def test_a_team_of_one_agrees_with_itself() -> None:
    assert "WORLD_SIZE" not in os.environ
    assert Team().agree("anything") == "anything"
    module = torch.nn.Linear(1, 1)
    assert Team().wrap(module, torch.device("cpu")) is module
