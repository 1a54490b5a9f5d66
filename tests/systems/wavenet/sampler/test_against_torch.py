"""The compiled sampler against a loop in torch, over shapes, heads, batches, chunks, frames and threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from soundloom.systems.wavenet.sampler.elementwise import exp, gate
from soundloom.systems.wavenet.sampler.sampler import Sampler
from soundloom.systems.wavenet.sampler.torch_sampler import TorchSampler
from soundloom.systems.wavenet.sampler.weights import PRECISIONS, Precision, Weights

SILENCE, STEPS, HOP = 128, 90, 7
NETWORKS = {  # residual, gate, skip, end channels; kernel; first kernel; head
    "even": (16, 16, 16, 32, 2, 1, "softmax"),
    "odd": (5, 7, 19, 3, 2, 1, "softmax"),
    "wide kernels": (16, 16, 16, 16, 3, 3, "softmax"),
    "mixture": (16, 16, 16, 16, 2, 1, "logistics"),
    "mixture, wide kernels": (7, 5, 9, 11, 3, 4, "logistics"),
}


def weights(name: str) -> Weights:
    residual, gates, skip, end, kernel, first, head = NETWORKS[name]
    rng = np.random.default_rng(len(name))
    dilations = np.array([1, 2, 4, 8, 16, 32, 1, 2], np.int64)
    layers, outputs = len(dilations), 256 if head == "softmax" else 12

    def drawn(*shape: int, inputs: int = 1) -> np.ndarray:
        return (rng.standard_normal(shape) / np.sqrt(inputs)).astype(np.float32)

    return Weights(
        first=drawn(first, 257, residual) if head == "softmax" else drawn(first, residual),
        first_bias=drawn(residual),
        taps=drawn(layers, kernel, residual, 2 * gates, inputs=kernel * residual),
        dilations=dilations,
        mix=drawn(layers, gates, residual + skip, inputs=gates),
        mix_bias=drawn(layers, residual + skip),
        skip_scale=layers**-0.5,
        end=drawn(skip, end, inputs=skip),
        end_bias=drawn(end),
        head=drawn(end, outputs, inputs=end),
        head_bias=drawn(outputs),
        kind=head,
        levels=256 if head == "softmax" else 65536,
    )


def conditioning_of(network: Weights, sequences: int, frames: int = 4) -> np.ndarray:
    shape = (sequences, len(network.dilations), frames, 2 * network.gates)
    return np.random.default_rng(frames).standard_normal(shape).astype(np.float32)


def run(
    network: Weights,
    conditioning: np.ndarray,
    chunks: list[int],
    seed: int = 0,
    precision: Precision = "float32",
    **more: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Symbols, every third of them given, and logits; each sequence draws from its own generator."""
    sampler, steps = Sampler(network, precision), sum(chunks)
    state = sampler.begin(conditioning, SILENCE)
    symbols, uniforms = inputs_of(network, len(conditioning), steps, seed)
    logits = np.zeros((len(conditioning), steps, network.outputs), np.float32)
    at = 0
    for chunk in chunks:
        given, outputs = (np.ascontiguousarray(whole[:, at : at + chunk]) for whole in (symbols, logits))
        numbers = np.ascontiguousarray(uniforms[:, at : at + chunk])
        sampler.advance(state, given, numbers, conditioning, hop=HOP, offset=at, logits=outputs, **more)
        symbols[:, at : at + chunk], logits[:, at : at + chunk] = given, outputs
        at += chunk
    return symbols, logits


def inputs_of(network: Weights, sequences: int, steps: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    streams = [np.random.default_rng([seed, number]) for number in range(sequences)]
    symbols = np.stack([rng.integers(0, network.levels, steps) for rng in streams])
    symbols[:, np.arange(steps) % 3 > 0] = -1
    return symbols, np.stack([rng.random((steps, network.draws)) for rng in streams])


@pytest.mark.parametrize("sequences", [1, 2, 7, 16, 17])
@pytest.mark.parametrize("name", NETWORKS)
def test_it_computes_the_logits_of_the_torch_sampler(name: str, sequences: int) -> None:
    network = weights(name)
    conditioning = conditioning_of(network, sequences)
    symbols, logits = run(network, conditioning, [STEPS])
    exact = torch.from_numpy(conditioning).double()
    exact_sampler = TorchSampler(network, exact, SILENCE)
    _, uniforms = inputs_of(network, sequences, STEPS, 0)
    expected = torch.zeros(sequences, STEPS, network.outputs, dtype=torch.float64)
    given = torch.from_numpy(symbols)  # both get the same history, so that a single rounding cannot make them diverge
    exact_sampler.advance(given, torch.from_numpy(uniforms), exact, HOP, 0, expected)
    assert np.abs(logits - expected.numpy()).max() < 2e-5
    drawing_sampler = TorchSampler(network, exact, SILENCE)
    drawn = torch.from_numpy(inputs_of(network, sequences, STEPS, 0)[0])
    drawing_sampler.advance(drawn, torch.from_numpy(uniforms), exact, HOP)
    same = (drawn.numpy() == symbols).mean(axis=1)
    assert np.median(same) == 1.0 or network.kind == "logistics"  # 65,536 levels may round to a neighbour


@settings(deadline=None, max_examples=12)
@given(
    name=st.sampled_from(sorted(NETWORKS)),
    precision=st.sampled_from(PRECISIONS),
    sequences=st.integers(2, 18),
    cuts=st.lists(st.integers(1, STEPS - 1), max_size=4, unique=True),
)
def test_neither_the_batch_nor_the_chunks_change_a_bit_of_a_sequence(
    name: str, precision: Precision, sequences: int, cuts: list[int]
) -> None:
    network = weights(name)
    conditioning = conditioning_of(network, sequences)
    symbols, logits = run(network, conditioning, np.diff([0, *sorted(cuts), STEPS]).tolist(), precision=precision)
    one, its_logits = run(network, conditioning[:1], [STEPS], precision=precision)
    assert np.array_equal(symbols[0], one[0])
    assert np.array_equal(logits[0], its_logits[0])


def test_threads_that_share_a_sampler_do_not_disturb_each_other() -> None:
    network = weights("even")
    conditioning = conditioning_of(network, 1)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda seed: run(network, conditioning, [STEPS], seed)[0], range(8)))
    for seed, symbols in enumerate(found):
        assert np.array_equal(symbols, run(network, conditioning, [STEPS], seed)[0])


