"""What all systems promise, on each of them at its tiny preset; toys use parts of the contract that no other does."""

from __future__ import annotations

import json
import signal
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import plugged
from soundloom.audio import Audio, fit, read
from soundloom.checkpoints.checkpoint import WEIGHTS, build
from soundloom.conditions.schema import Category, Schema
from soundloom.conditions.sweep import Sweep
from soundloom.contract import ClipBatch, System
from soundloom.data.clips import open_clips
from soundloom.generation import Model, Request, load
from soundloom.representations import build as build_representation
from soundloom.runtime.files import read_json
from soundloom.systems.discovery import system_named, system_names
from soundloom.training import StepReport
from soundloom.training.batches import batch_of
from soundloom.training.feed import Feed
from soundloom.training.log import LOG
from soundloom.training.state import STATE

HERE = Path(__file__).parent
STEPS = 12
SCHEMA = Schema((Category("kind", ("hiss", "thump")),))


@pytest.fixture(scope="module", autouse=True)
def _plugged_in() -> Iterator[None]:
    plugged.plug_in()
    yield
    plugged.unplug()


@pytest.fixture(params=(*system_names(), *plugged.NAMES))
def system(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def model(system: str, trained: Callable[[str], Path]) -> Model:
    return load(trained(system))


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory, train_tiny: Callable[..., Path]) -> Callable[[str], Path]:
    """A training of `STEPS` steps that nothing disturbed, made once for each system."""
    runs: dict[str, Path] = {}

    def run(system: str) -> Path:
        if system not in runs:
            runs[system] = train_tiny(system, tmp_path_factory.mktemp("whole") / system, steps=STEPS)
        return runs[system]

    return run


def untrained(system: str) -> System:
    config = system_named(system).PRESETS["tiny"]
    return system_named(system)(config, build_representation(config.representation), SCHEMA)


def sounds_of(model: Model, **asked: object) -> list[bytes]:
    jobs = asked.pop("jobs", None)
    return [audio.samples.tobytes() for audio in model.generate(Request(**asked), jobs=jobs)]


def distance(model: Model, sound: Audio, file: Path) -> float:
    """Mean squared difference between a sound and a file, as the model's representation sees them."""
    given = fit(read(file), model.system.samples)
    ours, theirs = (
        model.system.representation.encode(torch.from_numpy(audio.samples)[None]) for audio in (sound, given)
    )
    return float((ours - theirs).square().mean())


def assert_same_training(first: Path, second: Path) -> None:
    """Weights, their average, and all that the optimizers remember."""
    for name in (WEIGHTS, STATE):
        ours, theirs = load_file(first / name), load_file(second / name)
        assert ours.keys() == theirs.keys()
        assert [key for key in ours if not torch.equal(ours[key], theirs[key])] == []


def test_the_objectives_of_a_stage_share_no_parameter_and_move_only_the_systems_own(system: str) -> None:
    whole = untrained(system)
    for stage in whole.stages():
        moved = [id(parameter) for objective in stage.objectives for parameter in objective.moves()]
        assert moved
        assert len(moved) == len(set(moved))
        assert set(moved) <= {id(parameter) for parameter in whole.parameters()}
        for objective in stage.objectives:
            stepped = [id(p) for group in objective.optimizer().param_groups for p in group["params"]]
            assert sorted(stepped) == sorted(id(parameter) for parameter in objective.moves())


def test_a_loss_that_no_other_works_against_falls_in_training(system: str, trained: Callable[[str], Path]) -> None:
    lines = [json.loads(line) for line in (trained(system) / LOG).read_text().splitlines()]
    for stage in untrained(system).stages():
        for objective in stage.objectives:
            name = f"{objective.name}.loss"
            losses = [line[name] for line in lines if line["stage"] == stage.name and name in line]
            assert len(losses) >= 10
            if not objective.adversarial:
                assert np.mean(losses[-5:]) < np.mean(losses[:5])


def test_each_objective_alone_learns_one_batch(system: str, sounds: Path) -> None:
    """Also one that another works against falls while the other stands still."""
    whole = untrained(system)
    store = open_clips(sounds, whole.config.clips(whole.representation.sample_rate))
    clips = Feed(store, SCHEMA)
    for stage in whole.stages():
        whole.prepare(stage, clips, fresh=True)
        batch = batch_of(clips.take(np.arange(8)), stage, torch.device("cpu"), seed=0, step=0)
        for objective in stage.objectives:
            optimizer, losses = objective.optimizer(), []
            for _ in range(30):
                loss = objective(batch, 1.0)
                optimizer.zero_grad()
                loss.total.backward()
                optimizer.step()
                if loss.sums is not None:
                    objective.update_statistics(loss.sums, batch)
                losses.append(float(loss.total.detach()))
            assert losses[-1] < losses[0]


