"""What every embedding promises; those whose weights are not at hand are passed over."""

from __future__ import annotations

import re

import numpy as np
import pytest
from synthesised import RATE, dull, noisy, sounds

from soundloom.metrics.embeddings import HELPERS, Embedding, Missing, known, load
from soundloom.metrics.kernels import kid
from soundloom.metrics.level_matching import match_level_and_rate

ALWAYS = ("log-mel", "reference")


@pytest.fixture(params=known(), scope="module")
def embedding(request: pytest.FixtureRequest) -> Embedding:
    if request.param in ALWAYS:
        return load(request.param)
    try:
        return load(request.param)
    except Missing as missing:
        pytest.skip(str(missing))


def embed(embedding: Embedding, audio: np.ndarray) -> np.ndarray:
    return embedding(match_level_and_rate(audio, RATE, embedding.sample_rate))


def test_it_goes_by_the_name_that_it_was_asked_for_and_its_digest_can_name_a_file(embedding: Embedding):
    assert load(embedding.name) is embedding
    assert re.fullmatch(r"[a-z0-9.-]+", embedding.digest)
    assert embedding.digest.startswith(embedding.name)


def test_each_sound_becomes_one_finite_vector_that_differs_from_those_of_others(embedding: Embedding):
    vectors = embed(embedding, sounds(9))
    assert vectors.dtype == np.float32
    assert vectors.ndim == 2
    assert np.isfinite(vectors).all()
    nearest = min(np.abs(vectors[i] - vectors[j]).max() for i in range(9) for j in range(i))
    assert nearest > 0.01 * vectors.std(axis=0).max() > 0


def test_the_same_sounds_give_the_same_vectors(embedding: Embedding):
    audio = sounds(5)
    assert np.array_equal(embed(embedding, audio), embed(embedding, audio.copy()))


def test_a_sound_has_the_same_vector_alone_and_among_others(embedding: Embedding):
    audio = sounds(70)  # more than are taken at once
    batch = embed(embedding, audio)
    scale = batch.std()
    for row in (0, 31, 65, 69):
        assert np.abs(embed(embedding, audio[row : row + 1])[0] - batch[row]).max() < 1e-3 * scale


@pytest.mark.parametrize("gain", [0.05, 20.0])
def test_a_louder_or_quieter_version_has_the_same_vector(embedding: Embedding, gain: float):
    vectors, others = (embed(embedding, sounds(6) * np.float32(level)) for level in (1.0, gain))
    assert np.abs(vectors - others).max() < 1e-2 * vectors.std()


@pytest.mark.parametrize("seconds", [0.004, 0.05, 1.5])
def test_sounds_of_any_length_have_vectors_of_one_size(embedding: Embedding, seconds: float):
    vectors = embed(embedding, sounds(3, samples=round(seconds * RATE)))
    assert np.isfinite(vectors).all()
    assert vectors.shape == embed(embedding, sounds(3)).shape


def test_silence_has_a_finite_vector(embedding: Embedding):
    assert np.isfinite(embedding(np.zeros((2, embedding.sample_rate // 2), np.float32))).all()


def test_sounds_under_more_noise_are_further_from_other_sounds_of_their_kinds(embedding: Embedding):
    reference, audio = embed(embedding, sounds(60, seed=1)), sounds(60, seed=2)
    distances = [kid(reference, embed(embedding, noisy(audio, level))).value for level in (-60, -20, -5, 10)]
    assert distances == sorted(distances)
    assert distances[-1] > 5 * max(distances[0], 100)


@pytest.mark.parametrize("cutoff_hz", [4000, 1500, 500])
def test_dull_sounds_are_separated_from_clear_ones_of_the_same_kinds(embedding: Embedding, cutoff_hz: float):
    reference, audio = embed(embedding, sounds(60, seed=1)), sounds(60, seed=2)
    clear = kid(reference, embed(embedding, audio))
    assert kid(reference, embed(embedding, dull(audio, cutoff_hz))).low > max(clear.high, 100)


def test_sounds_of_one_kind_are_further_from_those_of_three_than_sounds_of_three(embedding: Embedding):
    reference, audio = embed(embedding, sounds(60, seed=1)), embed(embedding, sounds(180, seed=2))
    assert kid(reference, audio[1::3]).low > kid(reference, audio).high


def test_all_modules_but_helpers_are_known_by_a_name_with_hyphens():
    assert set(known()) >= {"clap", "log-mel", "reference", "vggish"}
    assert not set(known()) & {name.replace("_", "-") for name in HELPERS}
    assert not any("_" in name for name in known())


def test_an_unknown_name_names_the_nearest_or_all():
    with pytest.raises(ValueError, match="no embedding 'refere'; did you mean 'reference'"):
        load("refere")
    with pytest.raises(ValueError, match="did you mean 'log-mel'"):
        load("log_mel")
    with pytest.raises(ValueError, match="no embedding 'xyz'; known: clap, log-mel, reference, vggish"):
        load("xyz")
    with pytest.raises(ValueError, match="no embedding 'reference-network'"):
        load("reference-network")
