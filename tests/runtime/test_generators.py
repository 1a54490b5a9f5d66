"""Random streams: one for each address, unrelated to its neighbours, the same everywhere."""

from __future__ import annotations

import hashlib

import torch

from soundloom.runtime.generators import generator


def test_the_same_address_gives_the_same_draws() -> None:
    assert torch.equal(torch.randn(9, generator=generator(7, 3)), torch.randn(9, generator=generator(7, 3)))


def test_every_address_has_draws_of_its_own() -> None:
    addresses = [(seed, index) for seed in range(30) for index in range(30)] + [(1, 2, "a"), (1, 2, "b"), (12,)]
    draws = {torch.rand(4, generator=generator(*address)).numpy().tobytes() for address in addresses}
    assert len(draws) == len(addresses)


def test_neighbouring_streams_are_not_correlated() -> None:
    draws = torch.stack([torch.randn(2000, generator=generator(0, index)) for index in range(12)])
    related = torch.corrcoef(draws) - torch.eye(12)
    assert related.abs().max() < 5 / 2000**0.5


def test_a_stream_begins_at_the_hash_of_its_address() -> None:
    # the address is part of what a seed promises: changing it would change every sound ever asked for
    start = int.from_bytes(hashlib.sha256(b"7/3/augment").digest()[:8], "big") >> 1
    assert generator(7, 3, "augment").initial_seed() == start


def test_drawing_from_a_stream_leaves_the_global_generator_alone() -> None:
    torch.manual_seed(0)
    before = torch.get_rng_state()
    torch.randn(5, generator=generator(1, 1))
    assert torch.equal(torch.get_rng_state(), before)
