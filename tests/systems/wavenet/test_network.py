"""The network: its receptive field, the equations of the paper, and its cost."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from networks import (
    CONFIGS,
    LABELS,
    NONE,
    PCM,
    forced,
    in_double,
    lively,
    random_codes,
    random_spectra,
    random_symbols,
    untrained,
)
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from soundloom.systems.wavenet.likelihood import bits_of
from soundloom.systems.wavenet.network import Network, values
from soundloom.systems.wavenet.sampler_weights import weights_of
from soundloom.systems.wavenet.settings import PRESETS, Context, WaveNetConfig
from soundloom.systems.wavenet.wavenet import WaveNet

FIELDS: dict[str, dict[str, Any]] = {
    "kernel 2": {},
    "kernel 3": {"kernel": 3},
    "kernel 2, first 33": {"first_kernel": 33},
    "kernel 3, first 32": {"kernel": 3, "first_kernel": 32},
    "16 bits": {"representation": PCM, "first_kernel": 3},
    "context": {"context": Context(stride=4, cycles=1, layers_per_cycle=2, channels=8)},
    "context, kernel 3": {"kernel": 3, "context": Context(stride=2, cycles=2, layers_per_cycle=1, channels=8)},
    "context, first 32": {"first_kernel": 32, "context": Context(stride=5, cycles=1, layers_per_cycle=3, channels=8)},
    "short context": {"first_kernel": 32, "context": Context(stride=2, cycles=1, layers_per_cycle=1, channels=8)},
}


def samples_seen(wavenet: WaveNet) -> Iterator[set[int]]:
    """For the predictions of two frames: the distances of the samples that can change them; 1 is the last sample."""
    config = wavenet.config
    stride = config.context.stride if config.context else 1
    steps, time = 2 * stride, config.history + 4 * stride - 1  # two frames more than can matter
    symbols = random_symbols(wavenet, 1, time)
    altered = symbols.repeat(time, 1)
    altered.diagonal().add_(wavenet.levels // 2).remainder_(wavenet.levels)
    both = torch.cat([symbols, altered])
    with torch.no_grad():
        found = in_double(wavenet.network)(both, torch.zeros(len(both), 0), steps)
    changed = (found[1:] - found[:1]).abs().amax(dim=1) > 1e-12  # (sample, prediction)
    for step in range(steps):
        yield {time - steps + 1 + step - int(sample) for sample in changed[:, step].nonzero()}


@pytest.mark.parametrize("name", FIELDS)
def test_exactly_the_samples_of_the_receptive_field_can_change_a_prediction(name: str) -> None:
    wavenet = lively(cycles=1, **FIELDS[name])
    found = list(samples_seen(wavenet))
    assert found == [set(range(1, len(back) + 1)) for back in found]  # from the last sample on, without gaps
    assert max(len(back) for back in found) == wavenet.receptive_field
    if wavenet.config.context is None:
        assert len(found[0]) == wavenet.receptive_field


def test_receptive_fields_are_those_published() -> None:
    assert PRESETS["paper"].receptive_field == 3070  # 192 ms at 16 kHz: three blocks of dilations 1 to 512
    assert PRESETS["ibab"].receptive_field == 5117  # github.com/ibab/tensorflow-wavenet
    numbers = replace(PRESETS["ibab"], representation=dict(PCM, sample_rate=16000), first_kernel=32)
    assert numbers.receptive_field == 5147  # the same, with samples as numbers
    assert replace(PRESETS["paper"], cycles=4).receptive_field == 4093  # github.com/vincentherrmann/pytorch-wavenet
    vocoder = replace(PRESETS["paper"], cycles=4, layers_per_cycle=6, kernel=3)
    assert vocoder.receptive_field == 505  # github.com/r9y9/wavenet_vocoder
    teacher = replace(PRESETS["paper"], kernel=3)
    assert teacher.receptive_field == 6139  # of Parallel WaveNet, https://arxiv.org/abs/1711.10433


@pytest.mark.parametrize("name", FIELDS)
def test_nothing_before_the_history_matters(name: str) -> None:
    wavenet = lively(**FIELDS[name])
    stride = wavenet.config.context.stride if wavenet.config.context else 1
    steps = 3 * stride + 1
    symbols = random_symbols(wavenet, 2, wavenet.config.history + 5 * stride + steps - 1)
    with torch.no_grad():
        longer = wavenet.network(symbols, torch.zeros(2, 0), steps)
        shorter = wavenet.network(symbols[:, 5 * stride :], torch.zeros(2, 0), steps)
    torch.testing.assert_close(shorter, longer, rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", CONFIGS)
def test_a_later_sample_never_changes_an_earlier_prediction(name: str) -> None:
    wavenet = lively(LABELS, **CONFIGS[name])
    symbols, codes, spectra = random_symbols(wavenet, 2, 48), random_codes(LABELS, 2), random_spectra(wavenet, 2, 48)
    before = forced(wavenet, symbols, codes, spectra)
    for since in (0, 1, 17, 46):
        altered = symbols.clone()
        altered[:, since:] = (altered[:, since:] + wavenet.levels // 2) % wavenet.levels
        after = forced(wavenet, altered, codes, spectra)
        torch.testing.assert_close(before[..., : since + 1], after[..., : since + 1], rtol=0, atol=1e-5)
        assert (before - after)[..., since + 1].abs().amax() > 1e-3


@pytest.mark.parametrize("name", ["plain", "kernel 3", "wide first layer", "16 bits", "frames"])
def test_a_whole_clip_needs_no_history(name: str) -> None:
    wavenet = lively(LABELS, **CONFIGS[name])
    symbols, codes, spectra = random_symbols(wavenet, 2, 90), random_codes(LABELS, 2), random_spectra(wavenet, 2, 90)
    preceded = F.pad(symbols, (wavenet.config.first_kernel, 0), value=wavenet.encoder.before)[:, :-1]
    with torch.no_grad():
        found = wavenet.network(preceded, codes, 90, spectra, None, torch.zeros(2, dtype=torch.int64), begins=True)
    torch.testing.assert_close(found, forced(wavenet, symbols, codes, spectra), rtol=0, atol=1e-5)


def by_the_equations(wavenet: WaveNet, symbols: list[int], code: np.ndarray) -> np.ndarray:
    """The next sample's logits, written as in sections 2.3 and 2.4 of the paper, one moment and one tap at a time."""
    network, config = wavenet.network, wavenet.config
    state = {name: value.detach().numpy() for name, value in network.state_dict().items()}
    hidden = F.gelu(network.code(torch.from_numpy(code))).detach().numpy()
    conditions = state["code_gates.weight"] @ hidden
    history = [wavenet.encoder.before] * 200 + symbols
    x = [
        state["first.bias"] + sum(state["first.taps"][tap, history[t - tap]] for tap in range(config.first_kernel))
        for t in range(config.first_kernel - 1, len(history))
    ]
    total = np.zeros(config.skip)
    for layer, dilation in enumerate(config.dilations):
        part = {key.removeprefix(f"layers.{layer}."): value for key, value in state.items()}
        out = []
        for t in range((config.kernel - 1) * dilation, len(x)):
            gates = part["dilated.bias"] + conditions[2 * config.gate * layer :][: 2 * config.gate]
            for tap in range(config.kernel):
                gates = gates + part["dilated.weight"][:, :, -1 - tap] @ x[t - tap * dilation]
            z = np.tanh(gates[: config.gate]) / (1 + np.exp(-gates[config.gate :]))
            mixed = part["mix.weight"][:, :, 0] @ z + part["mix.bias"]
            out.append(x[t] + mixed[: config.residual])
        x = out
        total += mixed[config.residual :]
    ended = state["end.weight"][:, :, 0] @ np.maximum(total / math.sqrt(len(config.dilations)), 0) + state["end.bias"]
    return np.asarray(state["head.weight"][:, :, 0] @ np.maximum(ended, 0) + state["head.bias"])


