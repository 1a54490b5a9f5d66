"""Folders with everything that can be wrong with a folder of sounds, made on the spot."""

from __future__ import annotations

import json
import os
import shutil
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soundfile

RATE = 8000


def tone(seed: int = 0, seconds: float = 0.25, rate: int = RATE, channels: int = 1) -> np.ndarray:
    """A decaying tone, another one for each seed, float64 (time, channel)."""
    moment = np.arange(round(seconds * rate)) / rate
    rng = np.random.default_rng(seed)
    columns = [np.sin(2 * np.pi * rng.uniform(200, 900) * moment) for _ in range(channels)]
    return 0.5 * np.stack(columns, axis=1) * np.exp(-3 * moment)[:, None]


def save(path: Path, samples: np.ndarray | None = None, rate: int = RATE, seed: int = 0, **options: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(os.fsencode(path), "wb") as file:  # noqa: PTH123 - names of any bytes
        options.setdefault("format", path.suffix[1:].upper())
        if options["format"] == "OPUS":
            options |= {"format": "OGG", "subtype": "OPUS"}
        soundfile.write(file, tone(seed) if samples is None else samples, rate, **options)
    return path


def cut_short(path: Path, share: float) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: round(share * len(content))])


@dataclass(frozen=True)
class Case:
    """A folder and what a scan must say of it; every folder also holds good.wav, which is used."""

    name: str
    make: Callable[[Path], object]
    used: tuple[str, ...] = ()
    skipped: dict[str, str] = field(default_factory=dict)  # path: how the reason begins
    note: str = ""  # what one of the notes holds
    labels: dict[str, dict[str, str]] = field(default_factory=dict)


def _raw_wav(path: Path, samples: np.ndarray, tag: int, bits: int, rate: int = RATE) -> None:
    data = samples.tobytes()
    layout = struct.pack("<HHIIHH", tag, 1, rate, rate * bits // 8, bits // 8, bits)
    body = b"WAVEfmt " + struct.pack("<I", 16) + layout + b"data" + struct.pack("<I", len(data)) + data
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)


def _with_values(*values: float) -> Callable[[Path], object]:
    def make(folder: Path) -> None:
        samples = tone(1).astype("<f4")
        samples[100 : 100 + len(values), 0] = values
        _raw_wav(folder / "x.wav", samples, 3, 32)

    return make


def _table(text: str | bytes, name: str = "metadata.csv", files: tuple[str, ...] = ("a.wav", "b.wav")):
    def make(folder: Path) -> None:
        for seed, file in enumerate(files, start=1):
            save(folder / file, seed=seed)
        (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())

    return make


def _sounds(*names: str, **options: str) -> Callable[[Path], object]:
    def make(folder: Path) -> None:
        for seed, name in enumerate(names, start=1):
            save(folder / name, seed=seed, **options)

    return make


def _truncated(name: str, share: float, seconds: float = 2.0, rate: int = RATE, **options: str):
    return lambda folder: cut_short(save(folder / name, tone(1, seconds, rate), rate, **options), share)


def _loop(folder: Path) -> None:
    (folder / "inner").mkdir()
    (folder / "inner" / "back").symlink_to(folder, target_is_directory=True)
    (folder / "one.wav").symlink_to("two.wav")
    (folder / "two.wav").symlink_to("one.wav")


def _duplicates(folder: Path) -> None:
    integers = np.rint(tone(1) * 2**15).astype(np.int16)
    save(folder / "a.wav", integers)
    save(folder / "b.flac", integers)
    shutil.copy(folder / "a.wav", folder / "c.wav")
    save(folder / "other_rate.wav", integers, rate=16000)


def _folders(folder: Path) -> None:
    (folder / "x.wav").mkdir()
    save(folder / "x.wav" / "inside.wav", seed=1)
    (folder / "empty").mkdir()


def _hidden(folder: Path) -> None:
    save(folder / "._x.wav", seed=1, format="WAV")
    (folder / ".DS_Store").write_bytes(b"\0\0\0\1Bud1")
    save(folder / ".git" / "x.wav", seed=2)
    save(folder / "__MACOSX" / "y.wav", seed=3)


