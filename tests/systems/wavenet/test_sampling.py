"""Sampling: the sampler predicts what the network predicts, and draws from it."""

from __future__ import annotations

import time
from itertools import pairwise
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
    lively,
    random_codes,
    random_spectra,
    random_symbols,
    sampled,
)
from torch import Tensor

from soundloom.contract import Sampling
from soundloom.runtime.generators import generator
from soundloom.runtime.progress import Progress, undisturbed
from soundloom.systems.wavenet import logistics, sampling
from soundloom.systems.wavenet.sampler.weights import PRECISIONS, Precision
from soundloom.systems.wavenet.sampling import draw, settings_of
from soundloom.systems.wavenet.sequences import CHUNK, Sequences
from soundloom.systems.wavenet.wavenet import WaveNet


def drawn(
    wavenet: WaveNet,
    length: int,
    *,
    codes: Tensor | None = None,
    spectra: Tensor | None = None,
    given: Tensor | None = None,
    temperature: float = 1.0,
    sequences: int = 1,
    first: int = 0,
    progress: Progress = undisturbed,
    **options: Any,
) -> Tensor:
    """Symbols (sequence, length), which begin with those given, (time,)."""
    generators = [generator(7, number) for number in range(first, first + sequences)]
    codes = torch.zeros(sequences, wavenet.schema.width) if codes is None else codes
    prompt = None if given is None else wavenet.representation.decode(given[None])
    requested = {"weights": "float32", **options}
    with torch.no_grad():
        call = Sampling(length, [{}] * sequences, generators, prompt)
        settings = settings_of(wavenet.network, codes, temperature, requested, wavenet.costs.tolist())
        sounds = draw(wavenet.network, wavenet.representation, call, codes, spectra, settings, progress)
    return wavenet.representation.encode(sounds)[:, 0]


@pytest.mark.parametrize("sequences", [2, 7])  # single and batched kernel
@pytest.mark.parametrize("name", CONFIGS)
def test_the_sampler_predicts_what_the_network_predicts(name: str, sequences: int) -> None:
    wavenet = lively(LABELS, **CONFIGS[name])
    time = 3 * wavenet.config.history + 5
    symbols, codes = random_symbols(wavenet, sequences, time), random_codes(LABELS, sequences)
    spectra = random_spectra(wavenet, sequences, time)
    expected = forced(wavenet, symbols, codes, spectra)
    found = sampled(wavenet, symbols, codes, spectra)
    assert expected.std(dim=2).median() > 0.02  # predictions depend on the history
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("precision", "near"), [("bfloat16", 0.05), ("int8", 0.1)])
@pytest.mark.parametrize("name", CONFIGS)
def test_weights_of_fewer_bits_predict_nearly_the_same(name: str, precision: Precision, near: float) -> None:
    wavenet = lively(LABELS, **CONFIGS[name])
    symbols, codes, spectra = random_symbols(wavenet, 2, 60), random_codes(LABELS, 2), random_spectra(wavenet, 2, 60)
    exact = sampled(wavenet, symbols, codes, spectra)
    with torch.no_grad():
        less = sampling.predict(wavenet.network, symbols, codes, spectra, precision)
    assert 0 < float((less - exact).square().mean().sqrt() / exact.std()) < near


