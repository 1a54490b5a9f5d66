"""Every file of a folder is accounted for, whatever lies in it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from corpus import CASES, RATE, Case, build, save, tone

from soundloom.audio import SoundFault
from soundloom.data import scan as scanning
from soundloom.data.clips import ClipSettings, open_clips
from soundloom.data.cut import ClipSettings as SameSettings
from soundloom.data.forecast import forecast
from soundloom.data.index import Index
from soundloom.data.scan import scan
from soundloom.data.skips import SkipCode, Skipped


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def check(case: Case, index: Index, below: str = "", around: bool = True) -> None:
    """Compare a scan with what a case promises, below a sub-folder of the scan."""
    used = {entry.path.removeprefix(below): entry for entry in index.entries if entry.path.startswith(below)}
    skipped = {item.path.removeprefix(below): item.reason for item in index.skipped if item.path.startswith(below)}
    assert set(used) == {"good.wav", *case.used}, skipped
    assert set(skipped) == set(case.skipped)
    for path, reason in case.skipped.items():
        assert skipped[path].startswith(reason) or skipped[path].startswith(reason.replace(" of ", f" of {below}"))
    if around:
        assert any(case.note in note for note in index.notes) or not case.note, index.notes
        for path, labels in case.labels.items():
            assert used[path].labels == labels


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_defect_is_used_or_skipped_with_its_reason(case: Case, tmp_path: Path, cache: Path):
    index = scan(build(case, tmp_path / "sounds"), cache=cache)
    check(case, index)
    assert index.found == len(index.entries) + len(index.skipped)
    json.dumps(index.to_json()).encode("utf-8")
    json.dumps(index.to_json(), ensure_ascii=False).encode("utf-8")
    again = scan(tmp_path / "sounds", cache=cache)
    assert again == index


def test_a_folder_with_all_defects_at_once_makes_clips(tmp_path: Path, cache: Path):
    cases = [case for case in CASES if "duplicate" not in str(case.skipped)]
    for seed, case in enumerate(cases):
        folder = build(case, tmp_path / "sounds" / case.name)
        for path in folder.rglob("*.wav"):
            if path.is_file() and path.name in ("good.wav", "a.wav", "b.wav"):
                save(path, tone(1000 * seed + len(path.name) + ord(path.name[0])))
    index = scan(tmp_path / "sounds", cache=cache)
    assert index.found == len(index.entries) + len(index.skipped)
    on_disk = sum(len(files) for _, _, files in os.walk(tmp_path / "sounds"))
    hidden_or_folder = sum("folder" in each.reason and each.code != "duplicate" for each in index.skipped)
    in_hidden_folders = 2
    assert index.found == on_disk - in_hidden_folders + hidden_or_folder
    clips = open_clips(tmp_path / "sounds", ClipSettings(RATE, 0.25), cache=cache)
    assert len(clips) == len(index.entries)
    assert clips.index.skipped == index.skipped
    assert np.isfinite(clips.audio(slice(None))).all()


def test_every_skip_has_a_code_for_programs_and_a_sentence_for_people(tmp_path: Path, cache: Path):
    codes = {*SkipCode, *SoundFault}
    met = set()
    for case in CASES:
        for item in scan(build(case, tmp_path / case.name), cache=cache).to_json()["skipped"]:
            assert set(item) == {"path", "code", "reason"}
            assert item["code"] in codes
            assert " " in item["reason"]
            met.add(item["code"])
    rare = {"absent", "unreadable", "too_many_channels", "filtered_out", "decoding_failed", "nothing_left"}
    rare.add("soundloom_output")
    assert met == {str(code) for code in codes} - rare


def test_an_unreadable_file_is_skipped(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch):
    folder = tmp_path / "sounds"
    save(folder / "good.wav", seed=1)
    save(folder / "locked.wav", seed=2).chmod(0)
    if os.access(folder / "locked.wav", os.R_OK):  # root reads everything: refuse in its place

        def refusing(path: object, *arguments: object, **options: object) -> object:
            if str(path).endswith("locked.wav"):
                raise PermissionError(13, "Permission denied")
            return open(path, *arguments, **options)  # type: ignore[call-overload]  # noqa: PTH123

        monkeypatch.setattr("soundloom.audio.reading.open", refusing, raising=False)
    index = scan(folder, cache=cache)
    assert [entry.path for entry in index.entries] == ["good.wav"]
    assert index.skipped[0].reason == "cannot be opened (Permission denied)"
    monkeypatch.undo()
    (folder / "locked.wav").chmod(0o644)
    assert len(scan(folder, cache=cache).entries) == 2  # such a fault is not cached


def test_an_unreadable_folder_is_skipped(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch):
    save(tmp_path / "sounds" / "good.wav")
    save(tmp_path / "sounds" / "locked" / "x.wav")
    real = os.scandir

    def refusing(path: object) -> object:
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied")
        return real(path)  # type: ignore[call-overload]

    monkeypatch.setattr("soundloom.data.walk.os.scandir", refusing)
    index = scan(tmp_path / "sounds", cache=cache)
    assert index.skipped == (Skipped("locked", "unreadable", "folder cannot be read (Permission denied)"),)
    assert index.found == 2


def test_a_folder_that_is_not_there_or_a_file_is_refused(tmp_path: Path):
    with pytest.raises(ValueError, match="does not exist; give a folder"):
        scan(tmp_path / "gone")
    with pytest.raises(ValueError, match=r"x\.wav is a file; give the folder"):
        scan(save(tmp_path / "x.wav"))


def test_an_empty_folder_has_nothing(tmp_path: Path, cache: Path):
    index = scan(tmp_path, cache=cache)
    assert (index.found, index.entries, index.notes) == (0, (), ())
    assert index.to_json()["summary"]["seconds"]["total"] == 0
    with pytest.raises(ValueError, match="can be used \\(it is empty\\)"):
        open_clips(tmp_path, ClipSettings(8000, 1.0), cache=cache)


def test_a_second_scan_decodes_nothing(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch):
    for seed in range(3):
        save(tmp_path / "sounds" / f"{seed}.wav", seed=seed)
    first = scan(tmp_path / "sounds", cache=cache)
    monkeypatch.setattr(scanning, "check_file", lambda *_: pytest.fail("decoded again"))
    assert scan(tmp_path / "sounds", cache=cache) == first
    assert len(scan(tmp_path / "sounds", cache=cache, min_seconds=1.0).entries) == 0
    monkeypatch.undo()
    save(tmp_path / "sounds" / "1.wav", tone(77, 0.5))
    changed = scan(tmp_path / "sounds", cache=cache)
    assert [entry.seconds for entry in changed.entries] == [0.25, 0.5, 0.25]
    assert changed.stamp != first.stamp


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"version": 4, "files": {"0.wav": [1]}}', b'{"version": 4}'])
def test_a_damaged_scan_cache_is_ignored(tmp_path: Path, cache: Path, damage: bytes):
    save(tmp_path / "sounds" / "0.wav")
    first = scan(tmp_path / "sounds", cache=cache)
    for path in (cache / "scans").iterdir():
        path.write_bytes(damage)
    assert scan(tmp_path / "sounds", cache=cache) == first


@pytest.mark.parametrize("record", [{"check": [1, 2]}, {"fault": ["damaged"]}, {}])
def test_a_scan_cache_with_altered_records_is_ignored(tmp_path: Path, cache: Path, record: dict[str, list[object]]):
    save(tmp_path / "sounds" / "0.wav")
    first = scan(tmp_path / "sounds", cache=cache)
    for path in (cache / "scans").iterdir():
        content = json.loads(path.read_text())
        del content["files"]["0.wav"]["check"]
        content["files"]["0.wav"] |= record
        path.write_text(json.dumps(content))
    assert scan(tmp_path / "sounds", cache=cache) == first


def test_a_scan_goes_on_where_nothing_can_be_cached(tmp_path: Path):
    save(tmp_path / "sounds" / "0.wav")
    (tmp_path / "file").touch()
    assert len(scan(tmp_path / "sounds", cache=tmp_path / "file").entries) == 1


def test_many_remarks_of_one_kind_are_counted(tmp_path: Path, cache: Path):
    for seed in range(9):
        save(tmp_path / f"{seed}.wav", 0.4 + 0.2 * tone(seed))
    notes = scan(tmp_path, cache=cache).notes
    assert len(notes) == 6
    assert notes[-1] == "4 more files with a constant offset"


def test_a_filter_keeps_matching_files_and_names_the_others(tmp_path: Path, cache: Path):
    for seed in range(3):
        save(tmp_path / f"{seed}.wav", seed=seed)
    (tmp_path / "metadata.csv").write_text("file_name,permissive\n0.wav,yes\n1.wav,no\n")
    index = scan(tmp_path, where={"permissive": "yes"}, cache=cache)
    assert [entry.path for entry in index.entries] == ["0.wav"]
    reasons = {each.path: (each.code, each.reason) for each in index.skipped}
    assert reasons["1.wav"] == ("filtered_out", "filtered out: permissive is no, not yes")
    assert reasons["2.wav"] == ("filtered_out", "filtered out: permissive is unknown, not yes")
    with pytest.raises(ValueError, match="did you mean 'permissive'"):
        scan(tmp_path, where={"permisive": "yes"}, cache=cache)


def test_progress_counts_every_file_once(tmp_path: Path, cache: Path):
    for seed in range(5):
        save(tmp_path / "sounds" / f"{seed}.wav", seed=seed)
    calls: list[tuple[int, int]] = []
    scan(tmp_path / "sounds", cache=cache, progress=lambda done, total: calls.append((done, total)))
    assert calls == [(n, 5) for n in range(1, 6)]


def test_a_summary_counts_lengths_rates_and_labels(tmp_path: Path, cache: Path):
    save(tmp_path / "kick" / "a.wav", tone(1, 0.5))
    save(tmp_path / "kick" / "b.wav", tone(2, 1.0, 16000), 16000)
    save(tmp_path / "snare" / "c.wav", tone(3, 0.25, channels=2))
    shutil.copy(tmp_path / "kick" / "a.wav", tmp_path / "kick" / "d.wav")
    index = scan(tmp_path, cache=cache)
    summary = index.summary()
    assert summary["seconds"] == {"shortest": 0.25, "median": 0.5, "longest": 1.0, "total": 1.75}
    assert summary["sample_rates"] == {8000: 2, 16000: 1}
    assert summary["channels"] == {1: 2, 2: 1}
    assert summary["labels"]["label"]["values"] == {"kick": 2, "snare": 1}
    assert summary["duplicates"] == 1
    assert index.reasons() == {"duplicate": 1}


def test_a_forecast_counts_the_clips_that_are_made(tmp_path: Path, cache: Path):
    rng = np.random.default_rng(0)
    for number, seconds in enumerate(rng.uniform(0.1, 3.0, 12)):
        save(tmp_path / "sounds" / f"{number}.wav", rng.uniform(-0.5, 0.5, round(seconds * RATE)))
    index = scan(tmp_path / "sounds", cache=cache)
    for settings in (
        ClipSettings(RATE, 0.5),
        ClipSettings(RATE, 0.5, cut="windows"),
        ClipSettings(RATE, 0.5, cut="windows", hop_seconds=0.2),
        ClipSettings(4000, 0.5, cut="windows", hop_seconds=0.8),
    ):
        estimate = forecast(index, settings, clips_per_second=10.0, epochs=5)
        made = len(open_clips(index, settings, cache=cache))
        assert estimate.clips == made, settings
        assert estimate.disk_bytes == made * 2 * settings.samples
        assert estimate.training_seconds == pytest.approx(made / 2)
    with pytest.raises(ValueError, match="above 0"):
        forecast(index, settings, clips_per_second=0)
    assert SameSettings is ClipSettings


def test_looking_at_data_imports_nothing_heavy():
    heavy = ("torch", "scipy", "sklearn", "matplotlib", "librosa", "pyloudnorm", "numba")
    code = (
        "import sys, soundloom.audio, soundloom.data.clips, soundloom.data.scan, soundloom.data.forecast;"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


REAL = os.environ.get("SOUNDLOOM_DATA")


@pytest.mark.skipif(not REAL, reason="set SOUNDLOOM_DATA to the folder of real sounds")
@pytest.mark.parametrize(("name", "sounds"), [("drums", 3063), ("notes", 2260), ("fsdd", 3000)])
def test_real_folders_are_used_whole(name: str, sounds: int, cache: Path):
    folder = Path(REAL or "") / name
    index = scan(folder, cache=cache)
    assert len(index.entries) == sounds
    assert {skipped.code for skipped in index.skipped} <= {
        "label_table",
        "not_a_sound",
    }  # the table, and pages beside it
