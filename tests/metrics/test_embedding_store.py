"""No sound is embedded twice, and the store returns what the embedding would have returned."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import numpy as np
import pytest

from soundloom.data import vectors
from soundloom.metrics import embedding_store as module
from soundloom.metrics.embedding_store import EmbeddingStore
from soundloom.metrics.level_matching import match_level_and_rate

RATE = 8000


class Projection:
    """A fixed projection of the samples, which notes how many sounds it was given."""

    name = "projection"
    sample_rate = RATE

    def __init__(self, digest: str = "projection-1", seed: int = 0) -> None:
        self.digest, self.seed = digest, seed
        self.given: list[int] = []

    def __call__(self, audio: np.ndarray) -> np.ndarray:
        self.given.append(len(audio))
        weights = np.random.default_rng(self.seed).standard_normal((audio.shape[1], 4)).astype(np.float32)
        return (audio[:, :, None] * weights).sum(axis=1)  # no matrix product: a row must not depend on the others


def noises(count: int, seed: int = 0, samples: int = 400) -> np.ndarray:
    return (0.1 * np.random.default_rng(seed).standard_normal((count, samples))).astype(np.float32)


def test_a_second_call_embeds_nothing_and_says_the_same(tmp_path: Path):
    store, embedding, sounds = EmbeddingStore(tmp_path), Projection(), noises(5)
    first = store.embed(embedding, sounds, RATE)
    assert embedding.given == [5]
    assert np.array_equal(store.embed(embedding, sounds, RATE), first)
    assert embedding.given == [5]


def test_another_store_in_the_same_folder_remembers_too(tmp_path: Path):
    sounds, later = noises(5), Projection()
    first = EmbeddingStore(tmp_path).embed(Projection(), sounds, RATE)
    assert np.array_equal(EmbeddingStore(tmp_path).embed(later, sounds, RATE), first)
    assert later.given == []


def test_vectors_are_those_of_the_sounds_on_equal_terms(tmp_path: Path):
    sounds = noises(5, samples=1600)
    vectors = EmbeddingStore(tmp_path).embed(Projection(), sounds, 16000)
    assert vectors.dtype == np.float32
    assert np.array_equal(vectors, Projection()(match_level_and_rate(sounds, 16000, RATE)))
    louder = EmbeddingStore(tmp_path).embed(Projection(), 3 * sounds, 16000)
    assert np.allclose(louder, vectors, rtol=1e-4, atol=1e-4)


def test_only_sounds_that_are_new_are_embedded_and_all_come_in_the_order_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "BATCH_SIZE", 7)
    monkeypatch.setattr(vectors, "KEYS_PER_QUERY", 3)
    store, embedding, sounds = EmbeddingStore(tmp_path), Projection(), noises(40)
    truth = Projection()(match_level_and_rate(sounds, RATE, RATE))
    assert np.array_equal(store.embed(embedding, sounds[::2], RATE), truth[::2])
    order = np.random.default_rng(1).permutation(40)
    assert np.array_equal(store.embed(embedding, sounds[order], RATE), truth[order])
    assert sum(embedding.given) == 40


def test_equal_sounds_are_embedded_once(tmp_path: Path):
    embedding, sounds = Projection(), noises(3)
    vectors = EmbeddingStore(tmp_path).embed(embedding, sounds[[0, 1, 0, 2, 1, 0]], RATE)
    assert embedding.given == [3]
    assert np.array_equal(vectors, Projection()(match_level_and_rate(sounds, RATE, RATE))[[0, 1, 0, 2, 1, 0]])


def test_another_digest_has_vectors_of_its_own(tmp_path: Path):
    store, sounds = EmbeddingStore(tmp_path), noises(5)
    old, new = Projection("projection-1", seed=0), Projection("projection-2", seed=1)
    store.embed(old, sounds, RATE)
    assert np.array_equal(store.embed(new, sounds, RATE), Projection(seed=1)(match_level_and_rate(sounds, RATE, RATE)))
    assert new.given == [5]


def test_the_same_samples_at_another_rate_are_another_sound(tmp_path: Path):
    store, embedding, sounds = EmbeddingStore(tmp_path), Projection(), noises(3)
    one, two = store.embed(embedding, sounds, RATE), store.embed(embedding, sounds, 2 * RATE)
    assert embedding.given == [3, 3]
    assert not np.allclose(one, two)


def test_sounds_are_embedded_again_for_another_loudness(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    store, embedding, sounds = EmbeddingStore(tmp_path), Projection(), noises(3)
    store.embed(embedding, sounds, RATE)
    monkeypatch.setattr(module, "LOUDNESS_LUFS", -30.0)
    store.embed(embedding, sounds, RATE)
    assert embedding.given == [3, 3]


def file_in_place_of_the_folder(cache: Path, digest: str) -> None:
    cache.write_text("in the way")


def no_database(cache: Path, digest: str) -> None:
    (cache / "embeddings").mkdir(parents=True)
    (cache / "embeddings" / f"{digest}.sqlite").write_text("this is no database " * 100)


def another_table(cache: Path, digest: str) -> None:
    (cache / "embeddings").mkdir(parents=True)
    with sqlite3.connect(cache / "embeddings" / f"{digest}.sqlite") as table:
        table.execute("CREATE TABLE vectors (something INTEGER)")
    table.close()


@pytest.mark.parametrize("spoil", [file_in_place_of_the_folder, no_database, another_table])
def test_a_cache_that_cannot_be_used_costs_time_and_nothing_else(tmp_path: Path, spoil):
    embedding, sounds = Projection(), noises(5)
    spoil(tmp_path / "cache", embedding.digest)
    store, truth = EmbeddingStore(tmp_path / "cache"), Projection()(match_level_and_rate(sounds, RATE, RATE))
    for _ in range(2):
        assert np.array_equal(store.embed(embedding, sounds, RATE), truth)
    assert embedding.given == [5, 5]


def test_an_error_of_an_embedding_is_raised_and_nothing_is_stored(tmp_path: Path):
    class Broken(Projection):
        def __call__(self, audio: np.ndarray) -> np.ndarray:
            raise RuntimeError("no memory")

    with pytest.raises(RuntimeError, match="no memory"):
        EmbeddingStore(tmp_path).embed(Broken(), noises(2), RATE)
    sound = Projection()
    EmbeddingStore(tmp_path).embed(sound, noises(2), RATE)
    assert sound.given == [2]


def test_no_sounds_are_refused(tmp_path: Path):
    with pytest.raises(ValueError, match="there are no sounds to embed"):
        EmbeddingStore(tmp_path).embed(Projection(), noises(0), RATE)


def test_two_threads_that_share_a_cache_both_get_what_is_right_and_leave_all_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "BATCH_SIZE", 4)
    sounds, ready = noises(60), Barrier(2)
    truth = Projection()(match_level_and_rate(sounds, RATE, RATE))

    def embed(rows: slice) -> np.ndarray:
        ready.wait()
        return EmbeddingStore(tmp_path).embed(Projection(), sounds[rows], RATE)

    halves = (slice(0, 40), slice(20, 60))  # what is common is asked for by both
    with ThreadPoolExecutor(2) as pool:
        for rows, vectors in zip(halves, pool.map(embed, halves), strict=True):
            assert np.array_equal(vectors, truth[rows])
    later = Projection()
    assert np.array_equal(EmbeddingStore(tmp_path).embed(later, sounds, RATE), truth)
    assert later.given == []
