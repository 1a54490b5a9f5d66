"""Descriptors of clips: measured once for each sound, labels like those of a table, sliders for a model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from soundloom.conditions.schema import Measured, Scalar, Schema, measured_names, slider
from soundloom.data import measured as module
from soundloom.data.clips import ClipSettings, ClipStore, open_clips
from soundloom.data.labels import known, propose_conditions, to_measure
from soundloom.descriptors import SEVEN, measure

CUT = ClipSettings(8000, 0.3)


@pytest.fixture
def clips(sounds: Path, tmp_path: Path) -> ClipStore:
    return open_clips(sounds, CUT, cache=tmp_path)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many sounds each call of `measure` was given."""
    calls: list[int] = []

    def counting(audio: np.ndarray, rate: int, names: tuple[str, ...]) -> dict[str, np.ndarray]:
        calls.append(len(audio))
        return measure(audio, rate, names)

    monkeypatch.setattr(module, "measure", counting)
    return calls


def test_every_clip_is_measured_once_and_found_again(clips: ClipStore, tmp_path: Path, counted: list[int]):
    first = clips.measure(("brightness", "decay_time"), cache=tmp_path).measured
    assert sum(counted) == len(clips)
    expected = measure(clips.audio(slice(None))[:, 0], 8000, ("brightness",))["brightness"]
    assert first["brightness"] == pytest.approx(expected, abs=1e-6)
    again = clips.measure(("decay_time",), cache=tmp_path).measured
    assert sum(counted) == len(clips)
    assert np.array_equal(again["decay_time"], first["decay_time"])


def test_a_new_file_is_the_only_one_that_is_measured(sounds: Path, tmp_path: Path, counted: list[int]):
    folder = tmp_path / "sounds"
    folder.mkdir()
    for path in sorted(sounds.glob("*.wav"))[:6]:
        (folder / path.name).write_bytes(path.read_bytes())
    open_clips(folder, CUT, cache=tmp_path).measure(("depth",), cache=tmp_path)
    new = sorted(sounds.glob("*.wav"))[7]
    (folder / new.name).write_bytes(new.read_bytes())
    open_clips(folder, CUT, cache=tmp_path).measure(("depth",), cache=tmp_path)
    assert sum(counted) == 7


def test_a_cache_that_cannot_be_written_costs_time_and_nothing_else(clips: ClipStore, tmp_path: Path):
    (tmp_path / "file").write_text("in the way")
    assert clips.measure(("depth",), cache=tmp_path / "file").measured["depth"].shape == (len(clips),)


def test_progress_ends_at_all_clips(clips: ClipStore, tmp_path: Path):
    calls: list[tuple[int, int]] = []
    clips.measure(("depth",), cache=tmp_path, progress=lambda done, whole: calls.append((done, whole)))
    assert calls[-1] == (len(clips), len(clips))


def test_descriptors_are_labels_of_each_clip_beside_those_of_its_file(tmp_path: Path):
    rate = 8000
    moment = np.arange(2 * rate) / rate
    soundfile.write(tmp_path / "rising.wav", 0.5 * np.sin(2 * np.pi * (100 + 700 * moment) * moment), rate)
    clips = open_clips(tmp_path, ClipSettings(rate, 0.5, cut="windows"), cache=tmp_path / "cache")
    clips = clips.measure(("brightness",), cache=tmp_path / "cache")
    values = [float(labels["brightness"]) for labels in clips.labels]
    assert values == sorted(values)
    assert len(set(values)) == len(clips) == 4
    assert clips.subset([2, 0]).measured["brightness"].tolist() == [values[2], values[0]]
    some, rest = clips.split(0.25)
    assert {**some.measured, **rest.measured}.keys() == {"brightness"}


def test_a_slider_is_0_at_the_1_percent_quantile_and_1_at_the_99_percent_quantile(clips: ClipStore, tmp_path: Path):
    clips = clips.measure(("brightness",), cache=tmp_path)
    values = clips.measured["brightness"]
    schema = propose_conditions(clips.index, ("kind",), clips.measured)
    assert schema.names == ("kind", "brightness")
    assert measured_names(schema) == ("brightness",)
    bright = schema["brightness"]
    assert isinstance(bright, Scalar)
    assert bright.measured
    assert (bright.measured.zero, bright.measured.one) == pytest.approx(tuple(np.quantile(values, (0.01, 0.99))))
    labels = [known(schema, row)["brightness"] for row in clips.labels]
    expected = np.clip((values - bright.measured.zero) / (bright.measured.one - bright.measured.zero), 0, 1)
    assert labels == pytest.approx(expected.tolist())
    codes = clips.codes(schema)[:, -1 - bright.width :]
    assert codes[:, :-1] @ np.array(bright.knots) == pytest.approx(expected, abs=1e-6)
    assert (codes[:, -1] == 1).all()


def test_a_slider_says_what_its_ends_stand_for_also_where_it_refuses():
    bright = Scalar("brightness", (0.0, 1.0), measured=Measured(20.0, 80.0, "of 100"))
    assert bright.to_dict()["measured"] == {"zero": 20.0, "one": 80.0, "unit": "of 100"}
    with pytest.raises(ValueError, match=r"1.5 is outside the trained range 0 to 1 \(0 is 20 of 100 as measured"):
        bright.check(1.5)
    assert [bright.label(value) for value in (0.0, 20.0, 50.0, 80.0, 200.0)] == [0.0, 0.0, 0.5, 1.0, 1.0]


def test_a_descriptor_that_is_the_same_in_all_sounds_is_no_slider():
    with pytest.raises(ValueError, match="roughness is 0 in all sounds"):
        slider("roughness", np.zeros(10))


def test_names_that_no_column_has_are_measured_and_columns_are_not(clips: ClipStore):
    assert to_measure(clips.index, ("kind", "pitch"), ()) == ()
    assert to_measure(clips.index, ("kind", "timbre"), ("loudness",)) == (*SEVEN, "loudness")
    assert to_measure(clips.index, None, ("depth",)) == ("depth",)
    with pytest.raises(ValueError, match="did you mean 'depth'"):
        to_measure(clips.index, None, ("dept",))


def test_a_descriptor_stands_in_a_list_of_conditions_like_any_label(clips: ClipStore, tmp_path: Path):
    clips = clips.measure(("timbre",), cache=tmp_path)
    measured = {name: values for name, values in clips.measured.items() if name != "roughness"}
    assert propose_conditions(clips.index, ("kind", "depth"), {"depth": measured["depth"]}).names == ("kind", "depth")
    assert propose_conditions(clips.index, None, {"depth": measured["depth"]}).names == ("kind", "pitch", "depth")
    with pytest.raises(ValueError, match="no label 'depht' in this folder; did you mean 'depth'"):
        propose_conditions(clips.index, ("depht",))


def test_a_schema_with_sliders_is_written_and_read():
    from soundloom.runtime.settings import from_json, to_json

    schema = Schema((slider("depth", np.arange(100.0), "of 100"),))
    assert from_json(Schema, to_json(schema)) == schema
