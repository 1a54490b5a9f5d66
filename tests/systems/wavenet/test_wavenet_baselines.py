import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from soundloom.representations import PCM, MuLaw
from soundloom.systems.wavenet.baselines import Baselines, tables, transitions
from soundloom.systems.wavenet.linear_prediction import FALLBACK_WEIGHT

RATE = 16000
both = pytest.mark.parametrize("representation", [MuLaw(RATE), PCM(RATE)], ids=lambda value: value.kind)


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def all_of(symbols: torch.Tensor) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """One batch that counts as a whole."""
    return [(symbols, torch.ones(symbols.shape, dtype=torch.bool))]


def logistic(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.logit(torch.rand(shape, generator=rng(seed), dtype=torch.float64).clamp_min(1e-9))


def resonance(clips: int, time: int, scale: float, seed: int = 0) -> torch.Tensor:
    """A process of order 2 with logistic innovations, (clips, 1, time), double."""
    audio = scale * logistic(clips, 1, time, seed=seed)
    for t in range(2, time):
        audio[..., t] += 1.2 * audio[..., t - 1] - 0.5 * audio[..., t - 2]
    return audio


def fitted(representation: MuLaw | PCM, seed: int = 0) -> Baselines:
    baselines = Baselines(representation)
    baselines.fit(all_of(representation.encode(resonance(4, 1000, 0.02, seed))[:, 0]))
    return baselines


@pytest.fixture(scope="module")
def ready() -> Baselines:
    return fitted(MuLaw(RATE))


def test_uniform_noise_costs_8_bits_under_the_unigram_and_no_less_under_others():
    baselines = Baselines(MuLaw(RATE))
    train, held_out = torch.randint(0, 256, (2, 30, 8000), generator=rng())
    baselines.fit(all_of(train))
    found = {name: float(bits.mean()) for name, bits in baselines.bits(held_out).items()}
    assert math.isclose(found["unigram"], 8, abs_tol=0.005)
    assert math.isclose(found["markov"], 8, abs_tol=0.02)
    assert found["linear"] > 8


def test_a_markov_chain_costs_its_entropy_rate():
    matrix = torch.rand(8, 8, generator=rng(), dtype=torch.float64).pow(4)
    matrix /= matrix.sum(dim=1, keepdim=True)
    stationary = torch.linalg.matrix_power(matrix, 1000)[0]
    chain = torch.zeros(2, 200, 1000, dtype=torch.int64)
    uniform = torch.rand(chain.shape, generator=rng(1), dtype=torch.float64)
    for t in range(1, 1000):
        chain[..., t] = (matrix.cumsum(1)[chain[..., t - 1]] < uniform[..., t, None]).sum(-1).clamp_max(7)
    baselines = Baselines(MuLaw(RATE, 8))
    baselines.fit(all_of(chain[0]))
    found = {name: float(bits[:, 50:].mean()) for name, bits in baselines.bits(chain[1]).items()}
    rate = -(stationary[:, None] * matrix * matrix.log2()).sum()
    assert math.isclose(found["markov"], rate, rel_tol=0.005)
    assert math.isclose(found["unigram"], -(stationary * stationary.log2()).sum(), rel_tol=0.005)


@both
def test_a_linear_process_costs_the_entropy_of_its_innovations(representation):
    scale, baselines = 0.01, Baselines(representation)
    train, held_out = representation.encode(resonance(120, 2000, scale))[:, 0].split(60)
    baselines.fit(all_of(train))
    edges = tables(representation).edges
    width = float((edges[held_out + 1] - edges[held_out]).log2().mean())
    expected = math.log2(scale) + 2 / math.log(2) - width  # a logistic distribution has 2 nats at scale 1
    found = baselines.bits(held_out)
    assert math.isclose(found["linear"].mean(), expected, rel_tol=0.01)
    assert found["linear"].mean() < found["markov"].mean() < found["unigram"].mean()


@pytest.mark.parametrize("representation", [MuLaw(RATE), MuLaw(RATE, 16), PCM(RATE, 8), PCM(RATE)], ids=repr)
def test_probabilities_of_all_symbols_sum_to_one_after_any_history(representation):
    baselines, levels = fitted(representation), representation.levels
    for seed, time in ((0, 1), (1, 2), (2, 40)):
        history = torch.randint(0, levels, (1, time), generator=rng(seed)).repeat(levels, 1)
        history[:, -1] = torch.arange(levels)
        for bits in baselines.bits(history).values():
            assert math.isclose(torch.exp2(-bits[:, -1].double()).sum(), 1, abs_tol=1e-4)


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 10**6), since=st.integers(0, 59))
def test_a_later_sample_never_changes_an_earlier_bit(ready, seed, since):
    symbols = torch.randint(0, 256, (1, 60), generator=rng(seed))
    altered = symbols.clone()
    altered[:, since:] = 255 - altered[:, since:]
    now, then = ready.bits(symbols), ready.bits(altered)
    assert all(torch.equal(now[name][:, :since], then[name][:, :since]) for name in now)


