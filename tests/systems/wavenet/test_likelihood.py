"""The objective: which samples of a clip are predicted, from which history, and their bits."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import CONFIGS, LABELS, config_of, forced, lively, random_codes, random_spectra, untrained
from torch import Tensor

from soundloom.contract import MODEL, Batch, ClipBatch, Loss, Objective
from soundloom.layers.attack import from_attack
from soundloom.systems.wavenet import likelihood
from soundloom.systems.wavenet.crops import Crop, crop_of, ends_of, mean_of
from soundloom.systems.wavenet.likelihood import bits_of, crop_bits
from soundloom.systems.wavenet.logistics import probabilities
from soundloom.systems.wavenet.settings import Context, WaveNetConfig
from soundloom.systems.wavenet.wavenet import WaveNet

BEFORE = 256


def noise(clips: int, time: int, seed: int = 0) -> Tensor:
    """Clips of noise, (clips, 1, time)."""
    return 0.3 * torch.randn(clips, 1, time, generator=torch.Generator().manual_seed(seed)).clamp(-3, 3)


def bursts(*ends: int, time: int = 1000) -> Tensor:
    """Noise up to each of `ends`, then silence, (clip, 1, time)."""
    audio = noise(len(ends), time)
    for clip, end in zip(audio, ends, strict=True):
        clip[:, end:] = 0
        clip[:, max(0, end - 1) : end] = 0.5
    return audio


def crops(config: WaveNetConfig, audio: Tensor, drawn: float | Tensor, before: int = BEFORE) -> Crop:
    """Crops of clips whose symbols are the numbers of their samples."""
    symbols = torch.arange(audio.shape[2]).expand(len(audio), -1)
    return crop_of(symbols, audio[:, 0], torch.as_tensor(drawn).expand(len(audio)), config, before)


def places(crop: Crop) -> Tensor:
    """Positions of the predictions in their clips, (batch, steps)."""
    return crop.position[:, None] + torch.arange(crop.steps)


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("drawn", [0.0, 0.4, 0.7, 1.0])
@pytest.mark.parametrize("crop", [32, 400])  # shorter and longer than a clip
def test_a_crop_is_predicted_as_the_whole_clip_is(name: str, drawn: float, crop: int) -> None:
    wavenet = lively(LABELS, **CONFIGS[name], crop=crop)
    audio, codes, spectra = noise(3, 203), random_codes(LABELS, 3), random_spectra(wavenet, 3, 203)
    symbols = wavenet.representation.encode(audio)[:, 0]
    crop_ = crop_of(symbols, audio[:, 0], torch.full((3,), drawn), wavenet.config, wavenet.encoder.before)
    with torch.no_grad():
        found = crop_bits(wavenet.network, crop_, codes, spectra)
    whole = bits_of(forced(wavenet, symbols, codes, spectra), symbols, wavenet.levels, wavenet.config.classes)
    assert found.shape == crop_.counted.shape
    torch.testing.assert_close(found, whole.gather(1, places(crop_)), rtol=1e-5, atol=1e-4)


@settings(deadline=None, max_examples=200)
@given(
    st.integers(1, 700),
    st.lists(st.integers(0, 700), min_size=1, max_size=4),
    st.floats(0, 1, exclude_max=True),
    st.integers(16, 300),
    st.sampled_from([0, 0.25, 1]),
    st.sampled_from([None, Context(stride=7, cycles=1, layers_per_cycle=2, channels=2)]),
)
def test_a_crop_has_its_history_and_counts_up_to_the_tail(
    time: int, ends: list[int], drawn: float, length: int, quiet: float, context: Context | None
) -> None:
    config = config_of(crop=length, quiet=quiet, context=context)
    ends = [min(end, time) for end in ends]
    crop = crops(config, bursts(*ends, time=time), drawn, before=-1)
    given = crop.symbols.shape[1] - crop.steps
    assert given == (config.first_kernel if crop.begins else config.history)
    expected = places(crop)[:, :1] - given + torch.arange(given + crop.steps)
    assert torch.equal(crop.symbols, expected.clamp_min(-1))  # the symbol of sample n is n, and -1 before a clip
    upto = (torch.tensor(ends) + round(quiet * length)).clamp(1, time)  # one sample of silence counts
    assert torch.equal(crop.counted, places(crop) < upto[:, None])
    assert torch.equal(crop.sounding, places(crop) < torch.tensor(ends)[:, None])
    assert crop.counted.any(dim=1).all()
    assert crop.steps <= length
    if context is not None:
        assert (crop.position % context.stride == 0).all()


def test_crops_reach_from_the_first_sample_to_the_end_of_the_tail() -> None:
    config = config_of(crop=100)
    assert config.tail == 25
    audio = bursts(500)
    seen = torch.zeros(1000)
    for drawn in torch.linspace(0, 0.999, 200):
        crop = crops(config, audio, drawn)
        seen[places(crop)[crop.counted]] += 1
    assert (seen[: 500 + config.tail] > 0).all()
    assert (seen[500 + config.tail :] == 0).all()
    assert seen[0] > 0.45 * seen[250]  # uniform crops would begin with it once in 400 times
    assert seen[499 + config.tail] > 0.45 * seen[250]


def test_a_clip_no_longer_than_a_crop_is_taken_whole() -> None:
    config = config_of(crop=300)
    crop = crops(config, bursts(200, 250, time=300), 0.9)
    assert crop.position.tolist() == [0, 0]
    assert crop.counted.sum(dim=1).tolist() == [200 + config.tail, min(300, 250 + config.tail)]


def test_a_sound_ends_with_its_last_sample_above_minus_60_decibels_of_its_peak() -> None:
    audio = torch.zeros(4, 100)
    audio[1, 30], audio[2, 30:60], audio[2, 60], audio[3, 99] = 1e-3, 0.5, 1.1 * 0.5e-3, -0.1
    audio[1:3, 70] = torch.tensor([0.9e-6, 0.9 * 0.5e-3])
    assert ends_of(audio).tolist() == [0, 31, 61, 100]


def test_a_one_shot_is_trained_from_two_samples_before_its_attack() -> None:
    audio = torch.zeros(3, 1, 100)
    audio[0, 0, 10:40], audio[0, 0, 40:60] = 0.01 * 0.5, 0.5  # soft noise before the attack
    audio[1, 0, 1:30] = -0.3
    found = from_attack(audio)
    assert torch.equal(found[0, 0], torch.cat([audio[0, 0, 38:], torch.zeros(38)]))
    assert torch.equal(found[1:], audio[1:])  # one starts with its attack, one is silent
    assert torch.equal(untrained(cut="start").encoder.aligned(audio), found)
    late = loss_of(lively(crop=1000, cut="start"), torch.nn.functional.pad(noise(2, 200), (80, 0))).total
    early = loss_of(lively(crop=1000, cut="start"), torch.nn.functional.pad(noise(2, 200), (2, 78))).total
    torch.testing.assert_close(late, early, rtol=1e-4, atol=0)


def test_windows_and_clips_of_a_vocoder_are_not_aligned() -> None:
    audio = torch.nn.functional.pad(noise(2, 50), (50, 0))
    assert torch.equal(untrained(cut="windows").encoder.aligned(audio), audio)
    assert torch.equal(untrained(cut="start", frames=CONFIGS["frames"]["frames"]).encoder.aligned(audio), audio)


def test_means_are_over_the_samples_that_count_in_each_clip() -> None:
    bits = torch.tensor([[1.0, 2, 100], [4, torch.inf, torch.nan], [7, 8, 9]])
    counted = torch.tensor([[1, 1, 0], [1, 0, 0], [0, 0, 0]]).bool()
    assert mean_of(bits, counted).tolist() == [1.5, 4.0, 0.0]


def test_bits_of_classes_are_those_of_their_softmax() -> None:
    outputs = torch.randn(2, 256, 5, generator=torch.Generator().manual_seed(0))
    symbols = torch.randint(256, (2, 5), generator=torch.Generator().manual_seed(0))
    expected = -outputs.double().softmax(dim=1).gather(1, symbols[:, None])[:, 0].log2()
    torch.testing.assert_close(bits_of(outputs, symbols, 256, classes=True).double(), expected, rtol=1e-5, atol=1e-5)


def test_bits_of_levels_are_those_of_their_mixture() -> None:
    outputs = torch.randn(4, 9, 1, generator=torch.Generator().manual_seed(0))
    symbols = torch.tensor([[0], [32768], [40000], [65535]])
    expected = -probabilities(outputs[..., 0]).gather(1, symbols).log2()
    torch.testing.assert_close(bits_of(outputs, symbols, 65536, classes=False), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["plain", "16 bits", "context"])
def test_probabilities_of_single_steps_multiply_to_that_of_the_sequence(name: str) -> None:
    wavenet = lively(LABELS, **CONFIGS[name], crop=1000)
    audio, codes = noise(1, 64), random_codes(LABELS, 1)
    whole = wavenet.negative_log_likelihood(ClipBatch(audio, codes)).bits[MODEL] * 64
    symbols = wavenet.representation.encode(audio)[0]
    history = torch.nn.functional.pad(symbols, (wavenet.config.history, 0), value=wavenet.encoder.before)
    stride = wavenet.config.context.stride if wavenet.config.context else 1
    total = 0.0
    for time in range(64):
        begin = time // stride * stride  # with a context stack, the given symbols begin with one of its frames
        with torch.no_grad():
            outputs = wavenet.network(history[:, begin : wavenet.config.history + time], codes, 1)
        total += float(bits_of(outputs, symbols[:, time : time + 1], wavenet.levels, wavenet.config.classes))
    assert math.isclose(total, float(whole), rel_tol=1e-5)


def likelihood_of(wavenet: WaveNet) -> Objective:
    """The training objective of a model."""
    (objective,) = wavenet.stages()[0].objectives
    return objective


def loss_of(wavenet: WaveNet, audio: Tensor, codes: Tensor | None = None, step: int = 0, **more: Any) -> Loss:
    codes = torch.zeros(len(audio), wavenet.schema.width) if codes is None else codes
    with torch.no_grad():
        return likelihood_of(wavenet)(Batch(audio, codes, 0, step, **more), 0.5)


def test_the_loss_is_the_mean_over_clips_of_bits_per_sample_that_counts() -> None:
    wavenet = lively(crop=1000)
    audio = bursts(100, 400)
    found = loss_of(wavenet, audio)
    symbols = wavenet.representation.encode(audio)[:, 0]
    bits = bits_of(forced(wavenet, symbols, torch.zeros(2, 0)), symbols, 256, classes=True)
    tail = wavenet.config.tail
    expected = (bits[0, : 100 + tail].mean() + bits[1, : 400 + tail].mean()) / 2
    sounding = (bits[0, :100].mean() + bits[1, :400].mean()) / 2
    torch.testing.assert_close(found.total, expected, rtol=1e-5, atol=0)
    torch.testing.assert_close(found.parts["sounding"], sounding, rtol=1e-5, atol=0)


def test_a_crop_in_silence_does_not_change_the_mean_bits_of_sounding_samples() -> None:
    wavenet = lively(crop=16, quiet=1.0)
    audio = bursts(20, 20, 20, 20, time=200)
    for step in range(20):
        parts = loss_of(wavenet, audio, step=step).parts
        drawn = Batch(audio, torch.zeros(4, 0), 0, step).uniform(1, name="crop")[:, 0]
        crop = crop_of(
            wavenet.representation.encode(audio)[:, 0], audio[:, 0], drawn, wavenet.config, wavenet.encoder.before
        )
        with torch.no_grad():
            each = mean_of(crop_bits(wavenet.network, crop, torch.zeros(4, 0), None), crop.sounding)[
                crop.sounding.any(dim=1)
            ]
        if 0 < len(each) < 4:
            torch.testing.assert_close(parts["sounding"], each.mean())
            return
    raise AssertionError("no crop lay in the silence")


def test_baselines_are_reported_in_evaluation_and_not_in_training() -> None:
    wavenet = untrained(crop=64)
    audio = noise(3, 200)
    assert set(loss_of(wavenet, audio).parts) == {"sounding", "unigram", "markov", "linear"}
    assert set(loss_of(wavenet.train(), audio).parts) == {"sounding"}


@pytest.mark.parametrize("length", [40, 1000])  # of a crop: within clips, and whole clips
def test_baselines_are_measured_on_the_samples_of_the_network(length: int) -> None:
    wavenet = lively(crop=length, layers_per_cycle=6)  # a larger receptive field than linear prediction
    audio = noise(3, 300)
    symbols = wavenet.representation.encode(audio)[:, 0]
    wavenet.baselines.fit([(symbols, torch.ones_like(symbols, dtype=torch.bool))])
    drawn = Batch(audio, torch.zeros(3, 0), 0, 0).uniform(1, name="crop")[:, 0]
    crop = crop_of(symbols, audio[:, 0], drawn, wavenet.config, wavenet.encoder.before)
    assert length == 1000 or (crop.position > 64).any()
    parts = loss_of(wavenet, audio).parts
    for name, bits in wavenet.baselines.bits(symbols).items():
        expected = mean_of(bits.gather(1, places(crop)), crop.counted).mean()
        torch.testing.assert_close(parts[name], expected, rtol=1e-4, atol=1e-4)


def test_conditions_and_frames_are_hidden_only_in_training_as_often_as_set(monkeypatch: pytest.MonkeyPatch) -> None:
    wavenet = lively(LABELS, crop=16, unknown_share=0.3, batch_size=64, frames=CONFIGS["frames"]["frames"])
    seen: list[tuple[Tensor, Tensor]] = []
    monkeypatch.setattr(likelihood, "crop_bits", lambda *given: seen.append((given[2], given[4])) or crop_bits(*given))
    codes = torch.from_numpy(LABELS.encode({"kind": "hiss", "pitch": 48})).expand(64, -1)
    for step in range(8):
        loss_of(wavenet.train(), noise(64, 40), codes, step)
    known = torch.cat([codes for codes, _ in seen])[:, [2, -1]]
    assert 0.44 < float(known[:, 0].mean()) < 0.54  # 0.7 squared: not hidden alone, nor with all others
    assert 0.44 < float(known[:, 1].mean()) < 0.54
    assert 0.30 < float((known == 0).all(dim=1).float().mean()) < 0.43  # 0.3 + 0.7 * 0.3 squared
    assert 0.25 < float(torch.cat([hidden for _, hidden in seen]).float().mean()) < 0.35
    seen.clear()
    loss_of(wavenet.eval(), noise(64, 40), codes)
    assert torch.equal(seen[0][0], codes)
    assert not seen[0][1].any()


def test_bits_do_not_depend_on_the_batch() -> None:
    wavenet = lively(LABELS, batch_size=2, frames=CONFIGS["frames"]["frames"])
    audio, codes = noise(5, 150), random_codes(LABELS, 5)
    batch = wavenet.negative_log_likelihood(ClipBatch(audio, codes)).bits[MODEL]
    for clip in range(5):
        single = wavenet.negative_log_likelihood(ClipBatch(audio[clip : clip + 1], codes[clip : clip + 1])).bits[MODEL]
        torch.testing.assert_close(single[0], batch[clip], rtol=1e-5, atol=1e-5)


def test_every_parameter_of_the_network_gets_a_gradient() -> None:
    for name, settings_ in CONFIGS.items():
        wavenet = lively(LABELS, **settings_, crop=40).train()
        objective = likelihood_of(wavenet)
        objective(Batch(noise(4, 120), random_codes(LABELS, 4), 0, 0), 0.5).total.backward()
        unused = [
            part for part, value in wavenet.network.named_parameters() if value.grad is None or not value.grad.any()
        ]
        assert not unused, name


def test_a_silent_clip_has_a_finite_loss() -> None:
    for name in CONFIGS:
        for quiet in (0, 0.25):
            found = loss_of(lively(**CONFIGS[name], crop=40, quiet=quiet), torch.zeros(2, 1, 150))
            assert all(value.isfinite() for value in (found.total, *found.parts.values()))
            assert found.total > 0
