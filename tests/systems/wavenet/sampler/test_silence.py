"""What the state of a sampler holds: silence at first, then its receptive field and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from test_against_torch import HOP, SILENCE, conditioning_of, run, weights

from soundloom.systems.wavenet.sampler.sampler import Sampler, State
from soundloom.systems.wavenet.sampler.weights import Weights


def field(network: Weights) -> int:
    return int((network.taps.shape[1] - 1) * network.dilations.sum() + len(network.first))


def logits_of(
    sampler: Sampler, state: State, conditioning: NDArray[np.float32], symbols: NDArray[np.int64]
) -> np.ndarray:
    logits = np.zeros((*symbols.shape, sampler.weights.outputs), np.float32)
    uniforms = np.zeros((*symbols.shape, sampler.draws))
    sampler.advance(state, symbols.copy(), uniforms, conditioning, logits=logits)
    return logits


@pytest.mark.parametrize("sequences", [1, 6])
@pytest.mark.parametrize("name", ["odd", "wide kernels", "mixture"])
def test_the_first_state_is_that_after_endless_silence(name: str, sequences: int) -> None:
    network = weights(name)
    sampler, conditioning = Sampler(network), conditioning_of(network, sequences, frames=1)
    initial, primed = sampler.begin(conditioning, SILENCE), sampler.begin(conditioning, SILENCE + 1)
    silence = np.full((sequences, 2 * field(network)), SILENCE)
    logits_of(sampler, primed, conditioning, silence)
    history = np.random.default_rng(0).integers(0, network.levels, (sequences, 40))
    difference = logits_of(sampler, initial, conditioning, history) - logits_of(sampler, primed, conditioning, history)
    assert np.abs(difference).max() < 1e-5


@pytest.mark.parametrize("sequences", [1, 6])
@pytest.mark.parametrize("later", [1, 5, 16, 1003])
def test_what_lies_before_the_receptive_field_changes_no_bit(later: int, sequences: int) -> None:
    network = weights("wide kernels")
    sampler, conditioning = Sampler(network), conditioning_of(network, sequences, frames=1)
    rng = np.random.default_rng(1)
    before = rng.integers(0, 256, (sequences, later))
    history = rng.integers(0, 256, (sequences, field(network) + 50))
    early, late = (sampler.begin(conditioning, SILENCE) for _ in range(2))
    logits_of(sampler, late, conditioning, before)
    left, right = (logits_of(sampler, state, conditioning, history)[:, -50:] for state in (early, late))
    assert np.array_equal(left, right)


def test_drawn_symbols_have_the_same_logits_when_they_are_given() -> None:
    network = weights("even")
    conditioning = conditioning_of(network, 2)
    symbols, logits = run(network, conditioning, [50, 40])
    sampler = Sampler(network)
    again = np.zeros_like(logits)
    sampler.advance(
        sampler.begin(conditioning, SILENCE), symbols.copy(), np.zeros((2, 90, 1)), conditioning, hop=HOP, logits=again
    )
    assert np.array_equal(logits, again)


def test_extreme_weights_give_finite_logits() -> None:
    network = weights("even")
    loud = Weights(**{**vars(network), "taps": network.taps * 1e4, "mix": network.mix * 1e3})
    for sequences in (1, 6):
        symbols, logits = run(loud, 50 * conditioning_of(loud, sequences), [60])
        assert np.isfinite(logits).all()
        assert (symbols >= 0).all()


def test_queues_take_as_many_floats_as_the_weights_state() -> None:
    network = weights("even")
    (_, buffers), *_ = Sampler(network).begin(conditioning_of(network, 1), SILENCE).batches
    assert buffers.queues.size == network.queue_floats