def test_a_constant_costs_nearly_nothing():
    symbols = MuLaw(RATE).encode(torch.full((1, 16000), 0.3))
    baselines = Baselines(MuLaw(RATE))
    baselines.fit(all_of(symbols))
    assert all(float(bits.mean()) < 0.02 for bits in baselines.bits(symbols).values())
    baselines, symbols = Baselines(PCM(RATE)), PCM(RATE).encode(torch.full((1, 16000), 0.3))
    baselines.fit(all_of(symbols))
    assert float(baselines.bits(symbols)["linear"].mean()) < 0.06


@both
def test_an_unpredicted_sample_costs_at_most_ten_bits_more_than_under_the_unigram(representation):
    baselines = fitted(representation)
    attack = representation.encode(torch.cat([torch.zeros(500), torch.tensor([0.9])]))[None]
    found = baselines.bits(attack)
    assert found["linear"][0, -1] <= found["unigram"][0, -1] - math.log2(FALLBACK_WEIGHT) + 1e-4


@both
@pytest.mark.parametrize("time", [1, 2, 33, 500])
def test_one_short_clip_is_enough(representation, time):
    baselines = Baselines(representation)
    baselines.fit(all_of(representation.encode(0.3 * logistic(1, time))))
    for bits in baselines.bits(representation.encode(0.5 * logistic(3, 100, seed=1))).values():
        assert bits.shape == (3, 100)
        assert bits.dtype == torch.float32
        assert bits.isfinite().all()
        assert (bits >= 0).all()


@both
def test_silence_precedes_the_first_sample(representation):
    baselines = fitted(representation)
    sound = representation.encode(resonance(2, 50, 0.02, seed=7))[:, 0]
    after_silence = torch.cat([torch.full((2, 70), int(representation.encode(torch.zeros(1)))), sound], dim=1)
    early, later = baselines.bits(sound), baselines.bits(after_silence)
    for name in early:
        torch.testing.assert_close(early[name], later[name][:, 70:])


def test_before_fitting_classes_are_equally_likely():
    found = Baselines(MuLaw(RATE)).bits(torch.randint(0, 256, (2, 50), generator=rng()))
    assert torch.equal(found["unigram"], torch.full((2, 50), 8.0))
    assert torch.equal(found["markov"], torch.full((2, 50), 8.0))


@both
def test_loaded_baselines_give_the_same_bits_and_fitting_is_deterministic(representation):
    first, again, loaded = fitted(representation), fitted(representation), Baselines(representation)
    loaded.load_state_dict(first.state_dict())
    symbols = representation.encode(resonance(2, 300, 0.02, seed=5))[:, 0]
    assert set(first.state_dict()) == {"unigram", "markov", "linear.coefficients", "linear.steps", "linear.scales"}
    assert all(saved.dtype == torch.float32 for saved in first.state_dict().values())
    assert first.markov.shape == (256, 256)
    assert not list(first.parameters())
    for other in (again, loaded):
        assert all(torch.equal(first.state_dict()[name], other.state_dict()[name]) for name in first.state_dict())
        assert all(torch.equal(first.bits(symbols)[name], other.bits(symbols)[name]) for name in first.bits(symbols))


