"""What a person writes after --with: texts stay texts, numbers are numbers where the model says so."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile

import plugged
from commands import ask, refused
from soundloom.training import train
from sounds import RATE, sound


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A model that is asked for a text, a number and a kind, after a moment's training."""
    plugged.plug_in()
    folder = tmp_path_factory.mktemp("data")
    rows = []
    for number in range(12):
        name, kind = f"{number:02d}.wav", ("hiss", "thump")[number % 2]
        soundfile.write(folder / name, sound(number, kind, 40 + number), RATE)
        rows.append({"file_name": name, "text": ("1984", "two words")[number % 2], "pitch": 40 + number, "kind": kind})
    with (folder / "metadata.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    asked = {"preset": "tiny", "precision": "float32", "preview_seconds": 0.0, "held_out": 0.0}
    yield train("toy_codec", folder, out=folder / "run", steps=8, **asked).run
    plugged.unplug()


def test_a_text_of_digits_stays_a_text(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ("--with", "text=1984", "--with", "pitch=42", "--with", "kind=hiss", "--seed", 1, "-n", 1, "--json")
    answer = ask(capsys, "generate", run, *asked, "--out", tmp_path / "out").json
    written = json.loads((Path(answer["folder"]) / "request.json").read_text())
    assert written["request"]["conditions"] == {"text": "1984", "pitch": 42.0, "kind": "hiss"}
    again = ask(capsys, "generate", "--again", tmp_path / "out", "--out", tmp_path / "again", "--json").json
    first, second = (Path(found["files"][0]).read_bytes() for found in (answer, again))
    assert first == second


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "text is empty; write a text"),
        ("wörds two", "knows no 'ö' (U+00F6 LATIN SMALL LETTER O WITH DIAERESIS); try 'words two'"),
        ("два слова", "it reads ' 1489dorstw'"),
        ("two words two", "has 13 characters but the model knows texts of up to 9; shorten it"),
        ("two\x07words", "the control character U+0007"),
    ],
)
def test_a_text_that_the_model_cannot_read_is_refused(
    text: str, sentence: str, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sentence in refused(capsys, "generate", run, "--with", f"text={text}")