@pytest.mark.parametrize("settings", [{}, {"kernel": 3, "first_kernel": 3}])
def test_predictions_are_those_of_the_papers_equations(settings: dict[str, int]) -> None:
    wavenet = lively(LABELS, layers_per_cycle=2, **settings)
    symbols, codes = random_symbols(wavenet, 1, 12), random_codes(LABELS, 1)
    found = forced(wavenet, symbols, codes)
    for time in (0, 1, 11):
        expected = by_the_equations(wavenet, symbols[0, :time].tolist(), codes[0].numpy())
        np.testing.assert_allclose(found[0, :, time], expected, rtol=0, atol=1e-4)


def test_the_symbol_before_a_clip_is_not_silence() -> None:
    for settings in ({}, {"representation": PCM}):
        wavenet = lively(**settings)
        silence = wavenet.representation.encode(torch.zeros(1, 1, 64))[:, 0]
        found = forced(wavenet, silence, torch.zeros(1, 0))
        assert (found[..., 0] - found[..., -1]).abs().amax() > 0.05
        assert abs(float(values(torch.tensor(wavenet.encoder.before), wavenet.levels)) - 2) < 1e-4  # beyond all samples


def test_an_untrained_network_takes_eight_bits_for_a_class() -> None:
    wavenet = untrained(LABELS, layers_per_cycle=6)
    symbols = random_symbols(wavenet, 4, 300)
    bits = bits_of(forced(wavenet, symbols, random_codes(LABELS, 4)), symbols, 256, classes=True)
    assert 7.9 < float(bits.mean()) < 8.1
    assert float(bits.max()) < 9


