"""The whole system: short trainings, and generation."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from networks import CONFIGS, LABELS, MEL, RATE, lively, random_codes, untrained
from torch import Tensor

from soundloom.audio import Audio
from soundloom.checkpoints.checkpoint import Checkpoint
from soundloom.checkpoints.checkpoint import build as build_system
from soundloom.checkpoints.checkpoint import describe as describe_system
from soundloom.conditions.schema import Category, Schema
from soundloom.contract import MODEL, Augmentation, Batch, ClipBatch, Sampling
from soundloom.generation import Generated, Model, Request, load
from soundloom.representations import build
from soundloom.runtime.generators import generator
from soundloom.runtime.progress import undisturbed
from soundloom.systems.wavenet.sequences import SamplingSettings, Sequences
from soundloom.systems.wavenet.settings import PRESETS
from soundloom.systems.wavenet.wavenet import WaveNet
from soundloom.training.log import LOG

KINDS = Schema((Category("kind", ("low", "high")),))
TONES = (220.0, 440.0, 880.0)
needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")


def trained_on(
    wavenet: WaveNet, clips: Callable[[int], tuple[Tensor, Tensor]], steps: int, rate: float, until: float = 0.0
) -> WaveNet:
    """Train for some steps with Adam, or until the loss is below `until`; `clips` returns a step's clips and codes."""
    objective = wavenet.train().stages()[0].objectives[0]
    optimizer = torch.optim.Adam(wavenet.parameters(), rate)
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = rate * min(1, (step + 1) / 20) * (1 - step / steps)
        loss = objective(Batch(*clips(step), 0, step), 0.5).total
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(wavenet.parameters(), 1.0)
        optimizer.step()
        if float(loss.detach()) < until:
            break
    return wavenet.eval()


def continued(wavenet: WaveNet, prompt: Tensor, length: int, temperature: float = 0.0, count: int = 1) -> Tensor:
    """Continuations of a prompt (1, time), (count, 1, length)."""
    generators = [generator(0, number) for number in range(count)]
    options = {"weights": "float32"}
    call = Sampling(length, [{}] * count, generators, prompt, temperature=temperature, options=options)
    return wavenet.sample(call, undisturbed)


def bits_per_sample(wavenet: WaveNet, audio: Tensor, codes: Tensor) -> float:
    return float(wavenet.negative_log_likelihood(ClipBatch(audio, codes)).bits[MODEL].mean())


def tone(hertz: float | Tensor, time: int, turns: float | Tensor = 0.0) -> Tensor:
    """A sine, (..., time)."""
    return 0.5 * torch.sin(2 * math.pi * (hertz * torch.arange(time) / RATE + turns))


def pitch(sound: Tensor) -> float:
    """The frequency of a sine in Hz: the peak of its spectrum, by a parabola through the log magnitudes."""
    samples = sound.double().numpy()
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), 4 * len(samples)))
    top = 1 + int(spectrum[1:-1].argmax())
    left, middle, right = np.log(spectrum[top - 1 : top + 2])
    return (top + (left - right) / (2 * (left - 2 * middle + right))) * RATE / (4 * len(samples))


def test_a_memorised_clip_is_reproduced_from_its_beginning() -> None:
    time = torch.arange(2048) / RATE
    rng = torch.Generator().manual_seed(0)
    chirp = torch.sin(2 * math.pi * (300 * time + 900 * time.square())) * torch.exp(-6 * time)
    clip = (0.5 * chirp + 0.03 * torch.randn(2048, generator=rng) * torch.exp(-10 * time))[None, None]
    wide = {"cycles": 1, "layers_per_cycle": 8, "first_kernel": 8, "residual": 24, "gate": 24, "skip": 48, "end": 48}
    wavenet = untrained(**wide, crop=2048, seconds=2048 / RATE)
    trained_on(wavenet, lambda _: (clip, torch.zeros(1, 0)), 300, 3e-2, until=0.005)
    assert float(wavenet.negative_log_likelihood(ClipBatch(clip, torch.zeros(1, 0))).bits[MODEL]) < 0.2
    made = wavenet.representation.encode(continued(wavenet, clip[0, :, :600], 2048))
    assert torch.equal(made, wavenet.representation.encode(clip))


