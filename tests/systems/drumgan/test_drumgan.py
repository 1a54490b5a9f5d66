"""The whole system: growing in the ordinary training loop, given sounds, and refused settings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from gans import LABELS, bursts, gan_of
from safetensors.torch import load_file

from soundloom.audio import Audio
from soundloom.checkpoints.checkpoint import WEIGHTS
from soundloom.descriptors import SEVEN
from soundloom.generation import Request, generate_from, load
from soundloom.runtime.generators import generator
from soundloom.runtime.settings import from_json, override, to_json
from soundloom.systems.drumgan.clips import faded_in, normalised
from soundloom.systems.drumgan.drumgan import PEAK
from soundloom.systems.drumgan.generator import on_sphere
from soundloom.systems.drumgan.growth import growth_at
from soundloom.systems.drumgan.inversion import search, turned_towards
from soundloom.systems.drumgan.settings import PRESETS, DrumGANConfig
from soundloom.training import StepReport, train
from soundloom.training.state import STATE

Train = Callable[..., Path]
STEPS = 10


class StopsAfter:
    """A watcher that stops training after a step, as Ctrl-C does."""

    def __init__(self, at: int) -> None:
        self.at = at

    def step(self, report: StepReport) -> None:
        if report.step == self.at:
            import signal

            signal.raise_signal(signal.SIGINT)

    def message(self, text: str) -> None: ...


class Listener:
    """A watcher that keeps all messages."""

    def __init__(self) -> None:
        self.sentences: list[str] = []

    def step(self, report: StepReport) -> None: ...

    def message(self, text: str) -> None:
        self.sentences.append(text)


def test_a_training_resumed_within_a_fade_ends_as_an_uninterrupted_one(
    tmp_path: Path, sounds: Path, train_tiny: Train
) -> None:
    config = PRESETS["tiny"]
    at = next(step for step in range(STEPS) if 0 < growth_at((step + 1) / STEPS, config.shares, config.fade).share < 1)
    asked = {"preset": "tiny", "precision": "float32", "preview_seconds": 0.0, "steps": STEPS}
    outcome = train("drumgan", sounds, out=tmp_path / "run", watcher=StopsAfter(at), **asked)
    assert (outcome.finished, outcome.steps) == (False, at + 1)
    assert train("drumgan", sounds, out=tmp_path / "run", resume=True, **asked).finished
    whole = train_tiny("drumgan", tmp_path / "whole", steps=STEPS)
    for name in (WEIGHTS, STATE):
        ours, theirs = load_file(tmp_path / "run" / name), load_file(whole / name)
        assert [key for key in ours.keys() | theirs.keys() if not torch.equal(ours[key], theirs[key])] == []


def test_a_half_grown_model_can_be_sampled(tmp_path: Path, sounds: Path) -> None:
    asked = {"preset": "tiny", "precision": "float32", "preview_seconds": 0.0, "steps": STEPS}
    train("drumgan", sounds, out=tmp_path / "run", watcher=StopsAfter(3), **asked)
    model = load(tmp_path / "run")
    assert 0 < float(model.system.growth.number) < 3
    (sound,) = model.generate(count=1)
    assert sound.samples.shape == (1, 4000)
    assert sound.peak > 1e-4


def test_the_average_follows_by_its_decay_and_takes_over_the_growth() -> None:
    from soundloom.training.average import WeightAverage

    gan, average = gan_of(), gan_of()
    with torch.no_grad():
        gan.generator.first.weight.add_(1.0)
    before = average.generator.first.weight.clone()
    gan.growth.number.fill_(1.5)
    WeightAverage(average, gan, gan.stages()[0]).follow(0.999)
    torch.testing.assert_close(
        average.generator.first.weight, 0.999 * before + 0.001 * gan.generator.first.weight, rtol=1e-5, atol=1e-6
    )
    assert average.growth.number == 1.5


def test_the_critic_is_in_the_training_state_and_not_in_the_checkpoint(trained: Callable[[str], Path]) -> None:
    run = trained("drumgan")
    weights, state = load_file(run / WEIGHTS), load_file(run / STATE)
    assert not any(key.startswith("critic") for key in weights)
    assert any(key.startswith("system.critic") for key in state)


def test_training_sounds_start_at_their_attack_with_a_peak_of_1() -> None:
    clip = torch.zeros(2, 1, 100)
    clip[0, 0, 40:60] = 0.25
    found = normalised(clip)
    assert found[0, 0, 2:22].tolist() == [1.0] * 20
    assert found[0, 0, 22:].abs().max() == found[1].abs().max() == 0


def test_silence_gives_finite_gradients() -> None:
    from soundloom.contract import Batch

    gan = gan_of()
    batch = Batch(torch.zeros(4, 1, gan.samples), torch.zeros(4, LABELS.width), seed=0, step=0)
    for objective in gan.stages()[0].objectives:
        objective(batch, 1.0).total.backward()
    assert all(torch.isfinite(weight.grad).all() for weight in gan.parameters() if weight.grad is not None)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_few_sounds_and_sounds_without_an_attack_can_be_trained_on(tmp_path: Path, count: int) -> None:
    moments = np.arange(4000) / 8000
    for number in range(count):
        tone = 0.3 * np.sin(2 * np.pi * 300 * (number + 1) * moments)
        soundfile.write(tmp_path / f"{number}.wav", tone * (4 * moments**2 if number % 2 else 1.0), 8000)
    asked = {"preset": "tiny", "set": ["widths=[4,4]", "shares=[0.5,0.5]"], "precision": "float32"}
    outcome = train("drumgan", tmp_path, out=tmp_path / "run", steps=2, preview_seconds=0.0, **asked)
    assert outcome.finished
    (sound,) = load(tmp_path / "run").generate(count=1)
    assert np.isfinite(sound.samples).all()


def test_seven_sliders_are_the_default_and_constant_descriptors_are_left_out(tmp_path: Path, sounds: Path) -> None:
    asked = {"preset": "tiny", "precision": "float32", "preview_seconds": 0.0, "steps": 1}
    usual = ["widths=[4,4]", "shares=[0.5,0.5]", 'labels=["timbre"]']
    train("drumgan", sounds, out=tmp_path / "usual", set=usual, **asked)
    assert set(SEVEN) < set(load(tmp_path / "usual").system.schema.names)
    train("drumgan", sounds, out=tmp_path / "one", set=usual, labels=["brightness"], **asked)
    assert not {"depth", "warmth"} & set(load(tmp_path / "one").system.schema.names)
    train("drumgan", sounds, out=tmp_path / "kind", set=usual, conditions=["kind"], **asked)
    assert load(tmp_path / "kind").system.schema.names == ("kind",)
    single = tmp_path / "sound"
    single.mkdir()
    soundfile.write(single / "a.wav", bursts(1)[0, 0].numpy(), 8000)
    listener = Listener()
    train("drumgan", single, out=tmp_path / "single", set=usual, watcher=listener, **asked)
    assert load(tmp_path / "single").system.schema.names == ()
    assert any("no slider for boominess, brightness" in sentence for sentence in listener.sentences)
    assert all(preset.labels == ("timbre",) for name, preset in PRESETS.items() if name != "tiny")


def test_sounds_stay_within_full_scale_and_end_in_silence() -> None:
    gan = gan_of().eval()
    gan.growth.number.fill_(3.0)
    gan.plane.scale.fill_(50.0)
    for made in generate_from(gan, Request(count=3)):
        assert made.audio.peak <= 1.0
        assert made.audio.samples[0, -1] == 0


def test_a_generated_sound_starts_without_a_click_and_a_given_one_is_not_changed() -> None:
    gan = gan_of().eval()
    sound = torch.ones(1, 100)
    faded = faded_in(sound, 8000)
    assert faded[0, 0] == 0
    assert (faded.diff() >= 0).all()
    assert (faded[0, 4:] == 1).all()  # half a millisecond at 8 kHz
    assert torch.equal(faded_in(sound, 8000, 0.0), sound)
    assert faded_in(sound, 8000, 0.5)[0, 0] == 0.5
    gan.growth.number.fill_(3.0)
    for made in generate_from(gan, Request(count=4)):
        assert made.audio.samples[0, 0] == 0


def test_temperature_0_ignores_the_seed() -> None:
    gan = gan_of().eval()
    asked = {"kind": "hiss", "brightness": 20.0}
    first, second = (
        next(generate_from(gan, Request(1, seed=seed, temperature=0.0, conditions=asked))).audio for seed in (1, 2)
    )
    assert (first.samples == second.samples).all()


@torch.no_grad()
def test_a_search_finds_a_sound_of_the_generator() -> None:
    gan = gan_of().eval()
    gan.growth.number.fill_(3.0)
    draw, controls = gan.renderer(), gan.controls_of({"kind": "hiss", "brightness": 70.0})
    image = draw(gan.random_code(1.0, generator(5)), controls)
    found = search(
        draw, image, gan.plane.frames, [controls] * 16, gan.controls.free({}), gan.config.latent, generator(0)
    )
    assert found.residual.square().mean() < 0.1 * image.square().mean()
    torch.testing.assert_close(draw(found.code, found.controls) + found.residual, image)


def test_a_path_between_codes_stays_on_their_sphere_at_a_constant_speed() -> None:
    ends = on_sphere(torch.randn(2, 8, generator=generator(3))).split(1)
    path = [turned_towards(*ends, share) for share in (0.0, 0.25, 0.5, 0.75, 1.0)]
    torch.testing.assert_close(path[0], ends[0])
    torch.testing.assert_close(path[-1], ends[1])
    for code in path:
        assert code.square().mean() == pytest.approx(1.0, rel=1e-4)
    steps = [float((later - code).norm()) for code, later in pairwise(path)]
    assert steps == pytest.approx([steps[0]] * 4, rel=1e-4)
    for seed in range(20):
        (same,) = on_sphere(torch.randn(1, 8, generator=generator(seed))).split(1)
        assert torch.equal(turned_towards(same, same, 0.5), same)


def test_a_given_sound_is_inverted_once_for_all_its_variations(monkeypatch: pytest.MonkeyPatch) -> None:
    from soundloom.systems.drumgan import drumgan

    gan, calls = gan_of().eval(), []
    monkeypatch.setattr(drumgan, "search", lambda *asked: calls.append(asked) or search(*asked))
    sound = Audio(bursts(1)[0].numpy(), 8000)
    list(generate_from(gan, Request(count=3, like=(sound,)), 1))
    assert len(calls) == 1


def test_a_variation_keeps_the_level_and_the_attack_of_the_given_sound() -> None:
    gan = gan_of().eval()
    given = torch.zeros(1, 4000)
    given[:, 800:3000] = 0.3 * torch.sin(torch.arange(2200) / 3) * torch.exp(-torch.arange(2200) / 400)
    (made,) = generate_from(gan, Request(count=1, like=(Audio(given.numpy(), 8000),), distance=0.0))
    assert abs(made.audio.samples - given.numpy()).max() < 0.02


def test_a_prompt_shorter_than_a_window_is_refused() -> None:
    gan = gan_of().eval()
    with pytest.raises(ValueError, match=r"the prompt lasts 12 ms from its attack on but this model needs 32 ms"):
        list(generate_from(gan, Request(count=1, prompt=Audio(0.3 * bursts(1)[0, :, :100].sign().numpy(), 8000))))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("widths=[8, 0]", r"widths is \[8, 0\] but must be whole numbers of at least 1"),
        ("widths=[8, 8]", r"shares is .* but must be 2 numbers above 0, one for each of widths"),
        ("shares=[1, 1, 1, 0]", r"must be 4 numbers above 0"),
        ("penalty=-1", r"penalty is -1 but must be at least 0 and finite; 10 is usual"),
        ("randomised_share=2", r"randomised_share is 2 but must be a share from 0 to 1"),
        ("power=0", r"power is 0 but must be 0.1 to 1"),
        ("latent=0", r"latent is 0 but must be at least 1"),
        ("representation=mel", r"representation is 'mel' but drumgan generates complex spectra"),
        ("representation.dropped=nothing", r"dropped is nothing but drumgan drops one row; write nyquist"),
        ("representation.n_fft=300", r"which leaves a remainder; set representation.n_fft to a power of 2"),
        ("change.shift=0.9", r"change.shift is 0.9 but must be 0 to 0.5"),
    ],
)
def test_impossible_settings_are_refused_with_their_range(change: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        override(PRESETS["tiny"], [change])


def test_settings_come_back_from_json() -> None:
    for config in PRESETS.values():
        assert from_json(DrumGANConfig, to_json(config)) == config


def test_a_representation_may_be_named() -> None:
    config = override(PRESETS["tiny"], ["representation=complex"])
    assert config.representation["dropped"] == "nyquist"
    assert config == replace(PRESETS["tiny"], representation=config.representation)


def test_generated_sounds_peak_below_full_scale() -> None:
    gan = gan_of().eval()
    gan.growth.number.fill_(3.0)
    clip = normalised(bursts(1))
    assert (PEAK * gan.decoded(gan.encoded(clip[0]))).abs().max() == pytest.approx(PEAK, abs=0.02)
