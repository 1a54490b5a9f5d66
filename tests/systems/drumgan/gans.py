"""Small DrumGANs with random weights, and their input."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from soundloom.conditions.schema import Category, Scalar, Schema
from soundloom.contract import Batch
from soundloom.representations import build
from soundloom.systems.drumgan import DrumGAN
from soundloom.systems.drumgan.clips import normalised
from soundloom.systems.drumgan.growth import Growth
from soundloom.systems.drumgan.settings import PRESETS

LABELS = Schema((Category("kind", ("hiss", "thump")), Scalar("brightness", (0.0, 10.0, 40.0, 100.0))))
GROWTHS = (Growth(0), Growth(1, 0.25), Growth(1), Growth(2), Growth(3, 0.7), Growth(3))  # of the tiny preset


def gan_of(schema: Schema = LABELS, **settings: Any) -> DrumGAN:
    torch.manual_seed(0)
    config = replace(PRESETS["tiny"], **settings)
    return DrumGAN(config, build(config.representation), schema)


def bursts(count: int, time: int = 4000, seed: int = 0) -> Tensor:
    """Decaying noise, (count, 1, time)."""
    noise = torch.randn(count, 1, time, generator=torch.Generator().manual_seed(seed))
    return 0.1 * noise * torch.exp(-torch.arange(time) / 500)


def batch_of(gan: DrumGAN, rows: int = 8, step: int = 0) -> Batch:
    codes = [gan.schema.encode({"kind": ("hiss", "thump")[row % 2], "brightness": 10.0 * row}) for row in range(rows)]
    conditions = torch.stack([torch.from_numpy(code) for code in codes])
    return Batch(bursts(rows, gan.samples), conditions, seed=0, step=step)


def image_of(gan: DrumGAN, audio: Tensor) -> Tensor:
    """The images that the critic is trained on, of clips (batch, 1, time)."""
    return gan.plane.encode(normalised(audio))