def test_a_tone_continues_at_its_pitch_for_a_second() -> None:
    rng = torch.Generator().manual_seed(1)

    def clips(step: int) -> tuple[Tensor, Tensor]:
        hertz = torch.tensor(TONES)[torch.randint(3, (4, 1, 1), generator=rng)]
        return tone(hertz, 512, torch.rand(4, 1, 1, generator=rng)), torch.zeros(4, 0)

    wide = {"cycles": 1, "layers_per_cycle": 5, "kernel": 3, "residual": 24, "gate": 24, "skip": 48, "end": 48}
    wavenet = trained_on(untrained(**wide, crop=512), clips, 200, 2e-2)
    for hertz in TONES:
        made = continued(wavenet, tone(hertz, 1000)[None], 1000 + RATE)[0, 0, 1000:]
        assert 0.99 < pitch(made) / hertz < 1.01
        assert 0.3 < float(made[-1000:].std()) < 0.4  # as loud as before
    drawn = continued(wavenet, tone(440.0, 1000)[None], 1000 + RATE, temperature=1.0, count=8)[:, 0, 1000:]
    assert 0.99 < float(np.median([pitch(made) for made in drawn])) / 440 < 1.01


def two_tones(step: int) -> tuple[Tensor, Tensor]:
    """Tones of both kinds, equally often, at random phases."""
    rng = generator(step, 0)
    kinds = torch.arange(8) % 2
    codes = torch.stack([torch.from_numpy(KINDS.encode({"kind": KINDS["kind"].values[kind]})) for kind in kinds])
    hertz = torch.tensor([300.0, 700.0])[kinds][:, None, None]
    return tone(hertz, 256, torch.rand(8, 1, 1, generator=rng)), codes


def test_wrong_labels_cost_bits() -> None:
    wavenet = trained_on(untrained(KINDS, crop=256, batch_size=8), two_tones, 120, 1e-2)
    audio, codes = two_tones(1000)
    right, wrong, unknown = (
        float(wavenet.negative_log_likelihood(ClipBatch(audio, given)).bits[MODEL].mean())
        for given in (codes, codes.flip(0), torch.zeros_like(codes))
    )
    assert torch.equal(codes.flip(0)[::2], codes[1::2])  # each has the label of another kind
    assert right < unknown - 0.05
    assert right < wrong - 0.2


@pytest.fixture
def model(trained: Callable[[str], Path]) -> Model:
    return load(trained("wavenet"))


def model_of(wavenet: WaveNet) -> Model:
    return Model(Checkpoint("wavenet", Path("wavenet"), wavenet, "0" * 16))


def prompted(model: Model, prompt: np.ndarray, rate: int = RATE, added: int = 400) -> Generated:
    """A continuation of a prompt by so many samples."""
    seconds = prompt.shape[1] / rate + added / RATE
    (made,) = model.stream(Request(count=1, prompt=Audio(prompt.astype(np.float32), rate), seconds=seconds, seed=3))
    return made


def noise(samples: int, channels: int = 1, size: float = 0.1) -> np.ndarray:
    return size * np.random.default_rng(0).standard_normal((channels, samples)).astype(np.float32)


@pytest.mark.parametrize("samples", [1, 2, 63, 64, 65, 2047, 2048, 2049, 5000])
def test_no_bit_of_a_prompt_of_any_length_changes(model: Model, samples: int) -> None:
    prompt = noise(samples)
    made = prompted(model, prompt)
    assert made.audio.samples.shape == (1, samples + 400)
    assert made.audio.samples[:, :samples].tobytes() == prompt.tobytes()
    assert made.remarks == ()


def test_the_fade_at_the_end_does_not_reach_the_prompt(model: Model) -> None:
    prompt = noise(500)
    made = prompted(model, prompt, added=20).audio.samples
    assert made[:, :500].tobytes() == prompt.tobytes()
    assert made[0, -1] == 0


def test_a_prompt_changes_its_continuation(model: Model) -> None:
    first, second = (prompted(model, sign * noise(500)).audio.samples[:, 500:] for sign in (1, -1))
    assert not np.array_equal(first, second)