def test_bfloat16_weights_are_those_that_torch_rounds() -> None:
    network = weights("even")
    rounded = {
        name: torch.from_numpy(getattr(network, name)).bfloat16().float().numpy()
        for name in ("taps", "mix", "end", "head")
    }
    conditioning = conditioning_of(network, 1)
    symbols, _ = inputs_of(network, 1, STEPS, 0)
    symbols = np.maximum(symbols, 3)
    outputs = []
    for sampler in (Sampler(network, "bfloat16"), Sampler(replace(network, **rounded))):
        logits = np.zeros((1, STEPS, network.outputs), np.float32)
        uniforms = np.zeros((1, STEPS, 1))
        sampler.advance(
            sampler.begin(conditioning, SILENCE), symbols.copy(), uniforms, conditioning, hop=HOP, logits=logits
        )
        outputs.append(logits)
    assert np.array_equal(*outputs)


class InBytes(TorchSampler):
    """Each matrix of a tap and its inputs, rounded to 8 bits by the rule that `byte_products` states."""

    def _linear(self, sums: torch.Tensor, x: torch.Tensor, matrix: torch.Tensor) -> torch.Tensor:
        inputs = self.weights.residual if matrix.shape == self.taps[0].shape else len(matrix)
        for some, weights in zip(x.split(inputs, 1), matrix.split(inputs), strict=True):
            scale = weights.abs().amax(0) / 127
            low = some.amin(1, keepdim=True)
            step = (some.amax(1, keepdim=True) - low) / 255
            rounded = low + step * ((some - low) / step.clamp_min(1e-30)).round()
            sums = sums + rounded @ ((weights / scale).round() * scale)
        return sums


@pytest.mark.parametrize("sequences", [2, 7])
@pytest.mark.parametrize("name", ["even", "mixture"])  # their widths are not padded
def test_8_bit_weights_are_rounded_by_the_stated_rule(name: str, sequences: int) -> None:
    network = weights(name)
    conditioning = conditioning_of(network, sequences)
    symbols, outputs = run(network, conditioning, [STEPS], precision="int8")
    found = []
    for kind in (InBytes, TorchSampler):
        logits = torch.zeros(sequences, STEPS, network.outputs, dtype=torch.float64)
        uniforms = torch.zeros(sequences, STEPS, network.draws, dtype=torch.float64)
        exact_sampler = kind(network, torch.from_numpy(conditioning).double(), SILENCE)
        exact_sampler.advance(
            torch.from_numpy(symbols), uniforms, torch.from_numpy(conditioning).double(), HOP, 0, logits
        )
        found.append(np.abs(outputs - logits.numpy())[:, 70:].mean())  # the silence before it was computed exactly
    assert found[0] < 0.05 * found[1]  # what is left are values that single precision rounds the other way


def test_classes_are_drawn_with_their_probabilities() -> None:
    network = weights("even")
    conditioning = conditioning_of(network, 16, frames=1)
    counts, expected = np.zeros(256), np.zeros(256)
    for seed in range(40):
        symbols, logits = run(network, conditioning, [30], seed)
        free = np.arange(30) % 3 > 0
        chances = torch.from_numpy(logits[:, free]).double().softmax(-1).numpy()
        counts += np.bincount(symbols[:, free].ravel(), minlength=256)
        expected += chances.sum(axis=(0, 1))
    likely = expected > 20
    assert likely.sum() > 30
    deviation = ((counts - expected)[likely] ** 2 / expected[likely]).sum()
    assert deviation < likely.sum() + 5 * np.sqrt(2 * likely.sum())  # chi-square, five standard deviations


def test_temperature_0_takes_the_most_likely_class() -> None:
    network = weights("odd")
    symbols, logits = run(network, conditioning_of(network, 3), [STEPS], temperature=0.0)
    free = np.arange(STEPS) % 3 > 0
    assert np.array_equal(symbols[:, free], logits[:, free].argmax(axis=-1))


@pytest.mark.parametrize("x", [np.linspace(-87, 88, 4001), np.linspace(-1, 1, 4001)])
def test_exp_is_exact_to_single_precision(x: np.ndarray) -> None:
    single = x.astype(np.float32)
    found = np.array([exp(value) for value in single], np.float64)
    assert np.abs(found / np.exp(single.astype(np.float64)) - 1).max() < 2.5e-7


def test_gates_are_exact_to_single_and_finite_anywhere() -> None:
    rng = np.random.default_rng(0)
    filtered, gated = (
        np.concatenate((rng.normal(0, 3, 2000), [0, -1e9, 1e9, 90, -90])).astype(np.float32) for _ in range(2)
    )
    found = np.array([gate(a, b) for a, b in zip(filtered, gated, strict=True)], np.float64)
    exact = np.tanh(filtered.astype(np.float64)) / (1 + np.exp(-np.clip(gated.astype(np.float64), -700, 700)))
    assert np.abs(found - exact).max() < 4e-7
