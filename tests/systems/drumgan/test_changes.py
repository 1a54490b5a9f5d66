"""Augmentations of real and generated images."""

from __future__ import annotations

import pytest
import torch
from gans import batch_of, bursts, gan_of

from soundloom.systems.drumgan.changes import Change, changed, shifted


def test_a_shift_pads_with_silence() -> None:
    image = torch.arange(1.0, 6.0).expand(3, 2, 4, 5)
    found = shifted(image, torch.tensor([0, 2, -1]))
    assert found[:, 0, 0].tolist() == [[1, 2, 3, 4, 5], [0, 0, 1, 2, 3], [2, 3, 4, 5, 0]]


def test_a_gain_of_an_image_is_that_gain_of_the_sound() -> None:
    gan = gan_of()
    batch = batch_of(gan, 4)
    gains = 10 ** (6 * (2 * batch.uniform(2, name="test")[:, 0] - 1) / 20)
    image = gan.plane.encode(bursts(4))
    louder = gan.plane.encode(bursts(4) * gains[:, None, None])
    found = changed(image, Change(gain_db=6.0), gan.config.power, batch, "test")
    torch.testing.assert_close(found, louder, rtol=1e-3, atol=1e-3)


def test_no_change_returns_the_image_itself() -> None:
    image = torch.randn(2, 2, 4, 4)
    assert changed(image, Change(), 0.5, batch_of(gan_of(), 2), "test") is image


def test_gradients_reach_every_image() -> None:
    image = torch.randn(4, 2, 8, 32, requires_grad=True)
    changed(image, Change(0.1, 6.0), 0.5, batch_of(gan_of(), 4), "test").sum().backward()
    assert image.grad is not None
    assert image.grad.abs().amax(dim=(1, 2, 3)).min() > 0


@pytest.mark.parametrize(("settings", "message"), [({"shift": 0.7}, "0 to 0.5"), ({"gain_db": -1.0}, "at least 0")])
def test_an_impossible_change_is_refused_with_its_range(settings: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Change(**settings)