def test_samples_outside_the_mask_are_ignored():
    symbols = MuLaw(RATE).encode(resonance(2, 800, 0.02))[:, 0]
    padded = torch.cat([symbols, torch.randint(0, 256, (2, 200), generator=rng())], dim=1)
    plain, masked = Baselines(MuLaw(RATE)), Baselines(MuLaw(RATE))
    plain.fit(all_of(symbols))
    masked.fit([(padded, torch.arange(1000).expand(2, -1) < 800)])
    for name, learned in plain.state_dict().items():
        torch.testing.assert_close(masked.state_dict()[name], learned, rtol=1e-4, atol=1e-5)


def test_batches_may_be_a_list_or_a_function_and_may_differ_in_length():
    symbols = MuLaw(RATE).encode(resonance(3, 800, 0.02))[:, 0]
    batches = [*all_of(symbols[:2]), *all_of(symbols[2:, :300])]
    listed, called = Baselines(MuLaw(RATE)), Baselines(MuLaw(RATE))
    listed.fit(batches)
    called.fit(lambda: iter(batches))
    assert all(torch.equal(listed.state_dict()[name], called.state_dict()[name]) for name in listed.state_dict())
    with pytest.raises(TypeError, match="only once but two passes are needed; pass a list or a function"):
        listed.fit(iter(batches))


def test_an_empty_mask_is_refused():
    symbols = torch.zeros(2, 100, dtype=torch.int64)
    for nothing in ([(symbols, torch.zeros(2, 100, dtype=torch.bool))], []):
        with pytest.raises(ValueError, match=r"no sample to fit baselines to.*pass at least one clip"):
            Baselines(MuLaw(RATE)).fit(nothing)


@pytest.mark.parametrize("representation", [MuLaw(RATE), PCM(RATE), MuLaw(RATE, 7)], ids=repr)
def test_bounds_lie_where_the_encoding_changes(representation):
    edges = tables(representation).edges + representation.decode(representation.encode(torch.zeros(1))).double()
    below, above = edges[1:-1] - 1e-6, edges[1:-1] + 1e-6
    assert torch.equal(representation.encode(below), torch.arange(representation.levels - 1))
    assert torch.equal(representation.encode(above), torch.arange(1, representation.levels))


def test_classes_of_sixteen_bits_are_those_of_mu_law_with_all_their_levels():
    found, levels = tables(PCM(RATE)), torch.arange(65536)
    assert torch.equal(found.kind, MuLaw(RATE).encode(PCM(RATE).decode(levels).double()))
    torch.testing.assert_close(found.evenly.exp2(), torch.bincount(found.kind)[found.kind].float())
    assert (tables(MuLaw(RATE)).evenly == 0).all()


def test_transitions_follow_their_counts_where_there_are_many_and_the_unigram_where_there_are_none():
    unigram = torch.tensor([0.5, 0.3, 0.2]).double()
    found = transitions(torch.tensor([[9e5, 1e5, 0], [0, 0, 0], [1e5, 8e5, 1e5]]).double(), unigram)
    torch.testing.assert_close(found[0], torch.tensor([0.9, 0.1, 0.0]).double(), atol=1e-3, rtol=0)
    torch.testing.assert_close(found[1], unigram)
    torch.testing.assert_close(found.sum(dim=1), torch.ones(3).double())


@pytest.mark.parametrize("strength", [2.0, 40.0, 1000.0])
def test_the_strength_that_rows_were_drawn_with_is_found(strength):
    noise, unigram = np.random.default_rng(0), np.full(64, 1 / 64)
    counts = np.stack([noise.multinomial(300, noise.dirichlet(strength * unigram)) for _ in range(64)])
    expected = (counts + strength * unigram) / (300 + strength)
    found = transitions(torch.from_numpy(counts).double(), torch.from_numpy(unigram))
    np.testing.assert_allclose(found, expected, atol=0.2 * np.abs(expected - counts / 300).max())


def test_autocast_changes_nothing(ready):
    symbols = torch.randint(0, 256, (2, 100), generator=rng())
    plain = ready.bits(symbols)
    with torch.autocast("cpu", torch.bfloat16):
        inside = ready.bits(symbols)
    assert all(torch.equal(plain[name], inside[name]) for name in plain)
