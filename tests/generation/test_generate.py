"""One door for all generation: what a model cannot do is refused with what it can do, and changes are reported."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from soundloom.audio import Audio, read
from soundloom.generation import Model, Request, load
from soundloom.generation.given_sounds import fingerprint
from soundloom.generation.record import from_dict, to_dict

RATE = 8000


@pytest.fixture(scope="module")
def model(trained: Callable[[str], Path]) -> Model:
    return load(trained("vae"))


def tone(samples: int = 1000, rate: int = RATE, channels: int = 1) -> Audio:
    wave = 0.3 * np.sin(2 * np.pi * 220 * np.arange(samples) / rate)
    return Audio(np.tile(wave, (channels, 1)), rate)


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"count": 0}, "count is 0 but must be 1 to 1000000"),
        ({"count": 10**7}, "count is 10000000 but must be 1 to"),
        ({"seconds": 0.6}, r"0.6 s was asked for but this model makes 0.01 to 0.5 s; ask within it"),
        ({"seconds": 0.001}, "makes 0.01 to 0.5 s"),
        ({"seconds": -1}, "makes 0.01 to 0.5 s"),
        ({"seconds": float("nan")}, "makes 0.01 to 0.5 s"),
        ({"temperature": -0.1}, "temperature is -0.1 but must be 0 to 2"),
        ({"temperature": 3}, "temperature is 3 but must be 0 to 2"),
        ({"temperature": float("nan")}, "temperature is nan but must be 0 to 2"),
        ({"distance": 2.5}, "distance is 2.5 but must be 0 to 2"),
        ({"seed": -1}, "seed is -1 but must be a whole number from 0"),
        ({"count": "2"}, "count is '2' but must be 1 to 1000000; give a whole number"),
        ({"count": 2.5}, "count is 2.5 but must be 1 to 1000000; give a whole number"),
        ({"count": True}, "count is True but must be 1 to 1000000; give a whole number"),
        ({"count": None}, "count is None but must be"),
        ({"seconds": "long"}, "'long' s was asked for but this model makes"),
        ({"seconds": True}, "True s was asked for but this model makes"),
        ({"temperature": "1"}, "temperature is '1' but must be 0 to 2"),
        ({"temperature": True}, "temperature is True but must be 0 to 2"),
        ({"distance": None}, "distance is None but must be 0 to 2"),
        ({"distance": float("nan")}, "distance is nan but must be 0 to 2"),
        ({"seed": 1.5}, "seed is 1.5 but must be a whole number"),
        ({"seed": "1"}, "seed is '1' but must be a whole number"),
        ({"seed": False}, "seed is False but must be a whole number"),
        ({"conditions": "kind=hiss"}, "conditions is 'kind=hiss' but must be names with values; give a dict"),
        ({"options": None}, "options is None but must be names with values; give a dict"),
        ({"prompt": 5}, "5 was given as a sound but is not one; give the path of a file, or Audio"),
        ({"like": (5,)}, "5 was given as a sound but is not one"),
        ({"like": None}, "like is None but must be one sound or two"),
        ({"seed": 2**63}, "but must be a whole number from 0"),
        ({"conditions": {"kind": "gong"}}, "kind=gong: the model knows no such kind; known: hiss, thump"),
        ({"conditions": {"pitch": 90}}, "pitch=90 is outside the trained range 36 to 63"),
        ({"conditions": {"knid": "hiss"}}, r"no condition 'knid'; did you mean 'kind'\?"),
        ({"options": {"piror": "normal"}}, r"no sampling option 'piror'; did you mean 'prior'\?"),
        ({"options": {"prior": "uniform"}}, r"prior=uniform: .*known: mixture, normal, sounds"),
        ({"options": {"residual_noise": "rough"}}, "residual_noise=rough but must be a number from 0 to 2"),
        ({"prompt": tone(4000)}, "the prompt lasts 0.50 s and the sound 0.50 s, so nothing is left to add"),
        ({"prompt": tone(2000), "seconds": 0.2}, "the prompt lasts 0.25 s and the sound 0.20 s"),
        ({"prompt": tone(0)}, "the given sound: no samples"),
        ({"prompt": Audio(np.full(100, np.nan), RATE)}, "the given sound: no samples, or some that are not finite"),
        ({"like": (Audio(np.full(100, np.inf), RATE),)}, "give another prompt or sound to be like"),
        ({"like": (tone(), tone(), tone())}, "3 sounds to be like; give one to vary or two to go between"),
        ({"like": (tone(),), "prompt": tone()}, "not both; leave one out"),
    ],
)
def test_what_the_model_cannot_do_is_refused_with_what_it_can(
    asked: dict[str, object], sentence: str, model: Model
) -> None:
    with pytest.raises(ValueError, match=sentence):
        model.generate(Request(**asked))


@pytest.mark.parametrize("name", ["prompt", "like"])
def test_a_given_file_that_is_no_sound_is_refused_by_name(name: str, model: Model, tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("no sound")
    path = tmp_path / "text.wav"
    with pytest.raises(ValueError, match=r"text\.wav"):
        model.generate(Request(count=1, **{name: path if name == "prompt" else (path,)}))


def test_a_prompt_of_another_rate_is_resampled_in_sight_and_kept(model: Model) -> None:
    (made,) = model.stream(Request(count=1, prompt=tone(4410, 44_100, 2)))
    remarks = " ".join(made.remarks)
    assert "2 channels mixed down to one" in remarks
    assert "resampled from 44100 to 8000 Hz, the model's rate" in remarks
    expected = 0.3 * np.sin(2 * np.pi * 220 * np.arange(800) / RATE)
    assert np.abs(made.audio.samples[0, 50:750] - expected[50:750]).max() < 5e-3


@pytest.mark.parametrize("samples", [1, 300, 511])
def test_a_prompt_shorter_than_a_window_is_refused(samples: int, model: Model) -> None:
    with pytest.raises(ValueError, match=r"needs 64 ms or more to continue it; give a longer one"):
        model.generate(count=1, prompt=tone(samples))


@pytest.mark.parametrize("samples", [512, 1300, 3999])
def test_prompts_of_any_length_are_kept(samples: int, model: Model) -> None:
    prompt = tone(samples)
    (made,) = model.generate(count=1, prompt=prompt)
    assert np.array_equal(made.samples[:, :samples], prompt.samples)
    assert np.isfinite(made.samples).all()


def test_a_silent_prompt_is_kept_too(model: Model) -> None:
    (made,) = model.generate(count=1, prompt=Audio(np.zeros(1000), RATE))
    assert not made.samples[:, :1000].any()
    assert np.isfinite(made.samples).all()


def test_a_prompt_goes_on_without_a_click(model: Model) -> None:
    prompt = tone(2000)
    for made in model.generate(count=3, prompt=prompt):
        steps = np.abs(np.diff(made.samples[0]))
        assert steps[1995:2005].max() < 4 * steps[:1990].max()


def test_two_ways_of_asking_are_one(model: Model) -> None:
    ours, theirs = model.generate(count=2, seed=9), model.generate(Request(count=2, seed=9))
    assert [sound.samples.tobytes() for sound in ours] == [sound.samples.tobytes() for sound in theirs]


def test_a_request_together_with_its_fields_is_refused(model: Model) -> None:
    with pytest.raises(ValueError, match="a request was given together with count, seed; put everything"):
        model.generate(Request(), count=3, seed=1)


@pytest.mark.parametrize("jobs", [0, -1, 1.5, True, "2"])
def test_jobs_that_cannot_be_are_refused(jobs: int, model: Model) -> None:
    with pytest.raises(ValueError, match="but must be a whole number from 1; leave it out for all processors"):
        model.generate(count=1, jobs=jobs)


def test_numbers_of_numpy_are_numbers(model: Model) -> None:
    request = Request(count=np.int64(1), seconds=np.float32(0.25), temperature=np.float64(0.5), seed=np.uint8(3))
    (ours,) = model.generate(request)
    (theirs,) = model.generate(count=1, seconds=0.25, temperature=0.5, seed=3)
    assert ours.samples.tobytes() == theirs.samples.tobytes()
    assert json.loads(json.dumps(to_dict(request)))["count"] == 1


def test_one_sound_to_be_like_needs_no_tuple(model: Model, sounds: Path) -> None:
    path = sounds / "hiss-002.wav"
    given = (str(path), path, read(path), [path])
    made = [model.generate(count=1, like=sound)[0].samples.tobytes() for sound in given]
    assert len(set(made)) == 1
    assert Request(like="x.wav").like == ("x.wav",)


def test_a_shorter_sound_ends_in_silence_and_not_in_a_click(model: Model) -> None:
    for sound in model.generate(count=4, seconds=0.1):
        assert sound.samples[0, -1] == 0


def test_a_model_says_what_it_makes(model: Model) -> None:
    assert (model.sample_rate, model.seconds) == (8000, 0.5)
    kind, pitch = model.conditions
    assert kind | {"kind": "category", "values": ["hiss", "thump"]} == kind
    assert pitch | {"kind": "scalar", "low": 36.0, "high": 63.0, "unit": "MIDI", "measured": None} == pitch
    assert set(model.options) == {"prior", "residual_noise"}


@pytest.mark.parametrize("jobs", [1, 3])
def test_generating_leaves_the_number_of_threads_as_it_was(jobs: int, model: Model) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        model.generate(count=2, jobs=jobs)
        assert threads_here_and_in_a_new_thread() == (2, 2)
        unfinished, other = model.stream(Request(count=40), jobs), model.stream(Request(count=2), jobs)
        next(unfinished)
        assert torch.get_num_threads() == 2, "a stream that is half read"
        next(other)
        unfinished.close()
        list(other)
        assert threads_here_and_in_a_new_thread() == (2, 2)
    finally:
        torch.set_num_threads(before)


def threads_here_and_in_a_new_thread() -> tuple[int, int]:
    with ThreadPoolExecutor(1) as pool:
        return torch.get_num_threads(), pool.submit(torch.get_num_threads).result()


def test_clips_are_made_on_one_thread_while_other_requests_begin_and_end(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, make = [], type(model.system).sample

    def watched(*arguments: Any, **more: Any) -> Any:
        made = make(*arguments, **more)
        seen.append(torch.get_num_threads())
        return made

    monkeypatch.setattr(type(model.system), "sample", watched)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with ThreadPoolExecutor(3) as pool:
            list(pool.map(lambda count: model.generate(count=count, jobs=2), (1, 6, 3, 1)))
        assert seen == [1] * 11
        assert threads_here_and_in_a_new_thread() == (2, 2)
    finally:
        torch.set_num_threads(before)


def test_generating_leaves_the_global_random_numbers_and_the_weights_alone(model: Model) -> None:
    torch.manual_seed(0)
    before, weights = torch.get_rng_state(), {k: v.clone() for k, v in model.system.state_dict().items()}
    model.generate(count=2, prompt=tone())
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(weights[key], value) for key, value in model.system.state_dict().items())


def test_a_request_comes_back_from_json_values_as_it_was(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "given.wav", tone().samples[0], RATE)
    path = str(tmp_path / "given.wav")
    request = Request(3, 0.2, {"kind": "hiss", "pitch": 40.0}, path, (), 0.3, 0.9, 77, {"prior": "normal"})
    assert from_dict(to_dict(request), "request.json") == request
    assert to_dict(request)["sounds"] == {path: fingerprint(path)}


def test_a_request_with_a_sound_in_memory_is_recorded_by_its_hash_and_repeated_with_the_sound() -> None:
    sound = tone()
    for request in (Request(prompt=sound), Request(like=(sound,))):
        written = json.loads(json.dumps(to_dict(request)))
        assert list(written["sounds"].values()) == [fingerprint(sound)]
        assert from_dict(written, "request.json", {fingerprint(sound): sound}) == request
        with pytest.raises(ValueError, match=rf"made with a sound in memory \(hash {fingerprint(sound)}\)"):
            from_dict(written, "request.json", {fingerprint(tone(1200)): tone(1200)})


def test_a_request_refuses_sounds_that_have_changed_or_gone(tmp_path: Path) -> None:
    path = tmp_path / "given.wav"
    soundfile.write(path, tone().samples[0], RATE)
    written = to_dict(Request(like=(str(path),)))
    soundfile.write(path, tone(1200).samples[0], RATE)
    with pytest.raises(ValueError, match=r"given\.wav has changed since request\.json was written"):
        from_dict(written, "request.json")
    path.unlink()
    with pytest.raises(ValueError, match=r"names the sound .*given\.wav, which is not there; run it where"):
        from_dict(written, "request.json")


@pytest.mark.parametrize(
    "change",
    [
        {"count": "many"},
        {"count": None},
        {"seconds": "long"},
        {"conditions": 5},
        {"prompt": 5},
        {"like": 5},
        {"like": [5]},
        {"seed": "x"},
        {"options": None},
        {"sounds": 3},
        {"sounds": {"a": 1}},
        {"distance": []},
    ],
)
def test_a_request_that_soundloom_did_not_write_is_refused_by_name(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"request\.json"):
        from_dict({**to_dict(Request()), **change}, "request.json")
    for name in to_dict(Request()):
        with pytest.raises(ValueError, match=r"request\.json is not a request that soundloom wrote"):
            from_dict({key: value for key, value in to_dict(Request()).items() if key != name}, "request.json")


def test_a_sound_that_is_given_is_read_as_its_file_says(model: Model, sounds: Path) -> None:
    path = sounds / "hiss-002.wav"
    by_name, by_value = model.generate(count=1, like=(str(path),)), model.generate(count=1, like=(read(path),))
    assert np.array_equal(by_name[0].samples, by_value[0].samples)
