"""What every representation promises, on each of them."""

import json
import math
from contextlib import nullcontext

import pytest
import torch
from hypothesis import given, settings, strategies
from synthetic_sounds import EVERY, RATE, SPECTRAL, name, one_shot

from soundloom.representations import REPRESENTATIONS, bands, build, describe, named, stft
from soundloom.representations.presets import NAMES
from soundloom.representations.protocol import Representation
from soundloom.runtime.settings import from_json, to_json
from unsteady import Unsteady

each = pytest.mark.parametrize("representation", EVERY, ids=name)
each_spectral = pytest.mark.parametrize("representation", SPECTRAL, ids=name)


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@each
def test_it_keeps_the_contract_of_systems(representation):
    assert isinstance(representation, Representation)
    assert representation.sample_rate == RATE


@each
def test_frames_are_as_many_as_length_says_and_decoding_gives_the_longest_clip_that_has_them(representation):
    for samples in (1, 63, 64, 65, 1000, 1001):
        x = representation.encode(one_shot()[..., :samples])
        assert x.shape[-1] == representation.length(samples)
        decoded = representation.decode(x, rng())
        assert decoded.shape[-1] == representation.samples(x.shape[-1]) >= samples
        assert representation.length(decoded.shape[-1]) == x.shape[-1]


@each_spectral
def test_frames_count_as_one_more_than_the_hops_that_fit(representation):
    assert [representation.length(samples) for samples in (0, 1, representation.hop)] == [1, 1, 2]


@each
def test_equal_settings_make_equal_values_with_equal_hashes(representation):
    again = build(describe(representation))
    assert again == representation
    assert hash(again) == hash(representation)
    assert again is not representation


@each
def test_it_goes_through_json_unchanged(representation):
    text = json.dumps(describe(representation))
    assert build(json.loads(text)) == representation
    assert from_json(type(representation), to_json(representation)) == representation


@each
def test_the_same_seed_gives_the_same_bytes_and_another_seed_or_none_still_works(representation):
    x = representation.encode(one_shot())
    first, second = representation.decode(x, rng(3)), representation.decode(x, rng(3))
    assert torch.equal(first, second)
    assert representation.decode(x).isfinite().all()


@each
@pytest.mark.parametrize("library", [nullcontext, Unsteady], ids=["as installed", "unsteady"])
def test_a_batch_decodes_to_the_same_bytes_as_its_clips_one_by_one(representation, library):
    x = representation.encode(one_shot(batch=3, channels=2))
    with library():
        generator = rng(1)
        clips = torch.cat([representation.decode(clip[None], generator) for clip in x])
        assert torch.equal(representation.decode(x, rng(1)), clips)


@each
def test_stereo_is_two_monos(representation):
    stereo = one_shot(channels=2)
    both = representation.encode(stereo)
    left = representation.encode(stereo[:, :1])
    difference = (both[:, : left.shape[1]] - left).double().abs()  # of two calls, which a library may round differently
    assert difference.quantile(0.99) <= 1e-4 * left.abs().max()  # the rest: levels and phases of nearly silent bins
    assert representation.decode(both, rng()).shape[1] == 2


@each
def test_silence_encodes_to_numbers_and_decodes_to_silence(representation):
    x = representation.encode(torch.zeros(1, 1, 1000))
    assert x.double().isfinite().all()
    assert representation.decode(x, rng()).abs().max() < 1e-4  # mu-law has no class at exactly 0


@each
def test_a_clip_of_one_sample_survives(representation):
    assert representation.decode(representation.encode(torch.full((1, 1, 1), 0.5)), rng()).isfinite().all()


@each_spectral
def test_the_gradient_at_silence_is_finite(representation):
    audio = torch.zeros(1, 1, 500, requires_grad=True)
    representation.encode(audio).sum().backward()
    assert audio.grad.isfinite().all()