def test_a_saved_and_loaded_system_makes_the_same_sounds(model: Model, tmp_path: Path) -> None:
    from soundloom.checkpoints.checkpoint import save

    save(tmp_path / "copy", model.system, read_json(model.checkpoint.path / "config.json")["system"])
    again = load(tmp_path / "copy")
    assert again.digest == model.digest
    assert sounds_of(again, count=2, seed=3) == sounds_of(model, count=2, seed=3)


@pytest.mark.parametrize("samples", [80, 1234, 2500])
def test_the_asked_length_is_delivered_to_the_sample(model: Model, samples: int) -> None:
    (sound,) = model.generate(count=1, seconds=samples / model.sample_rate)
    assert sound.samples.shape == (1, samples)
    assert sound.sample_rate == model.sample_rate


def test_without_a_length_a_sound_is_as_long_as_a_training_clip(model: Model) -> None:
    (sound,) = model.generate(count=1)
    assert sound.seconds == model.seconds == model.system.config.seconds


def test_sounds_are_finite_and_heard(model: Model) -> None:
    for sound in model.generate(count=4, seed=1):
        assert np.isfinite(sound.samples).all()
        assert sound.peak > 1e-4


def test_a_condition_changes_the_sound(model: Model) -> None:
    hiss, thump = (sounds_of(model, count=1, conditions={"kind": kind, "pitch": 48}) for kind in ("hiss", "thump"))
    assert hiss != thump


def test_what_was_asked_is_what_a_sound_is_made_with(model: Model) -> None:
    for made in model.stream(Request(count=4, conditions={"kind": "hiss"})):
        assert made.conditions["kind"] == "hiss"
        assert set(made.conditions) == {condition["name"] for condition in model.conditions}


def test_a_sweep_changes_one_number_and_neither_the_draws_nor_the_rest(model: Model) -> None:
    request = Request(count=2, seed=3, conditions={"kind": "thump"}, sweep=Sweep("pitch", 36, 60, 3))
    made = list(model.stream(request, jobs=1))
    assert [sound.conditions["pitch"] for sound in made] == [36, 48, 60] * 2
    rest = [{name: value for name, value in sound.conditions.items() if name != "pitch"} for sound in made]
    assert rest[0] == rest[1] == rest[2]
    other = list(model.stream(replace(request, sweep=Sweep("pitch", 60, 48, 2)), jobs=2))
    sounds, again = ([sound.audio.samples.tobytes() for sound in some] for some in (made, other))
    assert [sounds[2], sounds[1], sounds[5], sounds[4]] == again  # a step does not depend on the others
    assert len(set(sounds)) > 2  # discrete codes may stay as they are from one step to the next


def test_it_can_be_asked_for_a_descriptor_of_the_sounds_it_was_trained_on(
    system: str, train_tiny: Callable[..., Path], tmp_path: Path
) -> None:
    run = train_tiny(system, tmp_path / "run", steps=4, labels=["brightness"])
    model = load(run)
    conditions = {condition["name"]: condition for condition in model.conditions}
    assert set(conditions) == {"kind", "pitch", "brightness"}
    assert conditions["brightness"]["measured"]["zero"] < conditions["brightness"]["measured"]["one"]
    dark, bright = (sounds_of(model, count=1, conditions={"brightness": value}) for value in (0.1, 0.9))
    assert dark != bright
    with pytest.raises(ValueError, match="outside the trained range 0 to 1"):
        model.generate(count=1, conditions={"brightness": 1.2})
    train_tiny(system, run, steps=6, resume=True, preset=None)


def test_a_prompt_is_kept_bit_by_bit_or_refused_with_a_sentence(model: Model) -> None:
    rng = np.random.default_rng(0)
    given = (0.2 * rng.standard_normal((1, 1700)) * np.exp(-np.arange(1700) / 500)).astype(np.float32)
    asked = Request(count=2, prompt=Audio(given, model.sample_rate), seconds=0.4)
    if not model.system.continues:
        with pytest.raises(ValueError, match="cannot carry on from a prompt"):
            model.generate(asked)
        return
    for sound in model.generate(asked):
        assert sound.samples.shape == (1, 3200)
        assert np.array_equal(sound.samples[:, :1700], given)
        assert np.abs(sound.samples[:, 1700:]).max() > 1e-5


