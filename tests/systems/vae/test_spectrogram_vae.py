"""The whole system: its sampling modes, checked by zero crossings and against PCA."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from soundloom.audio import Audio, read
from soundloom.checkpoints.checkpoint import build
from soundloom.conditions.schema import Schema
from soundloom.contract import Augmentation, Batch, ClipBatch
from soundloom.generation import Model, Request, generate_from, load
from soundloom.representations import build as build_representation
from soundloom.runtime.files import read_json
from soundloom.systems.vae import SpectrogramVAE
from soundloom.systems.vae.settings import PRESETS, VAEConfig
from sounds import make_sounds


@pytest.fixture
def model(trained: Callable[[str], Path]) -> Model:
    return load(trained("vae"))


def crossings(sound: Audio) -> float:
    """Zero crossings per sample of the loud part of a sound: few for a tone, many for noise."""
    samples = sound.samples[0, :2000]
    return float(np.mean(np.diff(np.signbit(samples))))


def test_sounds_of_a_kind_have_its_zero_crossings(model: Model, sounds: Path) -> None:
    real = {kind: np.median([crossings(read(path)) for path in sounds.glob(f"{kind}*")]) for kind in ("hiss", "thump")}
    between = np.sqrt(real["hiss"] * real["thump"])
    made = {kind: model.generate(count=12, conditions={"kind": kind}) for kind in real}
    assert np.median([crossings(sound) for sound in made["thump"]]) < between
    assert np.median([crossings(sound) for sound in made["hiss"]]) > between


def test_every_prior_needs_nothing_but_the_checkpoint(tmp_path: Path, train_tiny: Callable[..., Path]) -> None:
    run = train_tiny("vae", tmp_path / "run", steps=2, folder=make_sounds(tmp_path / "sounds", 12))
    before = {prior: made(load(run), prior) for prior in ("normal", "mixture", "sounds")}
    shutil.rmtree(tmp_path / "sounds")
    for name in ("data.json", "training.json", "log.jsonl"):
        (run / name).unlink()
    shutil.rmtree(run / "progress")
    shutil.move(run, tmp_path / "elsewhere")
    for prior, sounds in before.items():
        assert made(load(tmp_path / "elsewhere"), prior) == sounds
    assert before["normal"] != before["mixture"]


def made(model: Model, prior: str) -> list[bytes]:
    return [sound.samples.tobytes() for sound in model.generate(count=2, seed=4, options={"prior": prior})]


def test_the_normal_prior_draws_standard_normal_codes(model: Model) -> None:
    vae = model.system
    assert isinstance(vae, SpectrogramVAE)
    seen: list[torch.Tensor] = []
    decode = vae.network.decode
    vae.network.decode = lambda code, row: (seen.append(code), decode(code, row))[1]  # type: ignore[method-assign]
    model.generate(count=400, options={"prior": "normal"}, temperature=0.5, jobs=1)
    codes = torch.cat(seen)
    torch.testing.assert_close(codes.mean(dim=0), torch.zeros(codes.shape[1]), rtol=0, atol=0.13)
    torch.testing.assert_close(codes.std(dim=0), torch.full((codes.shape[1],), 0.5), rtol=0, atol=0.1)


def test_temperature_0_ignores_the_seed_but_for_phase(model: Model) -> None:
    asked = {"temperature": 0.0, "options": {"prior": "normal"}, "conditions": {"kind": "hiss", "pitch": 48}}
    first, second = (model.generate(count=1, seed=seed, **asked)[0] for seed in (1, 2))
    x, y = (model.system.representation.encode(torch.from_numpy(sound.samples)[None]) for sound in (first, second))
    assert (x - y).abs().max() < 0.1  # the rest is due to the search for a phase


def test_without_residual_noise_a_sound_is_the_decoders_mean(model: Model) -> None:
    vae = model.system
    assert isinstance(vae, SpectrogramVAE)
    row = torch.from_numpy(vae.schema.encode({"kind": "hiss", "pitch": 48}))
    code = torch.randn(1, vae.config.latent, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        out = vae.network.decode(code, row[None])
        assert (vae.observation.draw_residual(out, 0.0, torch.Generator()) == 0).all()
        rng = torch.Generator().manual_seed(0)
        fields = torch.stack([vae.observation.draw_residual(out, 1.0, rng) for _ in range(400)])
    # a sample of p(x | code) is as far from the mean as spread times strength, in the root mean square
    assert vae.observation.residual_noise is not None
    expected = vae.observation.residual_noise.strength * out.log_spread.exp().square().mean().sqrt()
    ratio = fields.square().mean().sqrt() / expected
    assert 0.7 < float(ratio) < 1.3


def test_held_out_sounds_are_reconstructed_better_than_by_pca_of_equal_dimension(
    tmp_path: Path, train_tiny: Callable[..., Path]
) -> None:
    folder = make_sounds(tmp_path / "sounds", 120)
    options = {"folder": folder, "held_out": 0.2, "set": ["augment={}", "latent=4"]}
    run = train_tiny("vae", tmp_path / "run", steps=150, **options)
    vae, provenance = load(run).system, read_json(run / "data.json")
    assert isinstance(vae, SpectrogramVAE)
    ours, theirs = (spectra(vae, folder, provenance[side]) for side in ("training", "held_out"))
    assert len(theirs) >= 12
    pca = PCA(vae.config.latent, svd_solver="full").fit(ours.flatten(1).numpy())
    flat = theirs.flatten(1).numpy()
    floor = np.mean((pca.inverse_transform(pca.transform(flat)) - flat) ** 2)
    unknown = torch.zeros(len(theirs), vae.schema.width)
    with torch.no_grad():
        out = vae.observation.clamped(vae.network.decode(vae.network.encode(theirs, unknown).mean, unknown).mean)
    assert float((out - theirs).square().mean()) < floor


def spectra(vae: SpectrogramVAE, folder: Path, files: list[str]) -> torch.Tensor:
    clips = torch.zeros(len(files), 1, vae.samples)
    for clip, name in zip(clips, files, strict=True):
        samples = read(folder / name).samples[:, : vae.samples]
        clip[:, : samples.shape[1]] = torch.from_numpy(samples)
    return vae.representation.encode(clips)[:, 0]


def test_an_autoencoder_trains_and_samples(tmp_path: Path, train_tiny: Callable[..., Path]) -> None:
    model = load(train_tiny("vae", tmp_path / "run", steps=10, set=["variational=false"]))
    assert not model.system.config.variational
    for sound in model.generate(count=3):
        assert np.isfinite(sound.samples).all()
        assert sound.peak > 1e-3


def test_silence_can_be_trained_on_and_sampled() -> None:
    vae = small()
    silence = torch.zeros(3, 1, vae.samples)
    vae.prepare(vae.stages()[0], Always(silence), fresh=True)
    x = vae.representation.encode(silence)
    loss = vae.stages()[0].objectives[0](Batch(x, torch.zeros(3, 0), 0, 0), 1.0)
    assert loss.total.isfinite()
    vae.finish(vae.stages()[0], Always(silence))
    (made,) = generate_from(vae.eval(), Request(count=1))
    assert np.isfinite(made.audio.samples).all()


def test_one_sound_is_enough_to_train_and_generate(tmp_path: Path, train_tiny: Callable[..., Path]) -> None:
    folder = make_sounds(tmp_path / "sounds", 1)
    (sound,) = load(train_tiny("vae", tmp_path / "run", steps=2, folder=folder)).generate(count=1)
    assert np.isfinite(sound.samples).all()


def test_a_representation_without_frames_is_refused_with_alternatives() -> None:
    config = PRESETS["tiny"]
    for kind in ("mulaw", "complex", "if"):
        with pytest.raises(ValueError, match=f"which {kind} is not; choose mel, log, log-frequency or magnitude"):
            SpectrogramVAE(config, build_representation({"kind": kind, "sample_rate": 8000}), Schema())


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_every_preset_builds_from_its_own_description(preset: str) -> None:
    from soundloom.checkpoints.checkpoint import describe

    config: VAEConfig = PRESETS[preset]
    vae = SpectrogramVAE(config, build_representation(config.representation), Schema())
    again = build(describe(vae, "vae"))
    assert again.config == config
    assert again.representation == vae.representation
    assert {key: value.shape for key, value in again.state_dict().items()} == {
        key: value.shape for key, value in vae.state_dict().items()
    }


class Always:
    """A training set that is one batch."""

    def __init__(self, audio: torch.Tensor) -> None:
        self.audio = audio

    def __len__(self) -> int:
        return len(self.audio)

    def batches(self, size: int, change: Augmentation | None = None, draw: int = 0) -> Iterator[ClipBatch]:
        yield ClipBatch(self.audio, torch.zeros(len(self.audio), 0))


def small() -> SpectrogramVAE:
    config = replace(PRESETS["tiny"], conditions=())
    torch.manual_seed(0)
    return SpectrogramVAE(config, build_representation(config.representation), Schema())


def test_the_peaks_of_new_sounds_lie_in_the_range_of_the_training_set(model: Model) -> None:
    vae = model.system
    assert isinstance(vae, SpectrogramVAE)
    low, high = vae.peaks.tolist()
    assert 0 < low < high < 1.01
    for sound in model.generate(count=24, seed=4):
        assert low - 1e-4 <= sound.peak <= high + 1e-4


def test_a_path_between_silent_frames_is_silent(model: Model) -> None:
    vae = model.system
    assert isinstance(vae, SpectrogramVAE)
    ends = []
    for hertz in (300, 700):  # half a clip of tone, half of silence
        tone = 0.5 * torch.sin(2 * torch.pi * hertz * torch.arange(vae.samples) / model.sample_rate)
        tone[vae.samples // 2 :] = 0
        ends.append(tone[None])
    row = torch.zeros(vae.schema.width)
    with torch.no_grad():
        between = vae._varied(ends, row, 0.5, 0.0, torch.Generator())
        raw = vae.network.decode(
            torch.lerp(
                *(vae.network.encode(vae.representation.encode(end[None])[:, 0], row[None]).mean for end in ends), 0.5
            ),
            row[None],
        ).mean[0]
    silent = torch.zeros_like(between, dtype=torch.bool)
    silent[:, between.shape[1] // 2 + 4 :] = True
    assert (between[silent] <= vae.observation.clamped(raw)[silent] + 1e-6).all()  # no residual is added
