"""From a request to a folder and back: request.json makes the same bytes again, and never says what is not so."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from soundloom.config import read_json, write_json
from soundloom.generate import Model, Request, load
from soundloom.render import PICTURE, SIDECAR, read_request, render


@pytest.fixture(scope="module")
def model(trained: Callable[[str], Path]) -> Model:
    return load(trained("vae"))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != PICTURE}


@pytest.mark.parametrize("format", ["wav", "flac", "ogg"])
def test_a_request_makes_the_same_bytes_again(format: str, model: Model, tmp_path: Path) -> None:
    request = Request(count=3, seconds=0.2, conditions={"kind": "hiss"}, temperature=0.9, seed=7)
    first = render(model, request, tmp_path / "first", format=format, picture=False, jobs=1)
    name, digest, again_as, again = read_request(tmp_path / "first" / SIDECAR)
    assert (name, digest, again_as, again) == (model.name, model.digest, format, request)
    render(model, again, tmp_path / "second", format=again_as, picture=False, jobs=2)
    assert contents(tmp_path / "first") == contents(tmp_path / "second")
    assert [path.name for path in first.files] == [f"vae-hiss-seed7-{number:03d}.{format}" for number in range(3)]


def test_a_prompted_request_makes_the_same_bytes_again(model: Model, sounds: Path, tmp_path: Path) -> None:
    import shutil

    prompt = tmp_path / "prompt.wav"
    samples, rate = soundfile.read(sounds / "thump-001.wav")
    soundfile.write(prompt, samples[:1500], rate)
    render(model, Request(count=2, prompt=str(prompt)), tmp_path / "first", picture=False)
    _, _, _, again = read_request(tmp_path / "first")  # the folder will do
    render(model, again, tmp_path / "second", picture=False)
    assert contents(tmp_path / "first") == contents(tmp_path / "second")
    shutil.copy(sounds / "hiss-002.wav", prompt)
    with pytest.raises(ValueError, match=r"prompt\.wav has changed since .* was written"):
        read_request(tmp_path / "first")


def test_the_sidecar_says_how_each_sound_was_made(model: Model, tmp_path: Path) -> None:
    rendered = render(model, Request(count=2, seed=3), tmp_path / "out", picture=False)
    said = json.loads((tmp_path / "out" / SIDECAR).read_text())
    assert said["model"] == {"name": model.name, "digest": model.digest}
    assert [entry["file"] for entry in said["files"]] == [path.name for path in rendered.files]
    for made, entry in zip(model.stream(Request(count=2, seed=3)), said["files"], strict=True):
        assert entry["conditions"] == made.conditions
        heard, rate = soundfile.read(tmp_path / "out" / entry["file"], dtype="float32")
        assert rate == model.sample_rate
        assert np.abs(heard - made.audio.samples[0].clip(-1, 1)).max() <= 2**-15


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
    assert read_request(tmp_path / "out")[3] == replace(request, **change)


def test_another_format_or_model_in_the_folder_is_refused_too(model: Model, tmp_path: Path) -> None:
    render(model, Request(count=1), tmp_path / "out", picture=False)
    with pytest.raises(ValueError, match="another request"):
        render(model, Request(count=1), tmp_path / "out", format="flac", picture=False)
    with pytest.raises(ValueError, match="another request"):
        render(model, Request(count=1), tmp_path / "out", picture=False, called="other")


def test_what_is_cut_short_leaves_no_sidecar_that_is_not_true(model: Model, tmp_path: Path) -> None:
    render(model, Request(count=2, seed=1), tmp_path / "out", picture=False)

    def interrupt(done: int) -> None:
        raise KeyboardInterrupt

    other = Request(count=2, seed=1, temperature=0.5)  # the same file names
    with pytest.raises(KeyboardInterrupt):
        render(model, other, tmp_path / "out", picture=False, replace=True, jobs=1, on_sound=interrupt)
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
    said = read_json(folder / SIDECAR)
    write_json(folder / SIDECAR, {**said, "files": [*said["files"], {"file": "../outside.wav"}]})
    done = render(model, Request(count=1, seed=2), folder, picture=False, replace=True)
    assert sorted(path.name for path in folder.iterdir()) == sorted([done.files[0].name, "mine.wav", SIDECAR])
    assert outside.exists()
