"""CLAP with a stand-in for transformers, which tests do without: what it is asked for, and what is made of its answers.

The stand-in keeps the names and shapes of transformers 4 and 5, and pads as they do; its network is a fixed matrix.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from soundloom.metrics.embeddings import Missing, load
from soundloom.metrics.embeddings.clap import window_starts

RATE, WINDOW, WIDTH = 480, 4800, 5  # a hundredth of the true rate, 10 s


class Features:
    sampling_rate, nb_max_samples = RATE, WINDOW

    def __call__(self, sounds: list[np.ndarray], sampling_rate: int, padding: str, return_tensors: str) -> Any:
        assert (sampling_rate, padding, return_tensors) == (RATE, "repeatpad", "pt")
        assert all(1 <= len(sound) <= WINDOW for sound in sounds)  # longer ones would be cut at random
        repeated = [np.tile(sound, WINDOW // len(sound)) for sound in sounds]
        padded = np.stack([np.pad(sound, (0, WINDOW - len(sound))) for sound in repeated])
        return SimpleNamespace(input_features=torch.from_numpy(padded.astype(np.float64)))


class Network(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weights = torch.nn.Parameter(torch.randn(WINDOW, WIDTH, generator=torch.Generator().manual_seed(0)))

    def forward(self, input_features: torch.Tensor, is_longer: torch.Tensor) -> Any:
        assert is_longer.shape == (len(input_features), 1)
        assert not is_longer.any()
        return SimpleNamespace(audio_embeds=input_features @ self.weights)


class StandIn(ModuleType):
    """As much of transformers as is asked for."""

    def __init__(self) -> None:
        super().__init__("transformers")
        self.asked: list[tuple[Path, dict[str, Any]]] = []
        self.missing_keys: set[str] = set()
        self.trouble: Exception | None = None
        self.calls: list[object] = []
        self.ClapFeatureExtractor = SimpleNamespace(from_pretrained=self._features)
        self.ClapAudioModelWithProjection = SimpleNamespace(from_pretrained=self._network)
        self.logging = SimpleNamespace(
            get_verbosity=lambda: 30,
            set_verbosity=self.calls.append,
            set_verbosity_error=lambda: self.calls.append("errors only"),
            is_progress_bar_enabled=lambda: True,
            disable_progress_bar=lambda: self.calls.append("no bar"),
            enable_progress_bar=lambda: self.calls.append("bar"),
        )

    def _features(self, folder: Path, **settings: Any) -> Features:
        self.asked.append((folder, settings))
        if self.trouble:
            raise self.trouble
        return Features()

    def _network(self, folder: Path, **settings: Any) -> tuple[Network, dict[str, Any]]:
        self.asked.append((folder, settings))
        return Network(), {"missing_keys": self.missing_keys, "unexpected_keys": {"text_model.whatever"}}


@pytest.fixture
def transformers(monkeypatch: pytest.MonkeyPatch) -> StandIn:
    stand_in = StandIn()
    monkeypatch.setitem(sys.modules, "transformers", stand_in)
    return stand_in


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return filled(tmp_path / "model", monkeypatch)


def filled(path: Path, monkeypatch: pytest.MonkeyPatch, kind: str = "clap", weights: bytes = b"numbers") -> Path:
    """A folder that looks like a CLAP from outside, named as the variable asks."""
    path.mkdir()
    (path / "config.json").write_text(json.dumps({"model_type": kind}))
    (path / "preprocessor_config.json").write_text("{}")
    (path / "model.safetensors").write_bytes(weights)
    monkeypatch.setenv("SOUNDLOOM_CLAP", str(path))
    return path


def noise(count: int, samples: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal((count, samples)).astype(np.float32)


def unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_files_are_read_where_they_are_and_nothing_is_asked_of_a_network(transformers: StandIn, folder: Path):
    load("clap")
    assert [asked for asked, _ in transformers.asked] == [folder, folder]
    assert all(settings["local_files_only"] is True for _, settings in transformers.asked)
    assert transformers.asked[1][1]["use_safetensors"] is True


def test_a_folder_with_the_older_kind_of_weights_file_will_do(transformers: StandIn, folder: Path):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    load("clap")
    assert transformers.asked[1][1]["use_safetensors"] is False


def test_transformers_says_no_more_and_no_less_afterwards_than_before(transformers: StandIn, folder: Path):
    load("clap")
    assert transformers.calls == ["errors only", "no bar", 30, "bar"]


@pytest.mark.usefixtures("transformers", "folder")
def test_a_short_sound_is_repeated_whole_then_followed_by_zeros():
    short = noise(9, 1000)  # more than are taken at once
    shown = np.pad(np.tile(short, (1, 4)), ((0, 0), (0, 800)))
    expected = unit(shown @ Network().weights.detach().numpy())
    vectors = load("clap")(short)
    assert vectors.dtype == np.float32
    assert np.allclose(vectors, expected, atol=1e-5)


@pytest.mark.usefixtures("transformers", "folder")
def test_a_long_sound_is_the_mean_of_windows_from_its_start_to_its_end():
    embedding, long = load("clap"), noise(3, 2 * WINDOW + 1000)
    windows = [embedding(long[:, at : at + WINDOW]) for at in (0, 2900, 5800)]
    assert np.allclose(embedding(long), unit(sum(windows)), atol=1e-5)
    assert np.allclose(embedding(long[:, :WINDOW]), windows[0], atol=1e-6)


@pytest.mark.parametrize("samples", [1, 99, 100, 101, 200, 201, 950])
def test_windows_cover_a_sound_with_as_few_as_will_do_and_end_with_it(samples: int):
    starts = window_starts(samples, 100)
    covered = {place for at in starts for place in range(at, min(at + 100, samples))}
    assert covered == set(range(samples))
    assert len(starts) == max(1, int(np.ceil(samples / 100)))
    assert starts[-1] == max(0, samples - 100)


@pytest.mark.usefixtures("transformers")
def test_the_digest_changes_with_the_weights_and_with_what_says_how_to_use_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    digests = []
    for number, weights in enumerate((b"numbers", b"others", b"numbers", b"numbers")):
        path = filled(tmp_path / str(number), monkeypatch, weights=weights)
        if number == 2:
            (path / "preprocessor_config.json").write_text('{"hop_length": 7}')
        digests.append(load("clap").digest)
    assert len(set(digests)) == 3
    assert digests[0] == digests[3]


def test_without_the_variable_what_is_needed_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("SOUNDLOOM_CLAP", raising=False)
    with pytest.raises(Missing, match=r"named by SOUNDLOOM_CLAP, and pip install 'soundloom\[clap\]'"):
        load("clap")


@pytest.mark.usefixtures("folder")
def test_without_transformers_what_to_install_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "transformers", None)  # importing it fails, whether or not it is there
    with pytest.raises(Missing, match=r"clap needs transformers; pip install 'soundloom\[clap\]'"):
        load("clap")


def gone(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()


def of_another_kind(folder: Path) -> None:
    (folder / "config.json").write_text('{"model_type": "bert"}')


def no_json(folder: Path) -> None:
    (folder / "config.json").write_text("{")


def no_object(folder: Path) -> None:
    (folder / "config.json").write_text("[]")


def without_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


@pytest.mark.parametrize("spoil", [gone, of_another_kind, no_json, no_object, without_weights])
def test_a_folder_without_such_a_model_is_named_and_not_given_to_transformers(
    transformers: StandIn, folder: Path, spoil
):
    spoil(folder)
    with pytest.raises(Missing, match=f"SOUNDLOOM_CLAP names {folder}, which holds no CLAP model"):
        load("clap")
    assert transformers.asked == []


def test_weights_that_do_not_fill_the_network_are_refused(transformers: StandIn, folder: Path):
    transformers.missing_keys = {"audio_projection.linear1.weight"}  # it would fill them at random
    with pytest.raises(Missing, match=r"cannot be read \(model.safetensors has no audio_projection.linear1.weight\)"):
        load("clap")


def test_what_transformers_says_against_a_folder_is_passed_on_in_one_line(transformers: StandIn, folder: Path):
    transformers.trouble = OSError("no such extractor\nand a long explanation")
    with pytest.raises(Missing, match=r"cannot be read \(no such extractor\); copy its folder again$"):
        load("clap")
    assert transformers.calls[-2:] == [30, "bar"]
