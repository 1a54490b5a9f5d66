"""Checkpoints: what is damaged, foreign or hostile is refused in one sentence that names the file."""

from __future__ import annotations

import errno
import json
import os
import pickle
import random
import shutil
import sys
import types
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from soundloom.checkpoints import checkpoint
from soundloom.checkpoints.checkpoint import CONFIG, WEIGHTS
from soundloom.generation import Request, generate_from, load
from soundloom.runtime.files import read_json, write_json

NEXT_MOVE = r"(;|did you mean|known:)"


@pytest.fixture(scope="module")
def run(trained: Callable[[str], Path]) -> Path:
    return trained("vae")


@pytest.fixture
def copy(run: Path, tmp_path: Path) -> Path:
    """Config and weights alone: all that generation needs."""
    folder = tmp_path / "model"
    folder.mkdir()
    for name in (CONFIG, WEIGHTS):
        shutil.copy(run / name, folder)
    return folder


def test_a_checkpoint_is_two_files_and_needs_nothing_else(run: Path, copy: Path) -> None:
    ours, theirs = (load(path).generate(count=1)[0].samples for path in (run, copy))
    assert np.array_equal(ours, theirs)


def test_the_digest_is_that_of_the_content_and_not_of_the_place(run: Path, copy: Path) -> None:
    assert load(copy).digest == load(run).digest
    weights = load_file(copy / WEIGHTS)
    weights["observation.noise"] += 1e-3
    save_file(weights, copy / WEIGHTS)
    assert load(copy).digest != load(run).digest


def test_large_weights_can_be_kept_in_half_the_bits(run: Path, tmp_path: Path) -> None:
    system = load(run).system
    checkpoint.save(tmp_path / "half", system, "vae", half=True)
    kept = load_file(tmp_path / "half" / WEIGHTS)
    assert (
        {key for key, value in kept.items() if value.dtype == torch.float16}
        == {key for key, value in system.state_dict().items() if value.numel() > 4096}
        != set()
    )
    before, after = system.state_dict(), load(tmp_path / "half").system.state_dict()
    for key, value in before.items():
        torch.testing.assert_close(after[key], value, rtol=2**-11, atol=1e-6)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.01, 0.5, 0.999])
def test_truncated_weights_are_refused_by_name(share: float, copy: Path) -> None:
    content = (copy / WEIGHTS).read_bytes()
    (copy / WEIGHTS).write_bytes(content[: int(share * len(content))])
    with pytest.raises(ValueError, match=r"weights\.safetensors is damaged .*; copy it again"):
        load(copy)


@pytest.mark.parametrize("content", [b"\x80\x04N.", b"RIFF    WAVE", b"\xff" * 100, pickle.dumps({"a": 1}) * 50])
def test_weights_that_are_something_else_are_refused_by_name(content: bytes, copy: Path) -> None:
    (copy / WEIGHTS).write_bytes(content)
    with pytest.raises(ValueError, match=r"weights\.safetensors is damaged"):
        load(copy)


def test_missing_weights_are_refused_by_name(copy: Path) -> None:
    (copy / WEIGHTS).unlink()
    with pytest.raises(ValueError, match=r"model holds no readable weights\.safetensors; training had not saved yet"):
        load(copy)


def test_weights_of_another_model_are_refused_by_both_names(copy: Path) -> None:
    weights = load_file(copy / WEIGHTS)
    save_file({key: value for key, value in weights.items() if "mixture" not in key}, copy / WEIGHTS)
    with pytest.raises(ValueError, match=r"weights\.safetensors does not fit .*config\.json .*mixture.*; both must"):
        load(copy)
    save_file({**weights, "extra": torch.zeros(1)}, copy / WEIGHTS)
    with pytest.raises(ValueError, match=r"does not fit .*extra"):
        load(copy)
    save_file({**weights, "mixture.means": torch.zeros(2, 2)}, copy / WEIGHTS)
    with pytest.raises(ValueError, match=r"does not fit .*mixture\.means"):
        load(copy)


def test_a_folder_without_a_model_is_refused_with_the_next_move(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"holds no config\.json, so it is no run folder; train into it, or name"):
        load(tmp_path)
    with pytest.raises(ValueError, match=r"no model 'nowhere': neither a run folder nor a shipped model; "):
        load("nowhere")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"format": 2}, r"has format 2 but this version reads 1; update soundloom"),
        ({"format": "1"}, r"has format 1 but this version reads 1|update soundloom"),
        ({"system": "vea"}, r"no system 'vea'; did you mean 'vae'"),
        ({"system": "../../etc"}, "no system"),
        ({"system": ["vae"]}, NEXT_MOVE),
        ({"settings": 5}, NEXT_MOVE),
        ({"settings": {"latnet": 3}}, r"no setting 'latnet'; did you mean 'latent'"),
        ({"settings": {"latent": -4}}, NEXT_MOVE),
        ({"settings": {"widths": []}}, NEXT_MOVE),
        ({"settings": {"latent": 10**15}}, NEXT_MOVE),
        ({"settings": {"seconds": 0}}, NEXT_MOVE),
        ({"settings": {"seconds": "NaN"}}, NEXT_MOVE),
        ({"representation": 5}, NEXT_MOVE),
        ({"representation": {"kind": "mle"}}, r"no representation 'mle'; did you mean 'mel'"),
        ({"representation": {"kind": "mel"}}, "sample_rate"),
        ({"representation": {"kind": ["mel"]}}, NEXT_MOVE),
        ({"representation": {"kind": "mel", "sample_rate": -1}}, "."),
        ({"schema": {"conditions": [{"type": "category", "name": "kind", "values": []}]}}, "."),
        ({"schema": {"conditions": [{"type": "scalar", "name": "pitch", "knots": []}]}}, "."),
        ({"schema": {"conditions": [{"type": "code", "name": "kind"}]}}, "conditions"),
        ({"schema": []}, NEXT_MOVE),
        ({"schema": None}, NEXT_MOVE),
    ],
)
def test_a_config_that_describes_no_model_of_ours_is_refused(
    change: dict[str, object], sentence: str, copy: Path
) -> None:
    write_json(copy / CONFIG, {**read_json(copy / CONFIG), **change})
    with pytest.raises(ValueError, match=sentence):
        load(copy)


