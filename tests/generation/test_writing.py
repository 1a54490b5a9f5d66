"""From a request to a folder and back: request.json makes the same bytes again, and never claims what is not so."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from matplotlib.image import imread

from commands import refused
from slow import slow_model
from soundloom.audio import Audio, read, write
from soundloom.generation import Model, Request, load
from soundloom.generation.given_sounds import fingerprint
from soundloom.generation.results import Results
from soundloom.generation.sidecar import SIDECAR, read_request
from soundloom.generation.writing import PICTURE, Rendered, render
from soundloom.runtime.files import read_json, write_json


@pytest.fixture(scope="module")
def model(trained: Callable[[str], Path]) -> Model:
    return load(trained("vae"))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != PICTURE}


@pytest.mark.parametrize("format", ["wav", "flac", "ogg"])
def test_a_request_makes_the_same_bytes_again(format: str, model: Model, tmp_path: Path) -> None:
    request = Request(count=3, seconds=0.2, conditions={"kind": "hiss"}, temperature=0.9, seed=7)
    first = render(model, request, tmp_path / "first", format=format, picture=False, jobs=1)
    written = read_request(tmp_path / "first" / SIDECAR)
    assert written == (model.name, model.digest, format, request, False)
    render(model, written.request, tmp_path / "second", format=written.format, picture=False, jobs=2)
    assert contents(tmp_path / "first") == contents(tmp_path / "second")
    assert [path.name for path in first.files] == [f"vae-hiss-seed7-{number:03d}.{format}" for number in range(3)]


def test_a_prompted_request_makes_the_same_bytes_again(model: Model, sounds: Path, tmp_path: Path) -> None:
    import shutil

    prompt = tmp_path / "prompt.wav"
    samples, rate = soundfile.read(sounds / "thump-001.wav")
    soundfile.write(prompt, samples[:1500], rate)
    render(model, Request(count=2, prompt=str(prompt)), tmp_path / "first", picture=False)
    again = read_request(tmp_path / "first").request  # the folder will do
    render(model, again, tmp_path / "second", picture=False)
    assert contents(tmp_path / "first") == contents(tmp_path / "second")
    shutil.copy(sounds / "hiss-002.wav", prompt)
    with pytest.raises(ValueError, match=r"prompt\.wav has changed since .* was written"):
        read_request(tmp_path / "first")


def in_memory(path: Path, samples: int) -> Audio:
    sound = read(path)
    return Audio(sound.samples[:, :samples], sound.sample_rate)


@pytest.mark.parametrize("given", ["prompt", "like"])
def test_a_sound_in_memory_is_recorded_by_its_hash_and_repeated_with_the_sound(given, model, sounds, tmp_path):
    sound, other = (in_memory(sounds / "thump-001.wav", length) for length in (1500, 1499))
    request = Request(count=2, **{given: sound if given == "prompt" else (sound,)})
    render(model, request, tmp_path / "first", picture=False)
    content = read_json(tmp_path / "first" / SIDECAR)["request"]
    assert content["sounds"] == {f"memory:{fingerprint(sound)}": fingerprint(sound)}
    render(model, read_request(tmp_path / "first", [other, sound]).request, tmp_path / "second", picture=False)
    assert contents(tmp_path / "first") == contents(tmp_path / "second")
    for sounds_at_hand in ((), (other,)):
        with pytest.raises(
            ValueError, match=r"was made with a sound in memory \(hash .*\), which is in no file; repeat"
        ):
            read_request(tmp_path / "first", sounds_at_hand)


def test_a_request_with_a_sound_in_memory_may_be_repeated_in_its_folder_and_no_other(model, sounds, tmp_path):
    sound, other = (in_memory(sounds / "thump-001.wav", length) for length in (1500, 1499))
    for _ in range(2):
        assert len(render(model, Request(count=2, prompt=sound), tmp_path, picture=False).files) == 2
    with pytest.raises(ValueError, match="holds the sounds of another request"):
        render(model, Request(count=2, prompt=other), tmp_path, picture=False)


def test_the_command_cannot_repeat_a_sound_in_memory_and_says_why(model, capsys, sounds, tmp_path):
    render(model, Request(count=1, prompt=in_memory(sounds / "thump-001.wav", 1500)), tmp_path / "out", picture=False)
    sentence = refused(capsys, "generate", "--again", tmp_path / "out", "--out", tmp_path / "again")
    assert "was made with a sound in memory" in sentence
    assert "repeat it from the program that has the sound" in sentence
    assert not (tmp_path / "again").exists()


def test_the_sidecar_says_how_each_sound_was_made(model: Model, tmp_path: Path) -> None:
    rendered = render(model, Request(count=2, seed=3), tmp_path / "out", picture=False)
    content = json.loads((tmp_path / "out" / SIDECAR).read_text())
    assert content["model"] == {"name": model.name, "digest": model.digest}
    assert [entry["file"] for entry in content["files"]] == [path.name for path in rendered.files]
    for made, entry in zip(model.stream(Request(count=2, seed=3)), content["files"], strict=True):
        assert entry["conditions"] == made.conditions
        samples, rate = soundfile.read(tmp_path / "out" / entry["file"], dtype="float32")
        assert rate == model.sample_rate
        assert np.abs(samples - made.audio.samples[0].clip(-1, 1)).max() <= 2**-15


def test_the_picture_is_a_png(model: Model, tmp_path: Path) -> None:
    rendered = render(model, Request(count=2), tmp_path / "out")
    assert rendered.picture == tmp_path / "out" / PICTURE
    assert rendered.picture.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_the_same_request_may_be_repeated_in_its_folder(model: Model, tmp_path: Path) -> None:
    for _ in range(2):
        render(model, Request(count=2, conditions={"pitch": 40}), tmp_path / "out", picture=False)
    assert len(list((tmp_path / "out").glob("*.wav"))) == 2


@pytest.mark.parametrize("change", [{"seed": 2}, {"count": 3}, {"conditions": {"kind": "thump"}}, {"temperature": 0.5}])
def test_another_request_in_the_folder_is_refused_unless_it_may_replace(
    change: dict[str, object], model: Model, tmp_path: Path
) -> None:
    request = Request(count=2, seed=1)
    render(model, request, tmp_path / "out", picture=False)
    before = contents(tmp_path / "out")
    with pytest.raises(ValueError, match=r"holds the sounds of another request, .* or add --replace"):
        render(model, replace(request, **change), tmp_path / "out", picture=False)
    assert contents(tmp_path / "out") == before
    render(model, replace(request, **change), tmp_path / "out", picture=False, replace=True)
    assert read_request(tmp_path / "out").request == replace(request, **change)


def test_another_format_or_model_in_the_folder_is_refused_too(model: Model, tmp_path: Path) -> None:
    render(model, Request(count=1), tmp_path / "out", picture=False)
    with pytest.raises(ValueError, match="another request"):
        render(model, Request(count=1), tmp_path / "out", format="flac", picture=False)
    with pytest.raises(ValueError, match="another request"):
        render(model, Request(count=1), tmp_path / "out", picture=False, called="other")


def test_what_is_cut_short_leaves_no_sidecar_that_is_not_true(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    render(model, Request(count=2, seed=1), tmp_path / "out", picture=False)
    written: list[str | None] = []

    def impatient(*arguments: Any) -> str | None:
        if written:
            raise KeyboardInterrupt
        written.append(write(*arguments))
        return written[0]

    monkeypatch.setattr("soundloom.generation.results.write", impatient)
    other = Request(count=2, seed=1, temperature=0.5)  # the same file names
    with pytest.raises(KeyboardInterrupt):
        render(model, other, tmp_path / "out", picture=False, replace=True, jobs=1)
    assert not (tmp_path / "out" / SIDECAR).exists()


@pytest.mark.parametrize("content", ["[]", "5", "{}", '{"model": {}}', '{"model": 3}', "{", "null"])
def test_a_sidecar_that_is_not_ours_is_refused_by_name(content: str, model: Model, tmp_path: Path) -> None:
    (tmp_path / SIDECAR).write_text(content)
    with pytest.raises(ValueError, match=r"request\.json is not (a request|readable JSON)"):
        read_request(tmp_path)
    with pytest.raises(ValueError, match=r"request\.json|another request"):
        render(model, Request(count=1), tmp_path, picture=False)


def test_a_request_that_is_not_there_is_refused_with_the_next_move(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"is not there; --again takes a request\.json or the folder that holds it"):
        read_request(tmp_path / "nowhere.json")


def test_a_file_in_place_of_the_folder_is_refused(model: Model, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(ValueError, match="is a file; name another folder with --out"):
        render(model, Request(count=1), tmp_path / "out")
    assert (tmp_path / "out").read_text() == "a file"


def test_a_refused_request_writes_nothing(model: Model, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="temperature"):
        render(model, Request(count=1, temperature=9), tmp_path / "out")
    with pytest.raises(ValueError, match="count is '1' but must be"):
        render(model, Request(count="1"), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_replacing_removes_the_sounds_of_the_old_request_and_nothing_else(tmp_path, trained):
    model, folder = load(trained("vae")), tmp_path / "out"
    render(model, Request(count=3, seed=1), folder, picture=False)
    (folder / "mine.wav").write_bytes(b"kept")
    outside = tmp_path / "outside.wav"
    outside.write_bytes(b"kept")
    content = read_json(folder / SIDECAR)
    write_json(folder / SIDECAR, {**content, "files": [*content["files"], {"file": "../outside.wav"}]})
    done = render(model, Request(count=1, seed=2), folder, picture=False, replace=True)
    assert sorted(path.name for path in folder.iterdir()) == sorted([done.files[0].name, "mine.wav", SIDECAR])
    assert outside.exists()


class StopAt:
    """Sets a stop before a block of samples, counted from 1 over all sounds."""

    def __init__(self, block: int) -> None:
        self.left, self.stop = block, threading.Event()

    def __call__(self) -> None:
        self.left -= 1
        if self.left == 0:
            self.stop.set()


def rendered_until(block: int, request: Request, folder: Path, **more: object) -> Rendered:
    """What is written of a request, one sound of eight blocks after another, when it is stopped in that block."""
    at = StopAt(block)
    return render(slow_model(before_block=at), request, folder, jobs=1, stop=at.stop, **more)


def test_what_is_done_when_it_is_stopped_is_written_and_reported(tmp_path):
    request, out = Request(count=4, seed=1), tmp_path / "out"
    whole = render(slow_model(), request, tmp_path / "whole")
    done = rendered_until(8 + 8 + 3, request, out)
    assert done.stopped == "3 of 4 sounds, one of them 0.04 of 0.1 s"
    assert done.remarks == ()
    assert (imread(done.picture) == 1).mean() > (imread(whole.picture) == 1).mean() + 0.1  # white where one is missing
    assert whole.stopped is None
    assert [path.name for path in done.files] == [path.name for path in whole.files[:3]]
    for cut, path in zip(done.files, whole.files, strict=False):
        samples, expected = soundfile.read(cut)[0], soundfile.read(path)[0]
        assert np.array_equal(samples, expected[: len(samples)])
        assert len(samples) == (300 if path == whole.files[2] else 800)
    content, of_whole = read_json(out / SIDECAR), read_json(tmp_path / "whole" / SIDECAR)
    assert content.pop("stopped") is True
    assert content["files"].pop(2) == {**of_whole["files"][2], "seconds": 300 / 8000}
    assert content["files"] == of_whole["files"][:2]
    assert {**content, "files": ()} == {**of_whole, "files": ()}
    assert (read_request(out).stopped, read_request(tmp_path / "whole").stopped) == (True, False)


def test_one_sound_that_is_stopped_says_how_long_it_is(tmp_path):
    assert rendered_until(3, Request(count=1, seconds=2), tmp_path).stopped == "0.04 of 2 s"


def test_sounds_that_are_stopped_together_say_the_range_of_their_lengths(tmp_path):
    at = StopAt(9)
    done = render(slow_model(batch_size=2, before_block=at), Request(count=4), tmp_path, jobs=1, stop=at.stop)
    assert done.stopped == "4 of 4 sounds, 2 of them 0.01 of 0.1 s"
    results = Results(tmp_path, "wav", {}, picture=False)
    results.entries = [{"file": "", "conditions": {}, "seconds": seconds} for seconds in (0.5, 0.25)]
    assert results.how_far(8, 2.0) == "2 of 8 sounds, 2 of them 0.25 to 0.50 of 2 s"


def test_stopped_between_sounds_none_is_cut(tmp_path):
    stop = threading.Event()

    def after_two(done: float, everything: float) -> None:
        if done >= 0.2:
            stop.set()

    done = render(slow_model(), Request(count=4), tmp_path, jobs=1, on_progress=after_two, stop=stop)
    assert done.stopped == "2 of 4 sounds"
    assert [soundfile.info(path).frames for path in done.files] == [800, 800]


def test_a_stop_after_the_last_sample_changes_nothing(tmp_path):
    done = rendered_until(16, Request(count=2), tmp_path)
    assert done.stopped is None
    assert "stopped" not in read_json(tmp_path / SIDECAR)


@pytest.mark.parametrize("replace", [False, True])
def test_stopped_before_anything_is_done_everything_stays_as_it_was(replace, tmp_path):
    stop = threading.Event()
    stop.set()
    render(slow_model(), Request(count=2), tmp_path / "out", picture=False)
    before = contents(tmp_path / "out")
    done = render(slow_model(), Request(count=2), tmp_path / "out", replace=replace, stop=stop)
    assert (done.files, done.picture, done.stopped) == ((), None, "0 of 2 sounds; nothing was written")
    assert contents(tmp_path / "out") == before
    assert render(slow_model(), Request(count=2), tmp_path / "new", stop=stop).files == ()
    assert not (tmp_path / "new").exists()


def test_a_request_that_was_stopped_is_made_whole_by_repeating_it(tmp_path):
    request = Request(count=4, seed=1)
    whole = render(slow_model(), request, tmp_path / "whole")
    rendered_until(11, request, tmp_path / "out")
    assert len(contents(tmp_path / "out")) == 3  # two sounds and the request
    again = render(slow_model(), read_request(tmp_path / "out").request, tmp_path / "out")
    assert (again.stopped, len(again.files)) == (None, 4)
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")
    assert (tmp_path / "out" / PICTURE).read_bytes() == whole.picture.read_bytes()


@pytest.mark.parametrize("before", [32, 11])
def test_a_repetition_that_is_stopped_earlier_takes_nothing_away(before, tmp_path):
    request, out = Request(count=4, seed=1), tmp_path / "out"
    first = rendered_until(before, request, out)
    kept, picture = contents(out), imread(out / PICTURE)
    for block in (3, 10):
        again = rendered_until(block, request, out)
        assert again.files == first.files
        assert again.stopped.startswith(f"{len(first.files)} of 4 sounds")
        assert contents(out) == kept
        assert np.abs(imread(out / PICTURE) - picture).mean() < 1e-3  # drawn from files of 16 bits
    assert read_request(out).stopped == (before < 32)


def test_names_in_a_request_that_soundloom_did_not_write_are_let_be(tmp_path):
    request, out = Request(count=2, seed=1), tmp_path / "out"
    render(slow_model(), request, out, picture=False)
    (tmp_path / "mine.wav").write_bytes(b"mine")
    content = read_json(out / SIDECAR)
    odd = [5, {}, {"file": "../mine.wav", "conditions": {}}, {**content["files"][1], "seconds": "long"}, {"file": "x"}]
    for files in (5, odd):
        write_json(out / SIDECAR, {**content, "files": files})
        assert len(rendered_until(3, request, out).files) == 1
        render(slow_model(), request, out, picture=False)
    assert (tmp_path / "mine.wav").read_bytes() == b"mine"
