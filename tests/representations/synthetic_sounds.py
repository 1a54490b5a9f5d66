"""Synthetic sounds for the tests of representations, and one of each representation."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from soundloom.representations import (
    PCM,
    ComplexSpectrum,
    InstantaneousFrequency,
    LogFrequency,
    LogMagnitude,
    Magnitude,
    MelSpectrogram,
    MuLaw,
    Waveform,
)

RATE = 8000
QUICK = "pghi+fast-griffin-lim:2"

SPECTRAL = (
    Magnitude(RATE, 256, 64, phase=QUICK),
    LogMagnitude(RATE, 256, 64, dropped="nyquist", phase=QUICK),
    LogMagnitude(RATE, 256, 64, output="decibels", phase="griffin-lim:2"),
    LogFrequency(RATE, 512, 128, phase=QUICK),
    MelSpectrogram(RATE, 256, 64, bands=32, phase=QUICK),
    MelSpectrogram(RATE, 256, 64, bands=30, scale="htk", norm="none", output="ln", inverse="nnls", phase=QUICK),
    ComplexSpectrum(RATE, 256, 64),
    InstantaneousFrequency(RATE, 256, 64),
)
EVERY = (Waveform(RATE), PCM(RATE), MuLaw(RATE), *SPECTRAL)


def name(representation: object) -> str:
    return f"{representation.kind}-{getattr(representation, 'output', '')}"  # type: ignore[attr-defined]


def tone(hz: float, seconds: float = 0.5, rate: int = RATE) -> Tensor:
    """A sine of amplitude 0.5, (1, 1, time)."""
    return 0.5 * torch.sin(2 * math.pi * hz * torch.arange(int(seconds * rate)) / rate)[None, None]


def chirp(samples: int, low: float = 0.05, high: float = 0.35) -> Tensor:
    """A rising tone under a Gaussian envelope, in cycles a sample, (1, 1, time), float64."""
    t = torch.linspace(0, 1, samples, dtype=torch.float64)
    turns = samples * (low * t + (high - low) * t.square() / 2)
    return (torch.exp(-0.5 * ((t - 0.5) / 0.12) ** 2) * torch.sin(2 * math.pi * turns))[None, None]


def one_shot(seed: int = 0, seconds: float = 0.5, rate: int = RATE, channels: int = 1, batch: int = 1) -> Tensor:
    """Decaying partials and a noisy attack, (batch, channel, time)."""
    rng = torch.Generator().manual_seed(seed)
    t = torch.arange(int(seconds * rate)) / rate
    hz = 100 + 500 * torch.rand((batch, channels, 1), generator=rng)
    partials = sum(torch.sin(2 * math.pi * hz * k * t) * torch.exp(-t * 6 * k) / k for k in range(1, 6))
    noise = torch.randn((batch, channels, len(t)), generator=rng) * torch.exp(-t * 40)
    return 0.2 * (partials + 0.5 * noise)
