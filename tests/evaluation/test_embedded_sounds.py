"""Embedding a set of sounds: memory is bounded, broken sounds are counted."""

from __future__ import annotations

import tracemalloc

import numpy as np
from stand_ins import Endless, Loudness

from soundloom.evaluation import embedded_sounds
from soundloom.evaluation.candidates.protocol import BLOCK, Block
from soundloom.evaluation.embedded_sounds import Embedder, blocks_of
from soundloom.evaluation.terms import Terms
from soundloom.metrics.embedding_store import EmbeddingStore
from sounds import RATE


def embedded(blocks, tmp_path):
    return Embedder([Loudness()], RATE, EmbeddingStore(tmp_path)).embed(blocks)


def test_memory_does_not_grow_with_the_number_of_sounds(monkeypatch, tmp_path):
    monkeypatch.setattr(embedded_sounds, "KEPT", 200)
    terms = Terms(RATE, 0.5, 20 * BLOCK, 0)
    embedded(Endless().blocks(Terms(RATE, 0.5, 1, 0)), tmp_path)  # what is imported then is no part of it
    tracemalloc.start()
    found = embedded(Endless().blocks(terms), tmp_path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found.sounds == 20 * BLOCK
    assert found.vectors["loudness"].shape == (20 * BLOCK, 2)
    assert found.audio.shape == (200, terms.samples)
    assert peak < terms.count * terms.samples * 4 / 2  # half of all samples: what filters need for a block at a time


def test_broken_sounds_are_left_out_with_their_conditions_and_files(tmp_path):
    audio = np.full((4, 50), 0.1, np.float32)
    audio[1, 3], audio[2, 0] = np.nan, np.inf
    found = embedded([Block(audio, [{"kind": str(row)} for row in range(4)], list("abcd"))], tmp_path)
    assert (found.sounds, found.broken) == (2, 2)
    assert found.conditions == [{"kind": "0"}, {"kind": "3"}]
    assert found.files == ["a", "d"]
    assert found.remarks("it") == ["it: 2 of 4 sounds hold NaN or infinite samples; they are left out"]


def test_silent_sounds_count_and_are_counted(tmp_path):
    audio = np.full((5, 50), 0.1, np.float32)
    audio[:3] = 0
    found = embedded(blocks_of(audio), tmp_path)
    assert (found.sounds, found.silent) == (5, 3)
    assert found.remarks("it") == ["it: 3 of 5 sounds are silent; they count as they are"]


def test_only_broken_sounds_leave_nothing_and_a_remark(tmp_path):
    found = embedded(blocks_of(np.full((3, 50), np.nan, np.float32)), tmp_path)
    assert found.sounds == 0
    assert found.vectors == {}
    assert found.remarks("it")[-1] == "it: no sound is left to evaluate, so it has no figures"