def _linked(folder: Path) -> None:
    save(folder / "real" / "a.wav", seed=1)
    (folder / "again").symlink_to("real", target_is_directory=True)
    (folder / "also.wav").symlink_to("real/a.wav")


def _odd_names(folder: Path) -> None:
    for seed, name in enumerate(ODD_NAMES, start=1):
        save(folder / os.fsdecode(name), seed=seed, format="WAV")


DRUM = "\N{DRUM WITH DRUMSTICKS}.wav"
ODD_NAMES = (b"a b.wav", b'it\'s "q".wav', b"new\nline.wav", DRUM.encode(), b"caf\xe9.wav", b"-n.wav", b"%s.wav")
PRINTED = ("a b.wav", 'it\'s "q".wav', "new\nline.wav", DRUM, "caf\\xe9.wav", "-n.wav", "%s.wav")
TABLE = {"metadata.csv": "label table"}
KICKS = {"a.wav": {"kind": "kick"}, "b.wav": {"kind": "snare"}}

CASES = (
    Case("empty file", lambda f: (f / "x.wav").touch(), skipped={"x.wav": "empty"}),
    Case("text named wav", lambda f: (f / "x.wav").write_text("hello " * 50), skipped={"x.wav": "not a sound, though"}),
    Case("text named mp3", lambda f: (f / "x.mp3").write_text("hello " * 50), skipped={"x.mp3": "not a sound, though"}),
    Case("no sound", lambda f: (f / "notes.txt").write_text("hello"), skipped={"notes.txt": "not a sound"}),
    Case("zero bytes inside", lambda f: (f / "x.flac").write_bytes(bytes(999)), skipped={"x.flac": "not a sound"}),
    Case("header alone", _truncated("x.wav", 0.001), skipped={"x.wav": "damaged"}),
    Case("truncated wav", _truncated("x.wav", 0.5), skipped={"x.wav": "cut short"}),
    Case("truncated aiff", _truncated("x.aiff", 0.5), skipped={"x.aiff": "cut short"}),
    Case("truncated flac", _truncated("x.flac", 0.5), skipped={"x.flac": "damaged"}),
    Case("truncated ogg", _truncated("x.ogg", 0.7), skipped={"x.ogg": "cut short"}),
    Case("truncated mp3", _truncated("x.mp3", 0.5), skipped={"x.mp3": "cut short"}),
    Case("flac with a hole", lambda f: _hole(save(f / "x.flac", tone(1, 2.0))), skipped={"x.flac": "damaged"}),
    Case("flac from a pipe", lambda f: _unsaid(save(f / "x.flac")), skipped={"x.flac": "does not say how long it is"}),
    Case("AAC", lambda f: (f / "x.m4a").write_bytes(b"\0\0\0 ftypM4A " + bytes(99)), skipped={"x.m4a": "AAC"}),
    Case("NaN", _with_values(np.nan), skipped={"x.wav": "holds samples that are NaN"}),
    Case("infinity", _with_values(np.inf), skipped={"x.wav": "holds samples that are NaN"}),
    Case("both infinities", _with_values(np.inf, -np.inf), skipped={"x.wav": "holds samples that are NaN"}),
    Case("integers as floats", _with_values(32768.0), skipped={"x.wav": "out of range"}),
    Case("all zeros", lambda f: save(f / "x.wav", np.zeros(4000)), skipped={"x.wav": "silent"}),
    Case("nearly silent", lambda f: save(f / "x.flac", tone(1) * 1e-4), skipped={"x.flac": "nearly silent"}),
    Case("constant", lambda f: save(f / "x.wav", np.full(4000, 0.25)), skipped={"x.wav": "constant"}),
    Case("offset", lambda f: save(f / "x.wav", 0.4 + 0.2 * tone(1)), ("x.wav",), note="x.wav has a constant offset"),
    Case(
        "noise before a hit", lambda f: save(f / "x.wav", _in_a_room()), ("x.wav",), note="x.wav begins with 1.49 s of"
    ),
    Case("one sample", lambda f: save(f / "x.wav", np.ones(1) / 2), skipped={"x.wav": "too short: 1 samples"}),
    Case("no sample", lambda f: save(f / "x.wav", np.zeros(0)), skipped={"x.wav": "holds 0 samples"}),
    Case("ten milliseconds", lambda f: save(f / "x.wav", tone(1, 0.01)), skipped={"x.wav": "too short: 0.010 s"}),
    Case("ten minutes", lambda f: save(f / "x.flac", tone(1, 1.0).repeat(600)), ("x.flac",)),
    Case("six channels", lambda f: save(f / "x.wav", tone(1, channels=6)), ("x.wav",)),
    Case("8 bits", _sounds("x.wav", subtype="PCM_U8"), ("x.wav",)),
    Case("24 bits", _sounds("x.wav", "y.flac", "z.aiff", subtype="PCM_24"), ("x.wav", "y.flac", "z.aiff")),
    Case("32 bits", _sounds("x.wav", subtype="PCM_32"), ("x.wav",)),
    Case("32-bit float", _sounds("x.wav", subtype="FLOAT"), ("x.wav",)),
    Case("64-bit float", _sounds("x.wav", subtype="DOUBLE"), ("x.wav",)),
    Case("compressed", _sounds("x.ogg", "y.mp3", "z.opus"), ("x.ogg", "y.mp3", "z.opus")),
    Case("size of 0", lambda f: _resized(f / "x.wav", 0), ("x.wav",), note="x.wav: its header says that it holds no"),
    Case("size too large", lambda f: _resized(f / "x.wav", 9999), ("x.wav",), note="more than it holds; it is used up"),
    Case(
        "WMA in wav", lambda f: _recoded(f / "x.wav", 0x161), skipped={"x.wav": "Windows Media audio in wav cannot be"}
    ),
    Case("4 kHz", lambda f: save(f / "x.wav", tone(1, rate=4000), 4000), ("x.wav",)),
    Case("192 kHz", lambda f: save(f / "x.wav", tone(1, rate=192000), 192000), ("x.wav",)),
    Case("odd names", _odd_names, PRINTED),
    Case("wrong suffix", _sounds("x.mp3", format="WAV"), ("x.mp3",)),
    Case("no suffix", _sounds("x", format="FLAC"), ("x",)),
    Case(
        "symlink loop",
        _loop,
        skipped={"inner/back": "link to a folder", "one.wav": "symlink loop", "two.wav": "symlink loop"},
    ),
    Case("broken link", lambda f: (f / "x.wav").symlink_to("gone.wav"), skipped={"x.wav": "broken link"}),
    Case(
        "linked twice",
        _linked,
        ("real/a.wav",),
        {"again": "link to a folder", "also.wav": "duplicate of real/a.wav"},
    ),
    Case("pipe", lambda f: os.mkfifo(f / "x.wav"), skipped={"x.wav": "not a regular file"}),
    Case("folder named wav", _folders, ("x.wav/inside.wav",), {"x.wav": "a folder, not a file"}),
    Case(
        "hidden",
        _hidden,
        skipped={
            "._x.wav": "AppleDouble",
            ".DS_Store": "hidden file",
            ".git": "hidden folder",
            "__MACOSX": "hidden folder",
        },
    ),
    Case(
        "exact duplicates",
        _duplicates,
        ("a.wav", "other_rate.wav"),
        {"b.flac": "duplicate of a.wav", "c.wav": "duplicate of a.wav"},
    ),
    Case("comma", _table("file_name,kind\na.wav,kick\nb.wav,snare\n"), ("a.wav", "b.wav"), TABLE, labels=KICKS),
    Case("semicolons", _table("file_name;kind\na.wav;kick\nb.wav;snare\n"), ("a.wav", "b.wav"), TABLE, labels=KICKS),
    Case("tabs", _table("kind\tfile_name\nkick\ta.wav\nsnare\tb.wav\n"), ("a.wav", "b.wav"), TABLE, labels=KICKS),
    Case(
        "byte-order mark",
        _table(b"\xef\xbb\xbffile_name,kind\r\na.wav,kick\r\nb.wav,snare\r\n"),
        ("a.wav", "b.wav"),
        TABLE,
        labels=KICKS,
    ),
    Case(
        "UTF-16",
        _table("file_name,kind\na.wav,kick\nb.wav,snare".encode("utf-16")),
        ("a.wav", "b.wav"),
        TABLE,
        labels=KICKS,
    ),
    Case(
        "quotes and a newline in a cell",
        _table('file_name,kind\n"a.wav","a ""big"", deep\nkick"\n.\\b.wav,snare\n'),
        ("a.wav", "b.wav"),
        TABLE,
        labels={"a.wav": {"kind": 'a "big", deep\nkick'}, "b.wav": {"kind": "snare"}},
    ),
    Case(
        "missing files",
        _table("file_name,kind\na.wav,kick\nb.wav,snare\ngone.wav,tom\n"),
        ("a.wav", "b.wav"),
        TABLE,
        "1 rows name files that are not there, such as gone.wav",
        KICKS,
    ),
    Case(
        "repeated row",
        _table("file_name,kind\na.wav,kick\nb.wav,snare\na.wav,kick\n"),
        ("a.wav", "b.wav"),
        TABLE,
        "1 rows repeat a file with the same labels, such as a.wav",
        KICKS,
    ),
    Case(
        "conflicting rows",
        _table("file_name,kind\na.wav,kick\nb.wav,snare\na.wav,tom\n"),
        ("a.wav", "b.wav"),
        TABLE,
        "1 rows repeat a file with other labels; the first row counts, such as a.wav",
        KICKS,
    ),
    Case(
        "absent labels",
        _table("file_name,kind,kit\na.wav,kick,\n", files=("a.wav", "b.wav")),
        ("a.wav", "b.wav"),
        TABLE,
        "2 used files have no labels",
        {"a.wav": {"kind": "kick"}, "b.wav": {}},
    ),
    Case(
        "cells that are empty in effect",
        _table("file_name,kind,kit\na.wav,kick,NA\nb.wav,nan,-\n"),
        ("a.wav", "b.wav"),
        TABLE,
        "metadata.csv: 3 cells such as 'nan' count as empty",
        {"a.wav": {"kind": "kick"}, "b.wav": {}},
    ),
    Case(
        "decimal commas",
        _table("file_name;energy\na.wav;0,5\nb.wav;12\n"),
        ("a.wav", "b.wav"),
        TABLE,
        "metadata.csv: energy has commas in its numbers; 0,5 is read as 0.5",
        {"a.wav": {"energy": "0.5"}, "b.wav": {"energy": "12"}},
    ),
    Case(
        "three decimals after a comma",
        _table("file_name;energy\na.wav;1,500\nb.wav;12\n"),
        ("a.wav", "b.wav"),
        TABLE,
        "1,500 is read as 1.500",
        {"a.wav": {"energy": "1.500"}, "b.wav": {"energy": "12"}},
    ),
    Case(
        "commas between thousands",
        _table('file_name,cutoff_hz\na.wav,"1,500"\nb.wav,800\n'),
        ("a.wav", "b.wav"),
        TABLE,
        "1,500 is read as 1500",
        {"a.wav": {"cutoff": "1500"}, "b.wav": {"cutoff": "800"}},
    ),
    Case(
        "commas in words",
        _table('file_name,tags\na.wav,"3,4"\nb.wav,"x,y"\n'),
        ("a.wav", "b.wav"),
        TABLE,
        labels={"a.wav": {"tags": "3,4"}, "b.wav": {"tags": "x,y"}},
    ),
    Case(
        "file names of another computer",
        _table("file_name,kind\nC:\\Users\\me\\a.wav,kick\nfile:///home/me/drums/b.wav,snare\n"),
        ("a.wav", "b.wav"),
        TABLE,
        "2 rows name files as on another computer",
        KICKS,
    ),
    Case(
        "file names in other letter case",
        _table("file_name,kind\nA.WAV,kick\nb.wav,snare\n"),
        ("a.wav", "b.wav"),
        TABLE,
        "1 rows name files as on another computer and were matched",
        KICKS,
    ),
    Case(
        "a first line for Excel",
        _table("sep=;\r\nfile_name;kind\r\na.wav;kick\r\nb.wav;snare\r\n"),
        ("a.wav", "b.wav"),
        TABLE,
        labels=KICKS,
    ),
    Case(
        "a table named in capitals",
        _table("file_name,kind\na.wav,kick\nb.wav,snare\n", name="Metadata.CSV"),
        ("a.wav", "b.wav"),
        {"Metadata.CSV": "label table"},
        labels=KICKS,
    ),
    Case(
        "a table in Parquet",
        _table(b"PAR1" + bytes(60), name="metadata.parquet"),
        ("a.wav", "b.wav"),
        {"metadata.parquet": "label table"},
        "Parquet tables cannot be read, so its labels are not used; convert it, such as by: python -c",
    ),
    Case(
        "line separators inside text",
        _table(
            "\n".join(
                json.dumps({"file_name": file, "kind": kind, "text": "one\u2028two\u0085three"}, ensure_ascii=False)
                for file, kind in (("a.wav", "kick"), ("b.wav", "snare"))
            ),
            name="metadata.jsonl",
        ),
        ("a.wav", "b.wav"),
        {"metadata.jsonl": "label table"},
        labels={
            "a.wav": {"kind": "kick", "text": "one\u2028two\u0085three"},
            "b.wav": {"kind": "snare", "text": "one\u2028two\u0085three"},
        },
    ),
    Case(
        "number or text",
        _table("file_name,level_db\na.wav,3.0\nb.wav,large\n"),
        ("a.wav", "b.wav"),
        TABLE,
        "level is a number in some rows and text in others",
        {"a.wav": {"level": "3"}, "b.wav": {"level": "large"}},
    ),
    Case(
        "ragged rows",
        _table("file_name,kind\na.wav,kick,more\nb.wav\n"),
        ("a.wav", "b.wav"),
        TABLE,
        "2 rows have more or fewer cells",
        {"a.wav": {"kind": "kick"}, "b.wav": {}},
    ),
    Case("no file_name", _table("name,kind\na.wav,kick\n"), ("a.wav", "b.wav"), TABLE, "has no file_name column"),
    Case("binary table", _table(bytes(range(256)) * 4), ("a.wav", "b.wav"), TABLE, "is not text"),
    Case("empty table", _table(b""), ("a.wav", "b.wav"), TABLE, "has no file_name column"),
    Case(
        "jsonl",
        _table(
            "\n".join(
                [
                    json.dumps({"file_name": "a.wav", "kind": "kick", "tags": ["x"], "level": 3.0}),
                    "{broken",
                    "7",
                    json.dumps({"file_name": "b.wav", "kind": "snare", "level": None}),
                ]
            ),
            name="metadata.jsonl",
        ),
        ("a.wav", "b.wav"),
        {"metadata.jsonl": "label table"},
        "2 lines are not JSON objects",
        {"a.wav": {"kind": "kick", "level": "3"}, "b.wav": {"kind": "snare"}},
    ),
)


def _hole(path: Path) -> None:
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 400] = bytes(400)
    path.write_bytes(content)


def _unsaid(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[21] &= 0xF0
    content[22:26] = bytes(4)
    path.write_bytes(content)


def _in_a_room() -> np.ndarray:
    return np.concatenate([np.zeros((12000, 1)), tone(1)]) + 1e-3 * np.random.default_rng(0).standard_normal((14000, 1))


def _resized(path: Path, size: int) -> None:
    content = bytearray(save(path, tone(1)).read_bytes())
    content[40:44] = struct.pack("<I", size)
    path.write_bytes(content)


def _recoded(path: Path, tag: int) -> None:
    content = bytearray(save(path, tone(1)).read_bytes())
    content[20:22] = struct.pack("<H", tag)
    path.write_bytes(content)


def build(case: Case, folder: Path) -> Path:
    """Make the folder of a case, with a good sound beside what is wrong."""
    folder.mkdir(parents=True)
    save(folder / "good.wav", seed=99)
    case.make(folder)
    return folder
