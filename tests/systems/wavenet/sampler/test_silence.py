"""What a sampler remembers: silence at first, and later only what its receptive field holds."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from test_against_plain_torch import HOP, SILENCE, run, starts_of, weights

from soundloom.systems.wavenet.sampler.sampler import Sampler, State
from soundloom.systems.wavenet.sampler.weights import Weights


def field(network: Weights) -> int:
    return int((network.taps.shape[1] - 1) * network.dilations.sum() + len(network.first))


def hear(sampler: Sampler, state: State, starts: NDArray[np.float32], symbols: NDArray[np.int64]) -> np.ndarray:
    logits = np.zeros((*symbols.shape, sampler.weights.outputs), np.float32)
    uniforms = np.zeros((*symbols.shape, sampler.draws))
    sampler.advance(state, symbols.copy(), uniforms, starts, logits=logits)
    return logits


@pytest.mark.parametrize("sequences", [1, 6])
@pytest.mark.parametrize("name", ["odd", "wide kernels", "mixture"])
def test_the_first_sample_follows_endless_silence(name: str, sequences: int) -> None:
    network = weights(name)
    sampler, starts = Sampler(network), starts_of(network, sequences, frames=1)
    begun, primed = sampler.begin(starts, SILENCE), sampler.begin(starts, SILENCE + 1)
    silence = np.full((sequences, 2 * field(network)), SILENCE)
    hear(sampler, primed, starts, silence)
    heard = np.random.default_rng(0).integers(0, network.levels, (sequences, 40))
    difference = hear(sampler, begun, starts, heard) - hear(sampler, primed, starts, heard)
    assert np.abs(difference).max() < 1e-5


@pytest.mark.parametrize("sequences", [1, 6])
@pytest.mark.parametrize("later", [1, 5, 16, 1003])
def test_when_it_is_heard_changes_no_bit_of_what_follows(later: int, sequences: int) -> None:
    network = weights("wide kernels")
    sampler, starts = Sampler(network), starts_of(network, sequences, frames=1)
    rng = np.random.default_rng(1)
    before = rng.integers(0, 256, (sequences, later))
    heard = rng.integers(0, 256, (sequences, field(network) + 50))
    early, late = (sampler.begin(starts, SILENCE) for _ in range(2))
    hear(sampler, late, starts, before)
    left, right = (hear(sampler, state, starts, heard)[:, -50:] for state in (early, late))
    assert np.array_equal(left, right)


def test_symbols_that_were_drawn_have_the_same_logits_when_they_are_given() -> None:
    network = weights("even")
    starts = starts_of(network, 2)
    symbols, logits = run(network, starts, [50, 40])
    sampler = Sampler(network)
    again = np.zeros_like(logits)
    sampler.advance(sampler.begin(starts, SILENCE), symbols.copy(), np.zeros((2, 90, 1)), starts, hop=HOP, logits=again)
    assert np.array_equal(logits, again)


def test_extreme_weights_give_numbers() -> None:
    network = weights("even")
    loud = Weights(**{**vars(network), "taps": network.taps * 1e4, "mix": network.mix * 1e3})
    for sequences in (1, 6):
        symbols, logits = run(loud, 50 * starts_of(loud, sequences), [60])
        assert np.isfinite(logits).all()
        assert (symbols >= 0).all()


def test_queues_take_the_memory_that_their_weights_tell() -> None:
    network = weights("even")
    (_, memory), *_ = Sampler(network).begin(starts_of(network, 1), SILENCE).groups
    assert memory.queues.size == network.queue_floats
