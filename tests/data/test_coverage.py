"""What share of the sound is used is known before it is cut, and a few long files are cut into windows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from corpus import RATE, save, tone

from soundloom.data.clips import ClipSettings, open_clips
from soundloom.data.coverage import coverage, coverage_sentence, few_clips_sentence, header_seconds, prefers_windows
from soundloom.data.scan import Survey, scan


@pytest.fixture
def noises(tmp_path: Path) -> Path:
    """Noises that fill their files, of 0.1 to 3 s."""
    rng = np.random.default_rng(0)
    for number, seconds in enumerate((0.1, 0.4, 0.5, 0.62, 0.9, 1.7, 3.0)):
        save(tmp_path / "sounds" / f"{number}.wav", rng.uniform(-0.5, 0.5, round(seconds * RATE)))
    return tmp_path / "sounds"


@pytest.mark.parametrize("hop", [None, 0.2, 0.5, 0.8])
@pytest.mark.parametrize("cut", ["start", "windows"])
def test_the_share_is_that_of_the_clips_that_are_made(noises: Path, tmp_path: Path, cut: str, hop: float | None):
    settings = ClipSettings(RATE, 0.5, cut=cut, hop_seconds=hop)  # type: ignore[arg-type]
    clips = open_clips(noises, settings, cache=tmp_path / "cache")
    found = coverage(clips.index, settings)
    for entry in clips.index.entries:
        held = np.zeros(entry.frames, bool)
        for path, begin in zip(clips.files, clips.begins, strict=True):
            if path == entry.path:
                held[round(begin * RATE) : round((begin + 0.5) * RATE)] = True
        assert found.shares[entry.path] == pytest.approx(held.mean(), abs=1e-9)
    total = sum(entry.seconds for entry in clips.index.entries)
    assert found.share == pytest.approx(sum(found.shares[e.path] * e.seconds for e in clips.index.entries) / total)
    assert found.seconds == pytest.approx(found.share * total)


def test_little_use_of_long_files_is_said_with_the_way_to_use_more(tmp_path: Path):
    save(tmp_path / "take.wav", np.random.default_rng(0).uniform(-0.5, 0.5, 120 * RATE))
    save(tmp_path / "hit.wav", tone(1, 0.5))
    index = scan(tmp_path, cache=tmp_path / ".cache")
    sentence = coverage_sentence(index, ClipSettings(RATE, 1.0))
    assert sentence == (
        "clips hold 1.5 s of 2.0 minutes of sound (1.2 %; of each file at least 0.83 %, in take.wav): "
        "the start of each file; --set cut=windows takes windows over all of it"
    )
    assert coverage_sentence(index, ClipSettings(RATE, 1.0, cut="windows")) is None
    sparse = ClipSettings(RATE, 1.0, cut="windows", hop_seconds=10.0)
    assert "a shorter hop_seconds takes more of it" in str(coverage_sentence(index, sparse))


@pytest.mark.parametrize(
    ("lengths", "windows"),
    [
        ([330.0], True),
        ([30.0] * 74, True),
        ([0.4] * 50, False),  # one-shots
        ([5.0] * 30, False),  # cymbals that ring
        ([30.0] * 100, False),  # a set of takes
        ([0.5] * 40 + [600.0], True),
        ([], False),
    ],
)
def test_windows_are_for_few_long_files(lengths: list[float], windows: bool):
    assert prefers_windows(lengths, 1.0) == windows


def test_lengths_come_from_headers_of_what_a_filter_leaves(tmp_path: Path):
    save(tmp_path / "a.wav", tone(1, 0.5))
    save(tmp_path / "b.flac", tone(2, 0.25))
    (tmp_path / "c.wav").write_bytes(b"no sound")
    (tmp_path / "metadata.csv").write_text("file_name,kind\na.wav,kick\nb.flac,tom\n")
    assert header_seconds(Survey(tmp_path)) == [0.5, 0.25]
    assert header_seconds(Survey(tmp_path, {"kind": "tom"})) == [0.25]
    for number in range(201):
        (tmp_path / f"{number}.txt").touch()
    assert header_seconds(Survey(tmp_path)) == []


def test_a_training_set_of_a_few_clips_is_warned_of_with_what_helps():
    assert few_clips_sentence(20) is None
    assert str(few_clips_sentence(1)).startswith("1 clip to train on: with fewer than 20 a model can only repeat")
    assert "add sounds (100 are a start), or take shorter clips of longer files by --set" in str(few_clips_sentence(19))
