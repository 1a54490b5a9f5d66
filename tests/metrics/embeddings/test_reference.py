"""The reference that is shipped loads, and its vectors are those of its network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from synthesised import sounds

from soundloom.metrics.embeddings import load, reference
from soundloom.metrics.embeddings.reference_network import ReferenceNetwork, input_spectrogram


def test_a_sound_becomes_128_numbers():
    assert load("reference")(sounds(3)).shape == (3, 128)


def test_vectors_are_what_a_network_with_the_shipped_weights_makes_of_what_it_is_shown():
    network = ReferenceNetwork()
    network.load_state_dict({key: value.float() for key, value in load_file(reference.WEIGHTS).items()})
    audio = sounds(4)
    with torch.no_grad():
        expected = network.eval()(input_spectrogram().encode(torch.from_numpy(audio)[:, None])).numpy()
    assert np.allclose(load("reference")(audio), expected, rtol=1e-5, atol=1e-5)


def test_it_is_shown_levels_from_0_to_about_1():
    loud = sounds(6) / np.abs(sounds(6)).max(axis=1, keepdims=True)
    levels = input_spectrogram().encode(torch.from_numpy(loud)[:, None])
    assert float(levels.min()) >= 0
    assert 0.5 < float(levels.max()) < 1.5


def test_other_weights_have_another_digest_and_other_vectors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    state = load_file(reference.WEIGHTS)
    state["collect.weight"] = -state["collect.weight"]
    save_file(state, tmp_path / "other.safetensors")
    before = reference.ReferenceEmbedding()
    monkeypatch.setattr(reference, "WEIGHTS", tmp_path / "other.safetensors")
    after = reference.ReferenceEmbedding()
    assert after.digest != before.digest
    assert not np.allclose(after(sounds(2)), before(sounds(2)))


def test_its_card_is_shipped_beside_it():
    assert reference.CARD.is_file()
    assert reference.CARD.with_suffix(".safetensors") == reference.WEIGHTS
