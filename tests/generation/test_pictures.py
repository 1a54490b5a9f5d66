"""Pictures of spectrograms: many sounds on one sheet, and of any length."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from matplotlib.image import imread

from soundloom.audio import Audio
from soundloom.generation import pictures
from soundloom.generation.pictures import MOST, WIDEST, ContactSheet, contact_sheet
from soundloom.representations import MelSpectrogram

RATE = 8000


def noise(samples: int, seed: int = 0) -> Audio:
    wave = np.random.default_rng(seed).standard_normal(samples) * np.linspace(0.01, 0.3, samples)
    return Audio(wave, RATE)


@pytest.mark.parametrize("samples", [1, 5000, 300_000, 900_000])
def test_a_long_sound_is_drawn_in_pieces_as_it_would_be_at_once(samples, monkeypatch):
    monkeypatch.setattr(pictures, "PIECE", 10_000)
    sound, sheet = noise(samples), ContactSheet()
    sheet.add(sound, "noise")
    mel = MelSpectrogram(RATE, 512, 128, bands=64, norm="none", floor_db=-100.0, output="decibels")
    whole = mel.encode(torch.from_numpy(sound.samples)[None])[0, 0].numpy()
    merged = -(-samples // (128 * WIDEST))
    expected = np.maximum.reduceat(whole, np.arange(0, whole.shape[1], merged), axis=1)
    (cell,) = sheet.cells
    assert cell.level.shape == expected.shape
    assert cell.level.shape[1] <= WIDEST + 1
    differ = np.abs(cell.level - expected) > 1e-3
    assert differ.any(axis=0).mean() < 0.08  # the frames at the borders of pieces, which see one of them


def test_a_sheet_draws_the_first_16_and_keeps_no_sound(tmp_path):
    sounds = [noise(2000, seed) for seed in range(MOST + 4)]
    titles = [str(number) for number in range(len(sounds))]
    contact_sheet(tmp_path / "all.png", sounds, titles)
    contact_sheet(tmp_path / "first.png", sounds[:MOST], titles[:MOST])
    assert (tmp_path / "all.png").read_bytes() == (tmp_path / "first.png").read_bytes()
    assert imread(tmp_path / "all.png").std() > 0.1