@pytest.mark.parametrize("content", [b"[]", b"null", b"5", b'"text"', b"{}", b"{", b"\xff\xfe\x00", b""])
def test_a_config_that_is_no_description_is_refused_by_name(content: bytes, copy: Path) -> None:
    (copy / CONFIG).write_bytes(content)
    with pytest.raises(ValueError, match=r"config\.json .*; (name a folder|restore it)"):
        load(copy)


@pytest.mark.parametrize("seed", range(60))
def test_any_damage_is_one_refusal_or_a_model_that_still_makes_sounds(seed: int, copy: Path) -> None:
    rng = random.Random(seed)
    name = rng.choice((CONFIG, CONFIG, WEIGHTS))
    content = bytearray((copy / name).read_bytes())
    reach = len(content) if name == CONFIG else 3000  # beyond its header, weights are numbers of any value
    for _ in range(rng.choice((1, 1, 3, 20))):
        place = rng.randrange(min(reach, len(content)))
        match rng.randrange(3):
            case 0:
                content[place] = rng.randrange(256)
            case 1:
                content[place] ^= 1 << rng.randrange(8)
            case 2:
                del content[place : place + rng.randrange(1, 9)]
    (copy / name).write_bytes(content)
    sentence = ""
    try:
        model = load(copy)
        list(generate_from(model.system, Request(count=1)))
    except ValueError as error:  # anything else would be a traceback for the user
        sentence = str(error)
    assert "\n" not in sentence.strip()


class Hostile:
    """A pickle that would leave a trace if anything read it as one."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return os.mkdir, (str(self.trace),)


@pytest.mark.parametrize("as_torch", [True, False])
def test_a_pickle_in_place_of_the_weights_is_never_run(as_torch: bool, copy: Path, tmp_path: Path) -> None:
    trace = tmp_path / "executed"
    if as_torch:
        torch.save({"weights": Hostile(trace)}, copy / WEIGHTS)
    else:
        (copy / WEIGHTS).write_bytes(pickle.dumps(Hostile(trace)))
    with pytest.raises(ValueError, match="is damaged"):
        load(copy)
    assert not trace.exists()
    pickle.loads(pickle.dumps(Hostile(trace)))  # it would have
    assert trace.exists()


@pytest.mark.parametrize("fails_at", [0, 1])
def test_a_save_that_fails_leaves_the_old_model(fails_at: int, copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = load(copy)
    expected = model.generate(count=1)[0].samples
    replace, writes = os.replace, iter(range(9))

    def full(source: str, target: str) -> None:
        if next(writes) >= fails_at:
            raise OSError(errno.ENOSPC, "No space left on device", str(target))
        replace(source, target)

    with torch.no_grad():
        for parameter in model.system.parameters():
            parameter += 1.0
    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        checkpoint.save(copy, model.system, "vae")
    monkeypatch.undo()
    assert np.array_equal(load(copy).generate(count=1)[0].samples, expected)
    assert sorted(path.name for path in copy.iterdir()) == sorted((CONFIG, WEIGHTS))


def test_what_is_described_is_built_again(run: Path) -> None:
    system = load(run).system
    description = json.loads(json.dumps(checkpoint.describe(system, "vae")))
    again = checkpoint.build(description)
    assert (again.config, again.representation, again.schema) == (system.config, system.representation, system.schema)


def test_a_model_on_the_hub_is_downloaded_once_and_loaded_like_a_folder(trained, monkeypatch):
    asked = []

    def snapshot_download(repository: str, allow_patterns: list[str]) -> str:
        asked.append((repository, allow_patterns))
        return str(trained("vae"))

    module = types.ModuleType("huggingface_hub")
    module.snapshot_download = snapshot_download
    monkeypatch.setitem(sys.modules, "huggingface_hub", module)
    assert checkpoint.load("hf://someone/drums").digest == checkpoint.load(trained("vae")).digest
    assert asked[0][0] == "someone/drums"
    assert checkpoint.WEIGHTS in asked[0][1]


def test_without_the_hub_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ValueError, match=r"soundloom\[hub\]"):
        checkpoint.locate("hf://someone/drums")