@each_spectral
def test_the_gradient_of_a_sound_is_that_of_finite_differences(representation):
    audio = one_shot(seconds=0.1).double()
    direction = torch.randn(audio.shape, generator=rng(2), dtype=torch.float64)
    weights = torch.randn(representation.encode(audio).shape, generator=rng(4), dtype=torch.float64)
    if representation.kind == "if":
        weights[:, 1:] = 0  # a phase jumps where it wraps

    def score(step: float) -> torch.Tensor:
        return (representation.encode(audio + step * direction) * weights).sum()

    along = torch.zeros((), dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(score(along), along)
    difference = (score(1e-7) - score(-1e-7)) / 2e-7
    assert math.isclose(slope, difference, rel_tol=1e-2, abs_tol=1e-3 * weights.abs().sum())


@each_spectral
def test_use_without_gradients_does_not_spoil_later_training(representation):
    stft.hann.cache_clear()
    stft.overlap.cache_clear()
    bands._tensor.cache_clear()
    with torch.inference_mode():
        representation.decode(representation.encode(one_shot()), rng())
    audio = one_shot().requires_grad_()
    representation.encode(audio).sum().backward()
    assert audio.grad.isfinite().all()


@each_spectral
def test_half_precision_around_it_changes_nothing(representation):
    audio = one_shot()
    x = representation.encode(audio)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(representation.encode(audio), x)
        assert torch.equal(representation.decode(x, rng()), representation.decode(x, rng()))
    assert representation.decode(x.bfloat16(), rng()).dtype == torch.float32


@each
@settings(max_examples=10, deadline=None)
@given(samples=strategies.integers(1, 700), amplitude=strategies.floats(0, 1))
def test_any_short_clip_comes_back_finite_and_long_enough(representation, samples, amplitude):
    audio = amplitude * one_shot(seed=samples, batch=1)[..., :samples]
    decoded = representation.decode(representation.encode(audio), rng())
    assert decoded.isfinite().all()
    assert decoded.shape[-1] >= samples


@pytest.mark.parametrize("kind", ["complex", "if"])
def test_a_representation_that_keeps_the_phase_gives_the_sound_back(kind):
    audio = one_shot()
    audio = audio - audio.mean()  # their dropped row is silence only where the sound has nothing there
    representation = build({"kind": kind, "sample_rate": RATE, "n_fft": 256, "hop": 64, "dropped": "nothing"})
    decoded = representation.decode(representation.encode(audio))[..., : audio.shape[-1]]
    assert (decoded - audio).norm() < 1e-3 * audio.norm()


@pytest.mark.parametrize("sample_rate", [4000, 8000, 11025, 16000, 22050, 44100, 48000, 96000, 192000])
@pytest.mark.parametrize("ready", NAMES)
def test_each_ready_representation_suits_any_usual_rate(ready, sample_rate):
    representation = named(ready, sample_rate)
    assert representation.sample_rate == sample_rate
    assert representation.kind == ready.removesuffix("-htk")


def test_every_kind_is_registered_under_its_own_name():
    samples, spectra = {"waveform", "pcm", "mulaw"}, {"magnitude", "log", "log-frequency", "mel", "complex", "if"}
    assert set(REPRESENTATIONS) == samples | spectra
    assert all(REPRESENTATIONS[kind].kind == kind for kind in REPRESENTATIONS)


def test_an_unknown_kind_names_the_nearest():
    with pytest.raises(ValueError, match="did you mean 'mel'"):
        build({"kind": "mell", "sample_rate": RATE})
    with pytest.raises(ValueError, match="did you mean 'mulaw'"):
        named("mu-law", RATE)


def test_a_description_without_a_kind_is_refused():
    with pytest.raises(ValueError, match="needs a kind"):
        build({"sample_rate": RATE})


def test_mfcc_is_refused_with_the_reason_and_the_page():
    for ask in (lambda: build({"kind": "mfcc", "sample_rate": RATE}), lambda: named("mfcc", RATE)):
        with pytest.raises(ValueError, match=r"smooth outline.*docs/mfcc\.md.*use representation 'mel'"):
            ask()