def test_an_untrained_mixture_gives_every_level_a_probability() -> None:
    wavenet = untrained(representation=PCM, layers_per_cycle=6)
    for symbols in (random_symbols(wavenet, 2, 300), torch.tensor([[0, 65535, 32768] * 100])):
        bits = bits_of(forced(wavenet, symbols, torch.zeros(len(symbols), 0)), symbols, 65536, classes=False)
        assert 0 < float(bits.min()) < float(bits.max()) < 30


@pytest.mark.parametrize("name", ["plain", "16 bits"])
def test_each_condition_changes_predictions_and_unknown_differs_from_every_value(name: str) -> None:
    wavenet = lively(LABELS, **CONFIGS[name])
    symbols = random_symbols(wavenet, 1, 10).expand(4, -1)
    asked = [{}, {"kind": "hiss"}, {"kind": "thump"}, {"kind": "hiss", "pitch": 40}]
    codes = torch.stack([torch.from_numpy(LABELS.encode(row)) for row in asked])
    found = forced(wavenet, symbols, codes)
    for first in range(4):
        for second in range(first):
            assert (found[first] - found[second]).abs().amax() > 0.01


def step_cost(config: WaveNetConfig) -> int:
    """Multiply-adds of one step by the formula: N [k R 2G + G (R + S)] + S E + E outputs."""
    layer = config.kernel * config.residual * 2 * config.gate + config.gate * (config.residual + config.skip)
    outputs = 256 if config.classes else 3 * config.logistics
    return len(config.dilations) * layer + config.skip * config.end + config.end * outputs


COSTS = {
    "paper": (PRESETS["paper"], 1_236_992),
    "ibab": (PRESETS["ibab"], 1_468_416),  # 1.47 million
    "sounds": (PRESETS["sounds"], 184_320),
    "kernel 3, 16 bits": (replace(PRESETS["tiny"], kernel=3, representation=PCM), 6 * 2048 + 16 * 16 + 16 * 30),
}


@pytest.mark.parametrize("name", COSTS)
def test_a_step_takes_as_many_multiply_adds_as_the_formula_says(name: str) -> None:
    config, expected = COSTS[name]
    assert step_cost(config) == expected
    network = untrained_at(config)
    weights = weights_of(network)
    matrices = (weights.taps, weights.mix, weights.end, weights.head)
    assert sum(matrix.size for matrix in matrices) == expected
    symbols = torch.full((1, config.first_kernel + 9), network.levels // 2)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network(symbols, torch.zeros(1, 0), 10, begins=True)
    assert counter.get_total_flops() == 10 * 2 * expected


@pytest.mark.parametrize("name", COSTS)
def test_queues_hold_what_older_taps_still_need(name: str) -> None:
    config, _ = COSTS[name]
    expected = sum((config.kernel - 1) * dilation * config.residual for dilation in config.dilations)
    assert weights_of(untrained_at(config)).queue_floats == expected
    assert expected == (config.receptive_field - config.first_kernel) * config.residual


def untrained_at(config: WaveNetConfig) -> Network:
    return Network(config, 256 if config.classes else 65536, NONE.width)