def test_a_prompt_beyond_full_scale_is_kept_and_conditions_as_if_clipped(model: Model) -> None:
    prompt = noise(300, size=1.5)
    assert np.abs(prompt).max() > 2
    made, clipped = prompted(model, prompt).audio.samples, prompted(model, prompt.clip(-1, 1)).audio.samples
    assert np.array_equal(made[:, :300], prompt)
    assert np.array_equal(made[:, 300:], clipped[:, 300:])


def test_a_prompt_at_another_rate_or_of_several_channels_is_converted_with_a_remark(model: Model) -> None:
    made = prompted(model, noise(800, channels=2), 16000)
    assert made.remarks == (
        "the given sound: 2 channels mixed down to one",
        "the given sound: resampled from 16000 to 8000 Hz, the model's rate",
    )
    assert made.audio.samples.shape == (1, 800)
    assert made.audio.sample_rate == RATE


def test_a_prompt_without_samples_or_as_long_as_the_sound_is_refused(model: Model) -> None:
    with pytest.raises(ValueError, match=r"no samples, or some that are not finite; give another prompt"):
        model.generate(prompt=Audio(np.zeros((1, 0), np.float32), RATE))
    with pytest.raises(ValueError, match=r"nothing is left to add; cut the prompt, or ask for more --seconds"):
        model.generate(prompt=Audio(noise(5000), RATE))


def test_a_tiny_temperature_is_0(model: Model) -> None:
    zero, tiny = (model.generate(count=1, temperature=cold)[0].samples for cold in (0.0, 1e-40))
    assert np.array_equal(zero, tiny)


def test_temperature_0_ignores_the_seed_and_a_negative_temperature_is_refused(model: Model) -> None:
    asked = {"temperature": 0.0, "conditions": {"kind": "hiss", "pitch": 48}, "seconds": 0.1}
    first, second = (model.generate(count=1, seed=seed, **asked)[0] for seed in (1, 2))
    assert np.array_equal(first.samples, second.samples)
    with pytest.raises(ValueError, match=r"temperature is -0\.1 but must be 0 to 2"):
        model.generate(temperature=-0.1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"top_p": 0}, "top_p=0 but must be a share above 0 and at most 1"),
        ({"top_p": 1.01}, "top_p=1.01"),
        ({"top_p": math.nan}, "top_p=nan"),
        ({"top_p": True}, "top_p=True"),
        ({"top_p": "much"}, "top_p=much"),
        ({"weights": "float16"}, "weights=float16: did you mean 'bfloat16'? (known: auto, bfloat16, float32, int8)"),
        ({"guidance": -0.1}, "guidance=-0.1 but must be 0 to 20; 1 is none, 1.5 suits words"),
        ({"guidance": True}, "guidance=True"),
        ({"guidance": math.nan}, "guidance=nan"),
        ({"device": "gpu"}, "device=gpu: "),
        ({"device": "cuda", "weights": "int8"}, "weights=int8 is for the CPU"),
        ({"topp": 0.5}, "no sampling option 'topp'; did you mean 'top_p'?"),
    ],
)
def test_an_impossible_option_is_refused(model: Model, options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError) as refusal:
        model.generate(count=1, options=options)
    assert message in str(refusal.value)


def test_a_mixture_has_no_options_for_classes() -> None:
    model = model_of(lively(representation={"kind": "pcm", "sample_rate": RATE}))
    assert set(model.options) == {"weights", "device"}
    with pytest.raises(ValueError, match=r"no sampling option 'top_p'; known: device, weights"):
        model.generate(count=1, options={"top_p": 0.5})


@pytest.mark.parametrize(
    "options",
    [
        {"weights": "float32"},
        {"weights": "bfloat16"},
        {"weights": "int8"},
        {"weights": "auto"},
        {"top_p": 0.9},
        {"guidance": 1},
        {"guidance": 4},
        {"device": "cpu"},
        pytest.param({"device": "cuda"}, marks=needs_cuda),
        pytest.param({"device": "cuda", "top_p": 0.9}, marks=needs_cuda),
    ],
)
def test_every_option_makes_sounds(model: Model, options: dict[str, object]) -> None:
    (sound,) = model.generate(count=1, seconds=0.1, options=options)
    assert sound.peak > 1e-3


