"""VGGish: the front end against another library's, the network against its published size and the port's layout.

No published weights are at hand, so what is tried on sounds has random ones, and narrow layers where size is nothing.
"""

from __future__ import annotations

from pathlib import Path

import librosa
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

from soundloom.metrics.embeddings import Missing, load, vggish

NAMES = [f"features.{number}" for number in (0, 3, 6, 8, 11, 13)] + [f"embeddings.{number}" for number in (0, 2, 4)]


@pytest.fixture
def state(monkeypatch: pytest.MonkeyPatch) -> dict[str, torch.Tensor]:
    """Random weights, with 8 hidden units instead of 4096."""
    monkeypatch.setattr(vggish, "HIDDEN", 8)
    torch.manual_seed(0)
    return {key: 2 * value for key, value in vggish.VGGishNetwork().state_dict().items()}


@pytest.fixture
def weights(tmp_path: Path, state: dict[str, torch.Tensor], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file with these, named as the variable asks."""
    torch.save(state, tmp_path / "vggish.pth")
    monkeypatch.setenv("SOUNDLOOM_VGGISH", str(tmp_path / "vggish.pth"))
    return tmp_path / "vggish.pth"


def noise(count: int, samples: int, seed: int = 0) -> np.ndarray:
    return (0.1 * np.random.default_rng(seed).standard_normal((count, samples))).astype(np.float32)


def by_librosa(sound: np.ndarray) -> np.ndarray:
    """Log-mel (frame, band); its triangles are straight in Hz, which differs by 1 % at most."""
    spread = np.pad(sound.astype(np.float64), 56)  # it puts the window of 400 in the middle of 512
    magnitude = np.abs(librosa.stft(spread, n_fft=512, hop_length=160, win_length=400, center=False))
    bank = librosa.filters.mel(sr=16000, n_fft=512, n_mels=64, fmin=125, fmax=7500, htk=True, norm=None)
    return np.log(bank @ magnitude + 0.01).T


def test_levels_are_those_of_librosa_but_for_the_sides_of_the_triangles():
    sound = noise(1, 16000)[0]
    shown = vggish.examples(sound[None])[0, 0]
    assert shown == pytest.approx(by_librosa(sound)[:96], abs=0.02)


def test_triangles_rise_and_fall_in_a_straight_line_over_mel_and_add_up_to_one_between_the_outer_peaks():
    bank = vggish.mel_bank()
    other = librosa.filters.mel(sr=16000, n_fft=512, n_mels=64, fmin=125, fmax=7500, htk=True, norm=None)
    assert np.abs(bank - other).max() < 0.012
    peaks = librosa.mel_frequencies(66, fmin=125, fmax=7500, htk=True)
    hz = np.arange(257) * 16000 / 512
    between = (hz > peaks[1]) & (hz < peaks[64])
    assert bank.sum(axis=0)[between] == pytest.approx(np.ones(between.sum()), abs=1e-5)
    assert not bank[:, (hz <= 125) | (hz >= 7500)].any()


def test_silence_is_the_logarithm_of_the_offset():
    assert vggish.examples(np.zeros((1, 16000), np.float32)) == pytest.approx(np.log(0.01))


@pytest.mark.parametrize(("samples", "count"), [(1, 1), (15600, 1), (30959, 1), (30960, 2), (48000, 3)])
def test_examples_last_96_frames_and_what_is_left_over_is_ignored(samples: int, count: int):
    assert vggish.examples(noise(2, samples)).shape == (2, count, 96, 64)


def test_the_network_has_the_names_and_the_72_million_weights_of_the_port():
    with torch.device("meta"):
        network = vggish.VGGishNetwork()
    shapes = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    assert sorted(shapes) == sorted(f"{name}.{part}" for name in NAMES for part in ("weight", "bias"))
    assert sum(value.numel() for value in network.parameters()) == 72_141_184
    assert shapes["features.13.weight"] == (512, 512, 3, 3)
    assert shapes["embeddings.0.weight"] == (4096, 512 * 4 * 6)
    assert shapes["embeddings.4.weight"] == (128, 4096)


@pytest.mark.usefixtures("weights")
def test_a_vector_is_the_mean_over_examples_of_the_last_linear_layer(state: dict[str, torch.Tensor]):
    audio = noise(3, 48000)
    seen = torch.from_numpy(vggish.examples(audio).reshape(-1, 1, 96, 64))
    for number in (0, 3, 6, 8, 11, 13):
        seen = F.relu(F.conv2d(seen, state[f"features.{number}.weight"], state[f"features.{number}.bias"], padding=1))
        if number not in (6, 11):
            seen = F.max_pool2d(seen, 2)
    seen = seen.transpose(1, 3).transpose(1, 2).reshape(len(seen), -1)  # frame, band, channel: as it was trained
    for number in (0, 2, 4):
        seen = F.linear(seen, state[f"embeddings.{number}.weight"], state[f"embeddings.{number}.bias"])
        seen = seen if number == 4 else F.relu(seen)
    expected = seen.reshape(3, 3, 128).mean(dim=1).numpy()
    vectors = load("vggish")(audio)
    assert vectors.shape == (3, 128)
    assert vectors == pytest.approx(expected, rel=1e-4, abs=1e-5)
    assert (vectors < 0).any()  # no ReLU after the last layer


@pytest.mark.usefixtures("weights")
def test_a_short_sound_is_followed_by_zeros_and_a_long_one_is_the_mean_of_its_examples():
    embedding, short, long = load("vggish"), noise(2, 8000), noise(2, 2 * 15360 + 240)
    assert np.allclose(embedding(short), embedding(np.pad(short, ((0, 0), (0, 7600)))), atol=1e-6)
    halves = [embedding(long[:, at : at + 15600]) for at in (0, 15360)]
    assert np.allclose(embedding(long), (halves[0] + halves[1]) / 2, atol=1e-5)
    assert not np.allclose(halves[0], halves[1], atol=1e-5)


def test_safetensors_and_halves_and_principal_components_beside_them_are_read_too(
    tmp_path: Path, weights: Path, state: dict[str, torch.Tensor], monkeypatch: pytest.MonkeyPatch
):
    first = load("vggish")
    save_file({**state, "pproc.pca_means": torch.zeros(128, 1)}, tmp_path / "a.safetensors")
    save_file({key: value.half() for key, value in state.items()}, tmp_path / "b.safetensors")
    for name, tolerance in (("a", 1e-6), ("b", 0.05)):
        monkeypatch.setenv("SOUNDLOOM_VGGISH", str(tmp_path / f"{name}.safetensors"))
        other = load("vggish")
        assert np.allclose(other(noise(2, 16000)), first(noise(2, 16000)), rtol=tolerance, atol=tolerance)
        assert other.digest != first.digest  # of the file's content


def test_without_the_variable_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("SOUNDLOOM_VGGISH", raising=False)
    with pytest.raises(Missing, match=r"vggish needs a file with its weights .*named by SOUNDLOOM_VGGISH"):
        load("vggish")


def test_a_file_that_is_not_there_or_a_folder_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for path in (tmp_path / "gone.pth", tmp_path):
        monkeypatch.setenv("SOUNDLOOM_VGGISH", str(path))
        with pytest.raises(Missing, match=f"names {path}, which is no file that can be read"):
            load("vggish")


@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
@pytest.mark.parametrize("content", [b"", b"abc", b"\x00" * 1000])
def test_a_file_that_is_something_else_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, content: bytes
):
    path = tmp_path / f"other.{suffix}"
    path.write_bytes(content)
    monkeypatch.setenv("SOUNDLOOM_VGGISH", str(path))
    with pytest.raises(Missing, match="holds no weights of vggish"):
        load("vggish")


def test_weights_of_another_network_are_refused_with_what_does_not_fit(
    tmp_path: Path, state: dict[str, torch.Tensor], monkeypatch: pytest.MonkeyPatch
):
    cases = {
        "lacking": ({key: value for key, value in state.items() if key != "features.8.bias"}, "features.8.bias"),
        "shaped": ({**state, "embeddings.4.bias": torch.zeros(7)}, "size mismatch for embeddings.4.bias"),
        "more": ({**state, "features.16.bias": torch.zeros(7)}, "features.16.bias"),
        "list": ([1, 2], "holds no weights of vggish"),
    }
    for name, (content, message) in cases.items():
        torch.save(content, tmp_path / f"{name}.pth")
        monkeypatch.setenv("SOUNDLOOM_VGGISH", str(tmp_path / f"{name}.pth"))
        with pytest.raises(Missing, match=message):
            load("vggish")


class Trap:
    """Unpickling this creates the file `path`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return open, (str(self.path), "w")


def test_nothing_in_a_file_is_executed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    torch.save({"features.0.weight": Trap(tmp_path / "sprung")}, tmp_path / "trap.pth")
    monkeypatch.setenv("SOUNDLOOM_VGGISH", str(tmp_path / "trap.pth"))
    with pytest.raises(Missing, match="holds no weights of vggish"):
        load("vggish")
    assert not (tmp_path / "sprung").exists()