def test_a_variation_at_distance_0_is_the_sound_as_the_representation_keeps_it(model: Model, sounds: Path) -> None:
    if not model.system.resembles:
        with pytest.raises(ValueError, match="cannot vary a given sound"):
            model.generate(count=1, like=(sounds / "thump-001.wav",))
        return
    given = sounds / "thump-001.wav"
    (same,), (far,) = (model.generate(count=1, like=(given,), distance=amount) for amount in (0.0, 1.0))
    assert distance(model, same, given) < 0.2 * distance(model, far, given)


def test_what_is_reconstructed_is_nearer_to_its_own_sound_than_to_another_or_there_is_none(
    model: Model, sounds: Path
) -> None:
    files = [sounds / "thump-001.wav", sounds / "hiss-004.wav"]
    given = torch.stack([torch.from_numpy(fit(read(file), model.system.samples).samples) for file in files])
    back = model.system.reconstruct(ClipBatch(given, torch.zeros(2, model.system.schema.width)))
    if back is None:
        return
    assert back.shape == given.shape
    assert torch.equal(back, model.system.reconstruct(ClipBatch(given, torch.zeros(2, model.system.schema.width))))
    for sound, own, other in zip(back, files, files[::-1], strict=True):
        audio = Audio(sound.numpy(), model.sample_rate)
        assert distance(model, audio, own) < 0.5 * distance(model, audio, other)


def test_a_path_begins_at_the_first_sound_and_ends_at_the_second(model: Model, sounds: Path) -> None:
    if not model.system.resembles:
        pytest.skip("this system makes no paths")
    ends = (sounds / "thump-001.wav", sounds / "hiss-004.wav")
    path = model.generate(count=5, like=ends)
    from_first, from_second = ([distance(model, sound, end) for sound in path] for end in ends)
    assert from_first[0] < 0.2 * from_first[-1]
    assert from_second[-1] < 0.2 * from_second[0]
    assert from_first == sorted(from_first)


def test_a_sound_does_not_depend_on_how_many_are_made_or_on_how_many_threads(model: Model) -> None:
    four, nine = sounds_of(model, count=4, seed=5, jobs=1), sounds_of(model, count=9, seed=5, jobs=1)
    assert four == nine[:4]
    assert sounds_of(model, count=9, seed=5, jobs=2) == nine
    assert len(set(nine)) == 9


def test_another_seed_makes_other_sounds(model: Model) -> None:
    assert not set(sounds_of(model, count=3, seed=5)) & set(sounds_of(model, count=3, seed=6))


def test_a_prompted_sound_does_not_depend_on_threads_either(model: Model) -> None:
    if not model.system.continues:
        pytest.skip("this system does not carry on")
    prompt = Audio(np.sin(np.arange(1200) / 9)[None] * 0.3, model.sample_rate)
    assert sounds_of(model, count=2, prompt=prompt, jobs=1) == sounds_of(model, count=2, prompt=prompt, jobs=2)


def test_a_sound_that_is_stopped_says_so_or_is_whole(model: Model) -> None:
    stop, shares = threading.Event(), list[float]()
    whole = model.generate(count=2, seed=1, jobs=1)

    def stop_soon(done: float, everything: float) -> None:
        shares.append(done / everything)
        stop.set()

    made = list(model.stream(Request(count=2, seed=1), 1, on_progress=stop_soon, stop=stop))
    assert shares
    assert made or shares[-1] < 1
    for sound, expected in zip(made, whole, strict=False):
        samples = sound.audio.samples
        assert np.isfinite(samples).all()
        if samples.shape == expected.samples.shape:
            assert np.array_equal(samples, expected.samples)
        else:
            assert sound.remarks[-1] == f"stopped at {sound.audio.seconds:.2f} of {model.seconds:g} s"


def test_a_sound_may_be_as_long_as_the_model_says_and_no_longer(model: Model) -> None:
    assert model.longest_seconds >= model.seconds
    with pytest.raises(ValueError, match=f"makes 0.01 to {model.longest_seconds:g} s; ask within it"):
        model.generate(count=1, seconds=model.longest_seconds + 0.01)