def test_top_p_changes_sounds_of_the_same_seed(model: Model) -> None:
    some, every, usual = (
        model.generate(count=1, seed=5, options=options)[0].samples for options in ({"top_p": 0.3}, {"top_p": 1}, {})
    )
    assert np.array_equal(every, usual)
    assert not np.array_equal(some, usual)


def test_an_unknown_condition_is_refused_with_the_known_names(model: Model) -> None:
    with pytest.raises(ValueError, match=r"no condition 'colour'; known: kind, pitch"):
        model.generate(conditions={"colour": "red"})
    with pytest.raises(ValueError, match=r"kind=snare: the model knows no such kind; known: hiss, thump"):
        model.generate(conditions={"kind": "snare"})


def test_a_sound_may_be_several_times_as_long_as_a_clip(model: Model) -> None:
    (sound,) = model.generate(count=1, seconds=5 * model.seconds)
    assert sound.samples.shape == (1, 5 * model.system.samples)
    (clip,) = model.generate(count=1)
    assert np.array_equal(sound.samples[:, : model.system.samples], clip.samples)


def test_a_sound_shorter_than_a_clip_is_faded_out_over_10_milliseconds(model: Model) -> None:
    (whole,) = model.generate(count=1, seed=2)
    (cut,) = model.generate(count=1, seed=2, seconds=0.05)
    given = whole.samples[:, :400]
    np.testing.assert_array_equal(cut.samples[:, :320], given[:, :320])
    np.testing.assert_allclose(cut.samples[:, 320:], given[:, 320:] * np.linspace(1, 0, 80), atol=1e-6)


@pytest.mark.parametrize("prompt", [None, 1500, 5000])
def test_a_stopped_sound_has_the_samples_made_so_far(model: Model, prompt: int | None) -> None:
    reported: list[int] = []

    def progress(fraction: float, samples: int, /) -> bool:
        reported.append(samples)
        return False

    given = None if prompt is None else torch.from_numpy(noise(prompt))
    call = Sampling(40000, [{}, {}], [generator(0, 0), generator(0, 1)], given)
    found = model.system.sample(call, progress)
    assert len(reported) == 1
    assert found.shape[:2] == (2, 1)
    assert max(1, prompt or 0) <= found.shape[2] < 40000
    if given is not None:
        assert torch.equal(found[..., :prompt], given.expand(2, 1, -1)[..., : found.shape[2]])


@pytest.mark.parametrize("name", CONFIGS)
def test_the_same_seed_gives_the_same_bytes_in_any_batches_and_threads(name: str) -> None:
    model = model_of(lively(LABELS, **CONFIGS[name], seconds=0.05))
    nine = [sound.samples.tobytes() for sound in model.generate(count=9, seed=5, jobs=1)]
    assert [sound.samples.tobytes() for sound in model.generate(count=9, seed=5, jobs=4)] == nine
    assert [sound.samples.tobytes() for sound in model.generate(count=2, seed=5)] == nine[:2]
    model.system.sampling_batch_size = 1
    assert [sound.samples.tobytes() for sound in model.generate(count=9, seed=5, jobs=3)] == nine
    assert len(set(nine)) == 9


def test_conditions_may_differ_within_a_batch(model: Model) -> None:
    requests = [Request(count=1, seed=4, conditions={"kind": kind, "pitch": 48}) for kind in ("hiss", "thump")]
    hiss, thump = (made.audio.samples for made in model.stream(requests))
    single = model.generate(requests[1])[0].samples
    assert np.array_equal(thump, single)
    assert not np.array_equal(hiss, thump)


def test_the_log_has_held_out_bits_of_the_network_and_the_baselines(
    tmp_path: Path, train_tiny: Callable[..., Path]
) -> None:
    run = train_tiny("wavenet", tmp_path / "run", steps=40, held_out=0.2)
    lines = [json.loads(line) for line in (run / LOG).read_text().splitlines()]
    found = {key: value for line in lines for key, value in line.items() if key.startswith("held_out.likelihood.")}
    assert set(found) == {f"held_out.likelihood.{name}" for name in ("loss", "sounding", "unigram", "markov", "linear")}
    assert 0 < found["held_out.likelihood.loss"] < found["held_out.likelihood.unigram"] < 8
    assert found["held_out.likelihood.markov"] < found["held_out.likelihood.unigram"]


