"""A vocoder in place of a phase method: what it takes, that its sounds can be made again, and what is refused."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Generator, Tensor

from commands import ask, refused
from soundloom.audio import Audio, read, resample
from soundloom.checkpoints import checkpoint
from soundloom.conditions.joint_distribution import JointDistribution
from soundloom.conditions.schema import Schema
from soundloom.contract import Sampling, Stage, System
from soundloom.generation import Model, Request, load
from soundloom.generation.reconstruct import reconstruct
from soundloom.generation.record import from_dict, to_dict
from soundloom.generation.sidecar import SIDECAR, read_request
from soundloom.generation.vocoder import Vocoded, Vocoder, vocoder_named
from soundloom.generation.writing import render
from soundloom.representations import MelSpectrogram, Waveform, build, named
from soundloom.runtime.files import read_json, write_json
from soundloom.runtime.generators import child, generator
from soundloom.runtime.progress import Progress, undisturbed
from soundloom.systems.wavenet.settings import WaveNetConfig, mulaw
from soundloom.systems.wavenet.wavenet import WaveNet
from unsteady import Unsteady

RATE = 8000
SPECTROGRAMS = ("mel", "mel-htk", "log", "log-frequency", "magnitude")
OWN = {"sample_rate": RATE, "n_fft": 512, "hop": 256, "bands": 32}  # as the tiny VAE makes them
HALF = {"sample_rate": RATE // 2, "n_fft": 256, "hop": 64, "bands": 20}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, train_tiny: Callable[..., Path]) -> Path:
    """A folder with `own`, trained for a moment on frames as the tiny VAE makes them, and `half`, at half the rate."""
    folder = tmp_path_factory.mktemp("vocoders")
    train_tiny("wavenet", folder / "own", steps=60, set=[f"frames={json.dumps(OWN)}"])
    save_untrained(folder / "half", seed=0)
    return folder


def save_untrained(folder: Path, seed: int) -> None:
    torch.manual_seed(seed)
    shape = {"cycles": 1, "layers_per_cycle": 4, "residual": 8, "gate": 8, "skip": 8, "end": 8}
    config = WaveNetConfig(representation=mulaw(RATE // 2), frames={"kind": "mel", **HALF}, **shape)
    checkpoint.save(folder, WaveNet(config, build(config.representation), Schema()), "wavenet")


@pytest.fixture(scope="module")
def own(runs: Path) -> Vocoder:
    return vocoder_named(f"wavenet:{runs / 'own'}")


@pytest.fixture(scope="module")
def half(runs: Path) -> Vocoder:
    return vocoder_named(f"wavenet:{runs / 'half'}")


@pytest.fixture(scope="module")
def model(trained: Callable[[str], Path]) -> Model:
    return load(trained("vae"))


class Whistle(System):
    """A vocoder that whistles 440 Hz, as loud as the loudest band of each frame, and notes what it was asked."""

    def __init__(self, mel: MelSpectrogram) -> None:
        super().__init__()
        self.mel, self.representation = mel, Waveform(mel.sample_rate)
        self.schema = Schema()
        self.joint_distribution = JointDistribution(self.schema)
        self.asked: list[tuple[tuple[int, ...], int]] = []

    @property
    def vocodes(self) -> MelSpectrogram:
        return self.mel

    def stages(self) -> tuple[Stage, ...]:
        return ()

    def sample(self, call: Sampling, progress: Progress) -> Tensor:
        raise NotImplementedError

    def vocode(self, spectra: Tensor, length: int, generators: Sequence[Generator], progress: Progress) -> Tensor:
        self.asked.append((tuple(spectra.shape), length))
        moment = torch.arange(length) / self.mel.sample_rate
        loudness = self.mel.from_level(spectra).amax(dim=1)
        places = (torch.arange(length) // self.mel.hop).clamp_max(loudness.shape[1] - 1)
        return (torch.sin(2 * torch.pi * 440 * moment) * loudness[:, places])[:, None]


def whistler(**settings: Any) -> Vocoder:
    mel = MelSpectrogram(**settings)
    return Vocoder("whistler", Whistle(mel), mel, "0" * 16)


def tones(count: int = 2, channels: int = 1, samples: int = 4000) -> Tensor:
    """Decaying tones, (batch, channel, time), all different."""
    moment = torch.arange(samples) / RATE
    pitch = 200 + 100 * torch.arange(count * channels).view(count, channels, 1)
    return torch.sin(2 * torch.pi * pitch * moment) * torch.exp(-6 * moment)


def bytes_of(sounds: Sequence[Audio]) -> list[bytes]:
    return [sound.samples.tobytes() for sound in sounds]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_its_own_frames_go_to_the_vocoder_as_they_are(own: Vocoder) -> None:
    x, rng = own.mel.encode(tones()), generator(1)
    wanted = own.system.vocode(x[:, 0], own.mel.samples(x.shape[-1]), [child(rng), child(rng)], undisturbed)
    vocoded = Vocoded.of(own.mel, own)
    assert torch.equal(vocoded.decode(x, generator(1)), wanted)
    assert vocoded.remark is None


@pytest.mark.parametrize(
    "scale", [{"floor_db": -50.0, "peak_db": 10.0}, {"output": "decibels"}, {"output": "ln", "phase": "zero"}]
)
def test_its_own_frames_on_another_scale_are_put_on_its_own(scale: dict[str, Any]) -> None:
    whistles = whistler(**OWN)
    theirs = replace(whistles.mel, **scale)
    straight, through = (Vocoded.of(mel, whistles).decode(mel.encode(tones())) for mel in (whistles.mel, theirs))
    assert Vocoded.of(theirs, whistles).remark is None
    assert torch.allclose(straight, through, atol=0.01)  # what lies below their floor is silent
    below = torch.full((1, 1, 32, 5), float(theirs.encode(torch.zeros(1, 1, 99)).min()) - 3.0)  # as a VAE may write
    assert not Vocoded.of(theirs, whistles).decode(below).any()


@pytest.mark.parametrize("name", SPECTROGRAMS)
@pytest.mark.parametrize("samples", [1, 4000])
def test_other_spectrograms_are_heard_by_a_draft_and_keep_their_length(name: str, samples: int, half: Vocoder) -> None:
    representation = named(name, RATE)
    vocoded, audio = Vocoded.of(representation, half), tones(2, 2, samples)
    x = representation.encode(audio)
    assert torch.equal(vocoded.encode(audio), x)
    decoded = vocoded.decode(x, generator(3))
    assert decoded.shape == representation.decode(x, generator(3)).shape
    assert torch.isfinite(decoded).all()
    assert decoded.abs().max() > 0.01
    assert vocoded.remark == (
        f"half takes 20 mel bands at 4000 Hz, which were computed from a draft by {representation.phase}; nothing "
        f"above 2000 Hz is left"
    )


def test_the_frames_of_a_draft_are_those_of_the_decoded_sound() -> None:
    whistles, log = whistler(sample_rate=RATE, bands=40), named("log", RATE)
    x = log.encode(tones(1))
    draft = log.decode(x, generator(5))
    wanted = whistles.system.vocode(whistles.mel.encode(draft)[:, 0], draft.shape[-1], [], undisturbed)
    assert torch.equal(Vocoded.of(log, whistles).decode(x, generator(5)), wanted)


@pytest.mark.parametrize("rate", [4000, 11025, 16000])
def test_at_another_rate_pitch_level_and_length_stay(rate: int) -> None:
    whistles, mel = whistler(sample_rate=rate, n_fft=512, hop=128, bands=40), named("mel", RATE)
    audio = torch.cat([tones(1, 1, RATE), torch.zeros(1, 1, RATE)], dim=2)  # fades, then silence
    x = mel.encode(audio)
    decoded = Vocoded.of(mel, whistles).decode(x)
    ((_, length),) = whistles.system.asked
    assert length / rate == pytest.approx(decoded.shape[-1] / RATE, abs=1 / rate)
    assert decoded.shape[-1] == mel.samples(x.shape[-1])
    sound = decoded[0, 0].numpy()
    assert abs(int(np.abs(np.fft.rfft(sound[:RATE])).argmax()) - 440) <= 1  # bins of 1 Hz
    wanted = whistles.mel.amplitude(torch.from_numpy(resample(Audio(audio[0].numpy(), RATE), rate).samples)[None])
    assert np.abs(sound).max() == pytest.approx(float(wanted.max()), rel=0.1)
    assert np.abs(sound[9000:15000]).max() < 1e-3 * np.abs(sound).max()


def test_a_clip_sounds_the_same_in_any_batch(own: Vocoder, half: Vocoder) -> None:
    for vocoder in (own, half):
        vocoded = Vocoded.of(own.mel, vocoder)
        x = vocoded.encode(tones(3))
        with Unsteady():
            batched = vocoded.decode_each(x, [generator(7, clip) for clip in range(3)])
            alone = [vocoded.decode(clip[None], generator(7, number)) for number, clip in enumerate(x)]
        assert torch.equal(batched, torch.cat(alone))
        with Unsteady():
            assert torch.equal(vocoded.decode(x, generator(7, 0))[:1], alone[0])
        assert not torch.equal(vocoded.decode(x[:1], generator(8)), alone[0])


def test_other_frames_make_other_sounds_of_the_same_draws(own: Vocoder) -> None:
    vocoded = Vocoded.of(own.mel, own)
    loud, soft = (vocoded.decode(vocoded.encode(gain * tones(1)), generator(9)) for gain in (1.0, 0.1))
    assert not torch.equal(loud, soft)


def test_reconstructing_takes_a_vocoder_for_stereo_too_and_says_what_it_heard(runs: Path) -> None:
    audio, method = tones(1, 2)[0].numpy(), f"wavenet:{runs / 'half'}"
    found = reconstruct(audio, RATE, named("mel", RATE), method, seed=1)
    assert found.samples.shape == audio.shape
    assert not np.array_equal(found.samples[0], found.samples[1])
    assert found.remark is not None
    assert found.remark.startswith("half takes 20 mel bands at 4000 Hz")
    again, other = (reconstruct(audio, RATE, named("mel", RATE), method, seed=seed) for seed in (1, 2))
    assert np.array_equal(again.samples, found.samples)
    assert not np.array_equal(other.samples, found.samples)
    assert reconstruct(audio, RATE, named("mel", RATE), "zero").remark is None


@pytest.mark.parametrize("run", ["own", "half"])
def test_the_same_seed_gives_the_same_bytes_with_any_jobs_and_count(run: str, runs: Path, model: Model) -> None:
    asked = {"phase": f"wavenet:{runs / run}", "seed": 5}
    sounds = model.generate(count=5, jobs=1, **asked)
    assert all(sound.samples.shape == (1, model.system.samples) for sound in sounds)
    assert bytes_of(model.generate(count=5, jobs=2, **asked)) == bytes_of(sounds)
    assert bytes_of(model.generate(count=1, **asked)) == bytes_of(sounds[:1])
    assert len(set(bytes_of(sounds))) == 5
    assert bytes_of(model.generate(count=1, phase=asked["phase"], seed=6)) != bytes_of(sounds[:1])


def test_a_phase_method_changes_the_sounds_unless_it_is_the_models_own(model: Model, runs: Path) -> None:
    before = model.system.representation
    usual = model.generate(count=2, seed=1)
    assert bytes_of(model.generate(count=2, seed=1, phase=before.phase)) == bytes_of(usual)
    for phase in ("zero", "griffin-lim:4", f"wavenet:{runs / 'own'}"):
        assert bytes_of(model.generate(count=2, seed=1, phase=phase)) != bytes_of(usual)
    assert model.system.representation is before
    assert model.system.sampling_batch_size == 1
    assert bytes_of(model.generate(count=2, seed=1)) == bytes_of(usual)


def test_requests_with_different_phases_may_be_made_in_one_stream(model: Model, runs: Path) -> None:
    phases = (None, f"wavenet:{runs / 'own'}", "zero", f"wavenet:{runs / 'half'}")
    requests = [Request(count=2, seed=2, phase=phase) for phase in phases]
    streamed = [made.audio for made in model.stream(requests, 2)]
    assert bytes_of(streamed) == [each for request in requests for each in bytes_of(model.generate(request))]


def test_what_the_vocoder_heard_is_said_once_for_each_sound(model: Model, runs: Path) -> None:
    (exact,) = model.stream(Request(count=1, phase=f"wavenet:{runs / 'own'}"))
    (read_off,) = model.stream(Request(count=1, phase=f"wavenet:{runs / 'half'}"))
    assert exact.remarks == ()
    assert [remark.split(",")[0] for remark in read_off.remarks] == ["half takes 20 mel bands at 4000 Hz"]


@pytest.mark.parametrize("seconds", [0.2, 0.5])
def test_a_vocoder_makes_sounds_as_long_as_asked_and_ends_them_without_a_click(
    seconds: float, model: Model, runs: Path
) -> None:
    (sound,) = model.generate(count=1, seconds=seconds, phase=f"wavenet:{runs / 'half'}")
    assert sound.seconds == seconds
    assert seconds == 0.5 or abs(sound.samples[0, -1]) < 1e-6


def test_a_prompt_stays_as_it_is_and_a_variation_of_nothing_is_the_sound_itself(model: Model, runs: Path) -> None:
    given = Audio(tones(1, 1, 2000)[0].numpy(), RATE)
    for run in ("own", "half"):
        phase = f"wavenet:{runs / run}"
        carried = model.generate(count=2, prompt=given, phase=phase)
        for sound in carried:
            assert np.array_equal(sound.samples[:, :2000], given.samples)
            assert sound.samples[:, 2000:].any()
        assert bytes_of(model.generate(count=2, prompt=given, phase=phase, jobs=1)) == bytes_of(carried)
    near, far = (model.generate(count=1, like=(given,), distance=d, phase=phase)[0] for d in (0.0, 1.0))
    assert near.samples.shape == far.samples.shape
    assert not np.array_equal(near.samples, far.samples)


def test_stopped_while_it_vocodes_a_sound_comes_as_far_as_it_is(model: Model, runs: Path) -> None:
    for run in ("own", "half"):
        stop = threading.Event()
        request = Request(count=3, seed=4, phase=f"wavenet:{runs / run}")
        progress: list[tuple[float, float]] = []

        def stop_midway(done: float, everything: float) -> None:
            progress.append((done, everything))  # noqa: B023 - called within this turn
            stop.set()  # noqa: B023

        made = list(model.stream(request, 1, on_progress=stop_midway, stop=stop))
        assert 0 < len(made) <= 3
        assert all(0 < sound.audio.seconds <= 0.5 for sound in made)
        assert all(done <= everything == 1.5 for done, everything in progress)
        if run == "own":  # 2048 of 4000 samples
            assert {sound.audio.seconds for sound in made} == {2048 / RATE}
            assert all(sound.remarks == ("stopped at 0.26 of 0.5 s",) for sound in made)


@pytest.mark.parametrize(
    ("phase", "sentence"),
    [
        ("wavenet", "phase method 'wavenet' does not name a vocoder; give its run, as wavenet:runs/vocoder"),
        ("wavenet:", "does not name a vocoder"),
        ("wavenet:nowhere", "no model 'nowhere': neither a run folder nor a shipped model"),
        ("wavenet:{vae}", "is a run of vae, not of wavenet; name a run of wavenet"),
        ("vae:{own}", "is a run of wavenet, not of vae"),
        ("vae:{vae}", "is a run of vae, which takes no spectrogram; name a phase method, such as pghi"),
        ("wavenet:{wavenet}", "without frames, so it takes no spectrogram; train one with --preset vocoder"),
        ("pghy", "did you mean 'pghi'"),
        (60, "phase is 60 but must be the name of a method; pghi is one"),
    ],
)
def test_what_is_no_phase_method_is_refused_with_what_would_be(
    phase: Any, sentence: str, model: Model, runs: Path, trained: Callable[[str], Path]
) -> None:
    if isinstance(phase, str):
        phase = phase.format(vae=trained("vae"), wavenet=trained("wavenet"), own=runs / "own")
    with pytest.raises(ValueError, match=sentence):
        model.generate(count=1, phase=phase)


@pytest.mark.parametrize("phase", ["pghi", "wavenet:{own}"])
def test_a_model_whose_representation_keeps_the_phase_refuses_one(
    phase: str, runs: Path, trained: Callable[[str], Path]
) -> None:
    with pytest.raises(ValueError, match=r"'mulaw' keeps the phase.*leave --phase out"):
        load(trained("wavenet")).generate(count=1, phase=phase.format(own=runs / "own"))


@pytest.mark.parametrize("phase", ["pghi", "wavenet:{own}"])
def test_a_request_with_a_phase_is_written_and_makes_the_same_bytes_again(
    phase: str, model: Model, runs: Path, own: Vocoder, tmp_path: Path
) -> None:
    request = Request(count=2, seed=3, phase=phase.format(own=runs / "own"))
    render(model, request, tmp_path / "first", picture=False)
    request_json = read_json(tmp_path / "first" / SIDECAR)["request"]
    assert (request_json["phase"], request_json.get("vocoder")) == (
        request.phase,
        own.digest if "wavenet" in phase else None,
    )
    again = read_request(tmp_path / "first").request
    assert again == request
    render(model, again, tmp_path / "second", picture=False)
    assert contents(tmp_path / "first") == contents(tmp_path / "second")
    with pytest.raises(ValueError, match="another request"):
        render(model, replace(request, phase=None), tmp_path / "first", picture=False)


def test_a_request_without_a_phase_is_written_and_read_as_before_there_was_one() -> None:
    assert not {"phase", "vocoder"} & set(to_dict(Request()))
    assert from_dict(to_dict(Request(seed=9)), "request.json") == Request(seed=9)


@pytest.mark.parametrize("change", [{"phase": 5}, {"phase": ["pghi"]}])
def test_a_phase_that_soundloom_did_not_write_is_refused_by_name(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"request\.json is not a request that soundloom wrote"):
        from_dict({**to_dict(Request()), **change}, "request.json")


def test_a_request_is_not_repeated_by_a_vocoder_that_has_changed_or_gone(tmp_path: Path) -> None:
    run = tmp_path / "voice"
    save_untrained(run, seed=1)
    written = to_dict(Request(phase=f"wavenet:{run}"))
    assert from_dict(written, "request.json").phase == f"wavenet:{run}"
    save_untrained(run, seed=2)
    with pytest.raises(ValueError, match=r"wavenet:.*voice has changed since request\.json was written"):
        from_dict(written, "request.json")
    (run / "config.json").unlink()
    with pytest.raises(ValueError, match=r"voice holds no config\.json"):
        from_dict(written, "request.json")
    without = {key: value for key, value in written.items() if key != "vocoder"}
    save_untrained(run, seed=1)
    with pytest.raises(ValueError, match="has changed since"):
        from_dict(without, "request.json")


def test_reconstruct_says_what_the_vocoder_heard_and_names_the_file_after_its_run(
    capsys: pytest.CaptureFixture[str], sounds: Path, runs: Path, tmp_path: Path
) -> None:
    given = [sounds / "thump-001.wav", sounds / "hiss-000.wav"]
    asked = ("--representation", "log", "--phase", f"wavenet:{runs / 'half'}", "--out", tmp_path)
    found = ask(capsys, "reconstruct", *given, *asked, "--json").json
    assert {Path(row["written"]).name for row in found["files"]} == {
        "thump-001-log-wavenethalf.wav",
        "hiss-000-log-wavenethalf.wav",
    }
    (remark,) = found["remarks"]
    assert remark.startswith("half takes 20 mel bands at 4000 Hz")
    back = read(tmp_path / "thump-001-log-wavenethalf.wav")
    assert back.samples.shape == read(given[0]).samples.shape


def test_generate_takes_a_phase_and_again_refuses_one_beside_it(
    capsys: pytest.CaptureFixture[str], runs: Path, trained: Callable[[str], Path], tmp_path: Path
) -> None:
    phase = f"wavenet:{runs / 'half'}"
    asked = ("-n", 2, "--seed", 1, "--no-picture")
    found = ask(capsys, "generate", trained("vae"), *asked, "--phase", phase, "--out", tmp_path / "a", "--json").json
    assert found["remarks"][0].startswith("half takes 20 mel bands")
    assert ask(capsys, "generate", "--again", tmp_path / "a", "--out", tmp_path / "b", "--no-picture").code == 0
    assert contents(tmp_path / "a").keys() == contents(tmp_path / "b").keys()
    assert [path.read_bytes() for path in sorted((tmp_path / "a").glob("*.wav"))] == [
        path.read_bytes() for path in sorted((tmp_path / "b").glob("*.wav"))
    ]
    assert "leave the others out" in refused(capsys, "generate", "--again", tmp_path / "a", "--phase", "pghi")
    sentence = refused(capsys, "generate", trained("wavenet"), "--phase", "pghi", "--out", tmp_path / "c")
    assert "keeps the phase" in sentence
    changed = read_json(tmp_path / "a" / SIDECAR)
    changed["request"]["vocoder"] = "0" * 16
    write_json(tmp_path / "a" / SIDECAR, changed)
    assert "half has changed since" in refused(capsys, "generate", "--again", tmp_path / "a", "--out", tmp_path / "d")


@pytest.mark.parametrize("verb", ["generate", "reconstruct"])
def test_help_names_vocoders_among_the_phase_methods(capsys: pytest.CaptureFixture[str], verb: str) -> None:
    assert "wavenet:RUN" in " ".join(ask(capsys, verb, "--help").out.split())
