"""Frames of a vocoder: which samples they condition."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import MEL, forced, lively, random_spectra, random_symbols, sampled

from soundloom.systems.wavenet.frames import FrameNetwork, at_samples

HOP, BANDS = MEL["hop"], MEL["bands"]
WIDTH = 2  # frames on each side that two layers of kernel size 3 see


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 6), st.integers(1, 7), st.integers(-9, 60), st.integers(1, 40))
def test_frames_are_read_at_samples_as_numpy_interpolates(frames: int, hop: int, begin: int, time: int) -> None:
    signal = torch.rand(2, 3, frames, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found = at_samples(signal, torch.tensor([begin, begin + 5]), time, hop)
    for clip, first in enumerate((begin, begin + 5)):
        for channel in range(3):
            expected = np.interp(np.arange(first, first + time), np.arange(frames) * hop, signal[clip, channel])
            np.testing.assert_allclose(found[clip, channel], expected, rtol=0, atol=1e-6)


def test_frame_f_lies_at_sample_f_times_hop() -> None:
    wavenet = lively(frames=MEL)
    for sample in (5 * HOP, 9 * HOP):
        click = torch.zeros(1, 1, 20 * HOP)
        click[..., sample] = 1
        spectra = wavenet.encoder.spectra(click)
        assert spectra is not None
        level = spectra[0].mean(dim=0)
        assert int(level.argmax()) == sample // HOP
        around = level[sample // HOP + torch.tensor([-1, 1])]
        torch.testing.assert_close(around[0], around[1])


@pytest.mark.parametrize("frame", [0, 7, 11])
def test_a_frame_changes_the_samples_around_it_and_no_others(frame: int) -> None:
    wavenet = lively(
        frames=MEL, cycles=1, layers_per_cycle=1
    )  # each prediction depends on the frames at its own sample
    symbols, spectra = random_symbols(wavenet, 1, 12 * HOP), random_spectra(wavenet, 1, 12 * HOP)
    before = forced(wavenet, symbols, torch.zeros(1, 0), spectra)
    spectra[..., frame] += 0.5
    changed = (forced(wavenet, symbols, torch.zeros(1, 0), spectra) - before).abs().amax(dim=1)[0] > 1e-5
    time = torch.arange(12 * HOP)
    assert torch.equal(changed, (time - frame * HOP).abs() < (WIDTH + 1) * HOP)


def test_hidden_frames_are_constant_and_differ_from_known_ones() -> None:
    torch.manual_seed(0)
    network = FrameNetwork({"hop": HOP, "bands": BANDS}, 6).eval()
    spectra = torch.rand(3, BANDS, 9)
    spectra[2] = 0  # silence is known
    with torch.no_grad():
        found = network(spectra, torch.tensor([True, False, False]))
        unknown = network.unknown()
    torch.testing.assert_close(found[0], unknown[0].expand(-1, 9))
    assert (found[1:] - unknown).abs().amax(dim=(1, 2)).min() > 0.01


def test_sampling_without_frames_equals_hidden_frames() -> None:
    wavenet = lively(frames=MEL)
    symbols, spectra = random_symbols(wavenet, 1, 100), random_spectra(wavenet, 1, 100)
    hidden = torch.nn.functional.pad(symbols, (wavenet.config.history, 0), value=wavenet.encoder.before)[:, :-1]
    position, all_hidden = torch.zeros(1, dtype=torch.int64), torch.ones(1, dtype=torch.bool)
    with torch.no_grad():
        expected = wavenet.network(hidden, torch.zeros(1, 0), 100, spectra, all_hidden, position)
    torch.testing.assert_close(sampled(wavenet, symbols, torch.zeros(1, 0)), expected, rtol=0, atol=1e-4)