def test_training_starts_from_the_histogram_of_classes() -> None:
    for levels in (256, 16, 1000):  # as many classes as are counted, fewer, and more
        wavenet = untrained(representation={"kind": "mulaw", "sample_rate": RATE, "levels": levels})
        audio = torch.from_numpy(noise(4000, channels=8))[:, None]
        wavenet.prepare(wavenet.stages()[0], Always(audio), fresh=True)
        shares = wavenet.network.head.bias.detach().softmax(dim=0)
        symbols = wavenet.representation.encode(audio)
        counted = torch.bincount(symbols.flatten(), minlength=levels) / symbols.numel()
        assert math.isclose(float(shares.sum()), 1, rel_tol=1e-4)
        assert float((shares - counted).abs().sum()) < (0.1 if levels > 256 else 0.02)


class Always:
    """A training set that is one batch."""

    def __init__(self, audio: Tensor) -> None:
        self.audio = audio

    def __len__(self) -> int:
        return len(self.audio)

    def batches(self, size: int, change: Augmentation | None = None, draw: int = 0) -> Iterator[ClipBatch]:
        yield ClipBatch(self.audio, torch.zeros(len(self.audio), 0))


def test_precisions_are_measured_at_the_end_of_training(model: Model) -> None:
    exact, half, quarter = model.system.costs.tolist()  # type: ignore[union-attr, operator]
    assert 0 < exact < 8
    assert len({exact, half, quarter}) == 3
    assert abs(half / exact - 1) < 0.1
    assert abs(quarter / exact - 1) < 0.1


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_missing_cuda_device_is_reported(model: Model) -> None:
    with pytest.raises(ValueError, match="device is cuda but torch finds no CUDA device here; leave it out"):
        model.generate(count=1, options={"device": "cuda"})


@needs_cuda
def test_cuda_draws_as_the_cpu_does() -> None:
    system = lively(LABELS)
    codes = random_codes(LABELS, 5)
    uniforms = np.random.default_rng(0).random((5, 300, 1))
    drawn = []
    for device in ("cpu", "cuda"):
        sequences = Sequences(system.network, codes, None, SamplingSettings(guidance=2.0, top_p=0.95, device=device))
        symbols = np.full((5, 300), -1, np.int64)
        sequences.advance(symbols, uniforms, 0)
        drawn.append(symbols)
    assert np.median((drawn[0] == drawn[1]).mean(axis=1)) == 1.0  # a rounding may make one diverge


def test_a_vocoder_restores_the_length_and_follows_the_loudness() -> None:
    wavenet = lively(frames=MEL)
    for samples in (1000, 1017):
        audio = torch.from_numpy(noise(samples, channels=3))[:, None]
        back = wavenet.reconstruct(ClipBatch(audio, torch.zeros(3, 0)))
        assert back is not None
        assert back.shape == audio.shape
        assert torch.equal(back, wavenet.reconstruct(ClipBatch(audio, torch.zeros(3, 0))))
        assert torch.equal(back[:1], wavenet.reconstruct(ClipBatch(audio[:1], torch.zeros(1, 0))))
        softer = torch.cat([audio[..., :500], 0.01 * audio[..., 500:]], dim=2)
        changed = wavenet.reconstruct(ClipBatch(softer, torch.zeros(3, 0)))
        assert not torch.equal(changed, back)
        assert torch.equal(changed[..., :200], back[..., :200])


def test_a_vocoder_also_samples_without_frames() -> None:
    for sound in model_of(lively(LABELS, frames=MEL)).generate(count=3, seconds=0.1):
        assert sound.samples.shape == (1, 800)
        assert sound.peak > 1e-3


def test_without_frames_nothing_is_reconstructed() -> None:
    assert untrained().reconstruct(ClipBatch(torch.zeros(1, 1, 100), torch.zeros(1, 0))) is None


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_every_preset_builds_from_its_own_description(preset: str) -> None:
    config = PRESETS[preset]
    wavenet = WaveNet(config, build(config.representation), LABELS)
    again = build_system(describe_system(wavenet, "wavenet"))
    assert again.config == config
    assert again.representation == wavenet.representation
    shapes = {key: value.shape for key, value in wavenet.state_dict().items()}
    assert {key: value.shape for key, value in again.state_dict().items()} == shapes