class Uniforms:
    """Records the uniform numbers that symbols are drawn with."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seen: dict[int, np.ndarray] = {}
        advance = Sequences.advance

        def recording(sequences: Sequences, symbols: np.ndarray, uniforms: np.ndarray, at: int, *more: Any) -> None:
            for step in range(symbols.shape[1]):
                self.seen[at + step] = uniforms[:, step]
            advance(sequences, symbols, uniforms, at, *more)

        monkeypatch.setattr(Sequences, "advance", recording)

    def since(self, place: int, length: int) -> Tensor:
        """Of the samples from `place` to `length`, (sequence, time, draw)."""
        return torch.from_numpy(np.stack([self.seen[at] for at in range(place, length)], axis=1))


def share_as_expected(
    wavenet: WaveNet, predicted: Tensor, symbols: Tensor, uniforms: Tensor, temperature: float = 1, top_p: float = 1
) -> float:
    """Share of the symbols (sequence, time) that their uniform numbers select under the predictions."""
    if not wavenet.config.classes:
        flat = predicted.transpose(1, 2).flatten(0, 1)
        expected = logistics.draw(flat, uniforms.flatten(0, 1), temperature).view_as(symbols)
        return float(((symbols - expected).abs() <= 3).float().mean())
    shares = (predicted.double() / temperature).softmax(dim=1)
    ordered, order = shares.sort(dim=1, descending=True)
    kept = ordered * (ordered.cumsum(dim=1) - ordered < top_p)
    upto = torch.zeros_like(shares).scatter(1, order, kept).cumsum(dim=1)
    expected = (upto / upto[:, -1:] <= uniforms[:, None, :, 0]).sum(dim=1)
    return float((symbols == expected).float().mean())


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("prompt", ["1", "2", "field - 1", "field", "field + 1", "5 * field + 7"])
def test_after_a_prompt_of_any_length_samples_are_drawn_as_the_network_predicts(
    name: str, prompt: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    wavenet, uniforms = lively(LABELS, **CONFIGS[name]), Uniforms(monkeypatch)
    known = eval(prompt, {"field": wavenet.receptive_field})
    length = known + 60
    codes, spectra = random_codes(LABELS, 2), random_spectra(wavenet, 2, length)
    given = random_symbols(wavenet, 1, known)[0]
    symbols = drawn(wavenet, length, codes=codes, spectra=spectra, given=given, sequences=2)
    assert torch.equal(symbols[:, :known], given.expand(2, -1))
    predicted = forced(wavenet, symbols, codes, spectra)[..., known:]
    assert share_as_expected(wavenet, predicted, symbols[:, known:], uniforms.since(known, length)) > 0.98


@pytest.mark.parametrize("sequences", [2, 8])
@pytest.mark.parametrize("name", ["plain", "16 bits"])
@pytest.mark.parametrize("temperature", [0.0, 0.5, 1.0, 1.7])
def test_each_sample_is_drawn_from_what_the_network_predicts(
    name: str, temperature: float, sequences: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    wavenet, uniforms = lively(LABELS, **CONFIGS[name]), Uniforms(monkeypatch)
    codes = random_codes(LABELS, sequences)
    symbols = drawn(wavenet, 300, codes=codes, sequences=sequences, temperature=temperature)
    predicted = forced(wavenet, symbols, codes)
    if temperature == 0 and wavenet.config.classes:
        assert float((symbols == predicted.argmax(dim=1)).float().mean()) > 0.99
    else:
        assert share_as_expected(wavenet, predicted, symbols, uniforms.since(0, 300), temperature) > 0.98
    assert len(symbols.unique()) > (1 if temperature == 0 else 50)


@pytest.mark.parametrize("sequences", [2, 8])
@pytest.mark.parametrize(("temperature", "top_p"), [(1.0, 0.7), (0.6, 0.2), (1.5, 1.0)])
def test_top_p_draws_only_the_most_likely_classes_with_this_probability(
    temperature: float, top_p: float, sequences: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    wavenet, uniforms = lively(LABELS), Uniforms(monkeypatch)
    codes = random_codes(LABELS, sequences)
    asked = {"temperature": temperature, "top_p": top_p}
    symbols = drawn(wavenet, 300, codes=codes, sequences=sequences, **asked)
    predicted = forced(wavenet, symbols, codes)
    assert share_as_expected(wavenet, predicted, symbols, uniforms.since(0, 300), **asked) > 0.98


@pytest.mark.parametrize("sequences", [1, 9])  # 18 with the unconditional ones: more than one batch
@pytest.mark.parametrize("guidance", [0.0, 0.5, 3.0])
def test_guidance_extrapolates_from_unconditional_to_conditional_logits(
    guidance: float, sequences: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    wavenet, uniforms = lively(LABELS), Uniforms(monkeypatch)
    codes = random_codes(LABELS, sequences)
    symbols = drawn(wavenet, 200, codes=codes, sequences=sequences, guidance=guidance, top_p=0.9)
    conditional, unconditional = (forced(wavenet, symbols, each) for each in (codes, torch.zeros_like(codes)))
    assert (conditional - unconditional).abs().mean() > 0.02
    predicted = unconditional + guidance * (conditional - unconditional)
    assert share_as_expected(wavenet, predicted, symbols, uniforms.since(0, 200), top_p=0.9) > 0.98


@pytest.mark.parametrize("weights", PRECISIONS)
def test_the_batch_changes_no_bit_of_a_guided_sequence(weights: str) -> None:
    wavenet = lively(LABELS)
    codes = random_codes(LABELS, 10)
    batch = drawn(wavenet, 100, codes=codes, sequences=10, guidance=2.0, weights=weights)
    assert len(batch.unique(dim=0)) == 10
    for row in (0, 7, 8, 9):
        asked = {"guidance": 2.0, "weights": weights}
        assert torch.equal(drawn(wavenet, 100, codes=codes[row : row + 1], first=row, **asked)[0], batch[row])


def test_guidance_has_no_effect_without_conditions() -> None:
    wavenet = lively(LABELS)
    assert torch.equal(drawn(wavenet, 100, guidance=3.0), drawn(wavenet, 100))


def test_a_higher_temperature_increases_variety_and_top_p_reduces_it() -> None:
    wavenet = lively()

    def variety(**asked: float) -> float:
        shares = torch.bincount(drawn(wavenet, 500, sequences=4, **asked).flatten(), minlength=256) / 2000
        return float(torch.special.entr(shares).sum())

    assert variety(temperature=0.3) < variety() - 0.2
    assert variety(temperature=2.0) > variety() + 0.02
    assert variety(top_p=0.5) < variety() - 0.2


def test_16_bit_samples_have_the_distribution_of_their_mixture() -> None:
    wavenet = lively(representation=PCM)
    symbols = drawn(wavenet, 400, sequences=8)
    logits, means, log_scales = forced(wavenet, symbols, torch.zeros(8, 0)).double().chunk(3, dim=1)
    inside = torch.sigmoid((2 * (symbols + 0.5) / 65535 - 1 - means.transpose(0, 1)) / log_scales.exp().transpose(0, 1))
    below = (logits.softmax(dim=1) * inside.transpose(0, 1)).sum(dim=1)  # P(at most the drawn symbol) is uniform
    counts = torch.histc(below, 10, 0, 1) / below.numel()
    torch.testing.assert_close(counts, torch.full_like(counts, 0.1), rtol=0, atol=0.03)


@pytest.mark.parametrize("name", CONFIGS)
def test_the_batch_changes_no_bit_of_a_sequence(name: str) -> None:
    wavenet = lively(LABELS, **CONFIGS[name])
    codes, spectra = random_codes(LABELS, 18), random_spectra(wavenet, 18, 100)
    batch = drawn(wavenet, 100, codes=codes, spectra=spectra, sequences=18)
    assert len(batch.unique(dim=0)) == 18
    for row in (0, 5, 15, 17):
        own = None if spectra is None else spectra[row : row + 1]
        assert torch.equal(drawn(wavenet, 100, codes=codes[row : row + 1], spectra=own, first=row)[0], batch[row])


@pytest.mark.parametrize("name", ["plain", "all"])
def test_a_longer_sound_begins_as_a_shorter_one(name: str) -> None:
    wavenet = lively(**CONFIGS[name])
    spectra = random_spectra(wavenet, 1, 100)
    longer, shorter = (drawn(wavenet, length, spectra=spectra) for length in (CHUNK + 300, 77))
    assert torch.equal(longer[:, :77], shorter)


def test_progress_gets_the_number_of_samples_and_can_stop() -> None:
    reported: list[int] = []

    def progress(fraction: float, samples: int, /) -> bool:
        reported.append(samples)
        return samples < 3 * CHUNK

    wavenet = lively()
    given = random_symbols(wavenet, 1, 5000)[0]
    found = drawn(wavenet, 30000, given=given, sequences=2, progress=progress)
    assert reported[-1] == found.shape[1] == 3 * CHUNK
    assert torch.equal(found[:, :5000], given.expand(2, -1))
    assert all(1 <= later - sooner <= CHUNK for sooner, later in pairwise(reported))


def test_changed_weights_are_packed_again() -> None:
    wavenet = lively()
    symbols = random_symbols(wavenet, 1, 30)
    before = sampled(wavenet, symbols, torch.zeros(1, 0))
    optimizer = torch.optim.AdamW(wavenet.parameters(), lr=0.1)
    forced_loss = wavenet.network(torch.full((1, 40), 3), torch.zeros(1, 0), 1).sum()
    forced_loss.backward()
    optimizer.step()
    after = sampled(wavenet, symbols, torch.zeros(1, 0))
    assert (after - before).abs().max() > 0.1
    torch.testing.assert_close(after, forced(wavenet, symbols, torch.zeros(1, 0)), rtol=1e-5, atol=1e-5)
    kept = {key: value.clone() for key, value in wavenet.state_dict().items()}
    with torch.no_grad():
        wavenet.network.end.weight.mul_(0.5)
    wavenet.load_state_dict(kept)
    assert torch.equal(sampled(wavenet, symbols, torch.zeros(1, 0)), after)


def test_auto_takes_the_fastest_precision_that_costs_less_than_half_a_percent() -> None:
    wavenet = lively(LABELS)
    exact, half, quarter = (drawn(wavenet, 1000, sequences=8, weights=name) for name in PRECISIONS)
    assert not torch.equal(exact, half)
    assert not torch.equal(quarter, half)
    for costs, expected in (
        ([2.0, 2.009, 2.011], half), ([2.0, 2.011, 2.011], exact), ([2.0, 1.9, 2.1], half), ([2.0, 2.1, 2.009], quarter)
    ):  # fmt: skip
        wavenet.costs.copy_(torch.tensor(costs))
        assert torch.equal(drawn(wavenet, 1000, sequences=8, weights="auto"), expected)


def test_precisions_are_measured_in_bits_at_the_beginnings_of_clips() -> None:
    wavenet = lively(LABELS, **CONFIGS["frames"])
    audio = 0.3 * torch.randn(3, 1, sampling.MEASURED_SAMPLES + 100, generator=torch.Generator().manual_seed(0)).clamp(
        -3, 3
    )
    codes = random_codes(LABELS, 3)
    with torch.no_grad():
        exact, half, quarter = sampling.precision_costs(wavenet.network, wavenet.encoder, audio, codes).tolist()
    symbols = wavenet.representation.encode(audio)[:, 0]
    predicted = forced(wavenet, symbols, codes, wavenet.encoder.spectra(audio))
    bits = sampling.bits_of(predicted, symbols, 256, classes=True)[:, : sampling.MEASURED_SAMPLES]
    assert abs(exact / float(bits.mean()) - 1) < 1e-4
    assert 1e-6 < abs(half / exact - 1) < 0.05
    assert 1e-6 < abs(quarter / exact - 1) < 0.05


def test_a_sample_takes_as_long_after_many_as_after_few() -> None:
    wavenet = lively(NONE, cycles=1, layers_per_cycle=8)
    moments: list[float] = []

    def progress(fraction: float, samples: int, /) -> bool:
        moments.append(time.thread_time())
        return True

    drawn(wavenet, 20 * CHUNK, progress=progress)
    pieces = np.diff(moments)
    assert np.min(pieces[-5:]) < 1.5 * np.min(pieces[:5])
