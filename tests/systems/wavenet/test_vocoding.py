"""Frames of a vocoder."""

from __future__ import annotations

import pytest
import torch

from soundloom.conditions.schema import Schema
from soundloom.representations import build
from soundloom.systems.wavenet.settings import WaveNetConfig, mulaw
from soundloom.systems.wavenet.wavenet import WaveNet

SMALL = {"representation": mulaw(8000), "cycles": 1, "layers_per_cycle": 3, "frame_channels": 8}


def vocoder(**frames: object) -> WaveNet:
    config = WaveNetConfig(frames={"kind": "mel", "sample_rate": 8000, "bands": 20, **frames}, **SMALL)
    return WaveNet(config, build(config.representation), Schema())


@pytest.mark.parametrize("output", ["unit", "decibels", "ln"])
def test_frames_are_0_at_the_floor_and_1_at_the_peak_whatever_the_output_setting(output: str) -> None:
    system = vocoder(output=output, floor_db=-50.0, peak_db=10.0)
    loud = torch.sin(torch.arange(8000) * 0.3)[None, None]
    loudest = 20 * torch.log10(system.encoder.frames.amplitude(loud).max())
    silent, sounding = (system.encoder.spectra(audio) for audio in (0 * loud, loud))
    assert not silent.any()
    assert sounding.max() == pytest.approx((float(loudest) + 50) / 60, abs=1e-4)


def test_settings_of_frames_are_complete_and_stable() -> None:
    frames = vocoder().config.frames
    assert {"floor_db", "peak_db", "low_hz", "output"} <= set(frames)
    assert WaveNetConfig(frames=frames, **SMALL).frames == frames


@pytest.mark.parametrize("kind", ["log", "complex", "pcm"])
def test_frames_of_another_kind_are_refused(kind: str) -> None:
    with pytest.raises(ValueError, match=f"frames is '{kind}' but a vocoder here takes mel spectrograms; try"):
        WaveNetConfig(frames={"kind": kind, "sample_rate": 8000}, **SMALL)