def test_two_processes_end_with_equal_weights_and_with_those_of_one(
    system: str, sounds: Path, tmp_path: Path, train_tiny: Callable[..., Path]
) -> None:
    before, alone = (load_file(train_tiny(system, tmp_path / f"alone{steps}", steps=steps) / STATE) for steps in (1, 4))
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    subprocess.run(
        [*torchrun, str(HERE / "together.py"), system, str(sounds), str(tmp_path / "both"), "4"],
        check=True,
        capture_output=True,
        timeout=300,
    )
    first, second = (load_file(tmp_path / "both" / f"rank{rank}.safetensors") for rank in (0, 1))
    assert [key for key in first if not torch.equal(first[key], second[key])] == []
    for key, weight in first.items():
        expected = alone[f"system.{key}"]
        if torch.equal(weight, expected):
            continue
        # The halves of a batch round differently from the whole. Adam divides a gradient by its own size, so a weight
        # whose gradient is nearly 0 is moved by its rounding error: norms are compared, not single weights. Other
        # instruction sets cause errors of up to 0.001 of what training has changed.
        changed = (expected - before[f"system.{key}"]).norm()
        assert (weight - expected).norm() <= 0.02 * changed + 1e-5 * expected.norm(), key


def test_training_killed_at_random_moments_ends_with_the_same_weights(
    system: str, sounds: Path, tmp_path: Path, uninterrupted: Callable[[str], Path]
) -> None:
    kill_at = ["0", "3", "3", "8", "10"]  # in each of three stages
    done = subprocess.run(
        [
            sys.executable,
            str(HERE / "killing.py"),
            system,
            str(sounds),
            str(tmp_path / "run"),
            str(STEPS),
            "7",
            *kill_at,
        ],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        timeout=300,
    )
    assert json.loads(done.stdout) == [-signal.SIGKILL] * len(kill_at) + [0]
    assert_same_training(tmp_path / "run", uninterrupted(system))


def test_ctrl_c_saves_and_going_on_ends_with_the_same_weights(
    system: str,
    sounds: Path,
    tmp_path: Path,
    train_tiny: Callable[..., Path],
    uninterrupted: Callable[[str], Path],
) -> None:
    class Impatient:
        def step(self, report: StepReport) -> None:
            if report.step == 6:
                signal.raise_signal(signal.SIGINT)

        def message(self, text: str) -> None: ...

    from soundloom.training import train

    asked = {"preset": "tiny", "precision": "float32", "preview_seconds": 0.0, "steps": STEPS}
    outcome = train(system, sounds, out=tmp_path / "run", watcher=Impatient(), **asked)
    assert (outcome.finished, outcome.steps) == (False, 7)
    assert load(tmp_path / "run").generate(count=1)[0].peak > 0  # what was saved makes sounds
    assert train(system, sounds, out=tmp_path / "run", resume=True, **asked).finished
    assert_same_training(tmp_path / "run", uninterrupted(system))


def test_a_checkpoint_holds_settings_as_json_and_numbers_and_nothing_else(
    system: str, trained: Callable[[str], Path]
) -> None:
    run = trained(system)
    assert {path.suffix for path in run.rglob("*") if path.is_file()} <= {".json", ".jsonl", ".safetensors"}
    assert build(read_json(run / "config.json")).schema.names == ("kind", "pitch")
    for path in run.rglob("*.safetensors"):
        content = path.read_bytes()
        (size,) = struct.unpack("<Q", content[:8])
        header = json.loads(content[8 : 8 + size])
        ends = [entry["data_offsets"][1] for key, entry in header.items() if key != "__metadata__"]
        assert len(content) == 8 + size + max(ends)  # nothing hides behind the last tensor


def test_loading_and_generating_executes_nothing_that_came_with_the_checkpoint(
    system: str, trained: Callable[[str], Path]
) -> None:
    code = f"""
import sys
sys.path.append({str(HERE)!r})
import plugged
plugged.plug_in()
from soundloom.generation import load
load({str(trained(system))!r}).generate(count=1)       # all modules are in
seen = []
sys.addaudithook(lambda event, arguments: seen.append(event))
load({str(trained(system))!r})
loaders = ("pickle", "marshal", "import", "subprocess", "ctypes", "socket")
print([event for event in seen if event.split(".")[0] in loaders or event.startswith(("os.system", "os.exec"))])
print("open" in seen)
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=120)
    assert done.stdout.splitlines() == ["[]", "True"]
