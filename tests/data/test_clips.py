"""Clips are what their files hold, whether they come from the files or from the cache, in every epoch once."""

from __future__ import annotations

import json
import multiprocessing
import os
from pathlib import Path

import numpy as np
import pytest
from corpus import RATE, save, tone
from hypothesis import given, settings
from hypothesis import strategies as st

from soundloom.audio import Audio, read, resample
from soundloom.data import clip_cache, file_check
from soundloom.data import scan as scanning
from soundloom.data.clips import ClipSettings, open_clips, order
from soundloom.data.cut import Cutter, pack
from soundloom.data.labels import propose_conditions
from soundloom.data.scan import scan

HALF = ClipSettings(RATE, 0.5)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Six tones in two sub-folders, of 0.2 to 0.7 s."""
    for n in range(6):
        save(tmp_path / "sounds" / ("kick", "snare")[n % 2] / f"{n}.flac", tone(n, 0.2 + 0.1 * n))
    return tmp_path / "sounds"


def cut(samples: np.ndarray, settings: ClipSettings, rate: int = RATE, pieces: int = 1) -> list[np.ndarray]:
    cutter = Cutter(settings)
    for part in np.array_split(np.atleast_2d(samples).astype(np.float32), pieces, axis=1):
        cutter.add(Audio(part, rate))
    return [clip.samples for clip in cutter.clips()]


def test_clips_hold_the_sound_of_their_files(folder: Path, tmp_path: Path):
    clips = open_clips(folder, ClipSettings(RATE, 0.5, trim=False), cache=tmp_path / "cache")
    assert (len(clips), clips.samples, clips.sample_rate, clips.channels) == (6, 4000, RATE, 1)
    found = clips.audio([4, 0])
    assert (found.shape, found.dtype) == ((2, 1, 4000), np.float32)
    for row, number in zip(found, (4, 0), strict=True):
        truth = read(folder / clips.files[number]).samples[:, :4000]
        kept = min(truth.shape[1], 4000 - 80)  # what was cut off ends in a fade
        assert np.abs(row[:, :kept] - truth[:, :kept]).max() <= np.abs(truth).max() / 65534 * 1.01
        assert not row[:, truth.shape[1] :].any()


def test_clips_at_another_rate_are_the_resampled_sound(folder: Path, tmp_path: Path):
    clips = open_clips(folder, ClipSettings(6000, 0.15, trim=False), cache=tmp_path / "cache")
    truth = resample(read(folder / clips.files[0]), 6000).samples[:, :840]
    assert np.abs(clips.audio([0])[0, :, :840] - truth).max() < 2e-5


def test_the_second_opening_decodes_nothing(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    first = open_clips(folder, HALF, cache=tmp_path / "cache")
    monkeypatch.setattr(scanning, "check_file", lambda *_: pytest.fail("decoded again"))
    again = open_clips(folder, HALF, cache=tmp_path / "cache")
    assert np.array_equal(first.audio(slice(None)), again.audio(slice(None)))
    assert again.index == first.index
    assert again.labels == first.labels
    assert scan(folder, cache=tmp_path / "cache") == first.index


def test_a_changed_file_or_setting_makes_other_clips(folder: Path, tmp_path: Path):
    cache = tmp_path / "cache"
    before = open_clips(folder, HALF, cache=cache).audio([0])
    save(folder / "kick" / "0.flac", tone(50, 0.4))
    assert not np.array_equal(open_clips(folder, HALF, cache=cache).audio([0]), before)
    assert open_clips(folder, ClipSettings(RATE, 0.25), cache=cache).samples == 2000


def test_a_scan_decides_which_files_become_clips(folder: Path, tmp_path: Path):
    cache = tmp_path / "cache"
    index = scan(folder, where={"label": "kick"}, cache=cache)
    clips = open_clips(index, HALF, cache=cache)
    assert clips.files == ["kick/0.flac", "kick/2.flac", "kick/4.flac"]
    assert clips.index is index or clips.index == index
    assert open_clips(folder, HALF, where={"label": "kick"}, cache=cache).files == clips.files
    (folder / "kick" / "2.flac").unlink()
    (folder / "kick" / "0.flac").write_bytes(b"fLaC")
    with pytest.raises(ValueError, match=r"kick/0\.flac has changed since the scan; scan the folder again"):
        open_clips(index, ClipSettings(RATE, 0.3), cache=cache)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (clip_cache.TABLE, b""),
        (clip_cache.TABLE, b"{}"),
        (clip_cache.TABLE, b'{"version": 1, "peaks": [1]}'),
        (clip_cache.TABLE, b'{"version": 99}'),
        (clip_cache.TABLE, b"[1, 2]"),
        (clip_cache.AUDIO, b"short"),
        (clip_cache.AUDIO, None),
    ],
)
def test_a_damaged_cache_is_made_again(folder: Path, tmp_path: Path, name: str, content: bytes | None):
    cache = tmp_path / "cache"
    truth = np.array(open_clips(folder, HALF, cache=cache).audio(slice(None)))
    (place,) = (path for path in (cache / "clips").iterdir() if path.is_dir())
    if content is None:
        (place / name).unlink()
    else:
        (place / name).write_bytes(content)
    assert np.array_equal(open_clips(folder, HALF, cache=cache).audio(slice(None)), truth)


def test_what_a_killed_process_left_is_cleared_away(folder: Path, tmp_path: Path):
    cache = tmp_path / "cache"
    open_clips(folder, HALF, cache=cache)
    (place,) = (path for path in (cache / "clips").iterdir() if path.is_dir())
    (place / clip_cache.TABLE).unlink()
    (cache / "clips" / f".{place.name}.1234").mkdir()
    open_clips(folder, HALF, cache=cache)
    assert not (cache / "clips" / f".{place.name}.1234").exists()


def test_a_cache_that_cannot_be_made_is_one_clear_sentence(folder: Path, tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=r"clip cache .*file/clips cannot be written .*SOUNDLOOM_CACHE=/path"):
        open_clips(folder, HALF, cache=tmp_path / "file")


def test_a_full_disk_is_one_clear_sentence_and_leaves_nothing(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("soundloom.runtime.files.os.fsync", full)
    with pytest.raises(OSError, match=r"No space left on device\); it takes about \d+ MB, \d+ MB are free; make room"):
        open_clips(folder, HALF, cache=tmp_path / "cache")
    assert not [path for path in (tmp_path / "cache" / "clips").iterdir() if path.is_dir()]


def test_the_cache_lies_where_the_environment_says(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SOUNDLOOM_CACHE", str(tmp_path / "here"))
    open_clips(folder, HALF)
    assert (tmp_path / "here" / "clips").is_dir()


def _open(folder: str, cache: str, answers: multiprocessing.SimpleQueue) -> None:
    answers.put(float(open_clips(folder, HALF, cache=cache).audio(slice(None)).sum()))


def test_processes_that_open_the_same_clips_at_once_agree(folder: Path, tmp_path: Path):
    context = multiprocessing.get_context("spawn")
    answers = context.SimpleQueue()
    started = [context.Process(target=_open, args=(str(folder), str(tmp_path / "cache"), answers)) for _ in range(3)]
    for process in started:
        process.start()
    found = [answers.get() for _ in started]
    for process in started:
        process.join()
    assert found == [found[0]] * 3
    assert len([path for path in (tmp_path / "cache" / "clips").iterdir() if path.is_dir()]) == 1


def test_a_clip_begins_where_its_sound_does():
    silence, sound = np.zeros(1000), tone(1, 0.2)[:, 0] + 0.6
    (clip,) = cut(np.concatenate([silence, sound, silence]), HALF)
    assert np.abs(clip[0, :1600] - sound).max() < 2e-5
    assert not clip[0, 1600:].any()


def test_a_clip_begins_at_the_onset_after_noise_unless_set_otherwise():
    rng = np.random.default_rng(0)
    room = 0.001 * rng.standard_normal(12000)
    sound = np.concatenate([room, tone(1, 0.3)[:, 0]])
    (clip,) = cut(sound, HALF)
    assert np.abs(clip).max() > 0.4
    (clip,) = cut(sound, ClipSettings(RATE, 0.5, start="level"))
    assert np.abs(clip).max() < 0.01
    (clip,) = cut(sound, ClipSettings(RATE, 0.5, trim=False))
    assert np.abs(clip[0] - sound[:4000])[:-80].max() < 1e-6


def test_the_loudest_of_cancelling_channels_stands_for_all_in_every_piece():
    wave = tone(1, 1.0)[:, 0] + 0.001
    both = np.stack([wave, -0.97 * wave])
    for pieces in (1, 3):
        windows = cut(both, ClipSettings(RATE, 0.25, cut="windows"), pieces=pieces)
        assert np.abs(np.concatenate(windows, axis=1)[0, :8000] - wave).max() < 1e-4


def test_a_clip_that_is_cut_off_fades_out():
    (clip,) = cut(np.full(8000, 0.5) * np.resize([1, -1], 8000), HALF)
    assert np.abs(clip[0, :-80]).min() == pytest.approx(0.5, abs=1e-4)
    assert abs(clip[0, -1]) < 1e-6
    assert (np.diff(np.abs(clip[0, -80:])) < 1e-6).all()


@settings(deadline=None, max_examples=60)
@given(
    length=st.integers(50, 20000),
    hop=st.sampled_from([None, 0.1, 0.25, 0.4]),
    pieces=st.integers(1, 5),
)
def test_windows_tile_the_file_whatever_pieces_it_comes_in(length: int, hop: float | None, pieces: int):
    rng = np.random.default_rng(length)
    samples = rng.uniform(0.5, 1.0, length) * rng.choice([-1, 1], length)
    setting = ClipSettings(RATE, 0.25, cut="windows", hop_seconds=hop)
    windows = cut(samples, setting, pieces=min(pieces, length))
    assert len(windows) == setting.count(length / RATE)
    for number, window in enumerate(windows):
        truth = samples[number * setting.hop :][: setting.samples]
        assert np.abs(window[0, : len(truth)] - truth).max() < 1e-4
        assert not window[0, len(truth) :].any()


def test_windows_of_a_resampled_file_do_not_depend_on_the_pieces():
    samples = np.random.default_rng(0).uniform(-1, 1, 50000)
    setting = ClipSettings(RATE, 0.25, cut="windows")
    whole, parted = cut(samples, setting, 22050), cut(samples, setting, 22050, pieces=7)
    assert np.abs(np.array(whole) - np.array(parted)).max() < 1e-4
    truth = resample(Audio(samples, 22050), RATE).samples
    assert np.abs(whole[3] - truth[:, 6000:8000]).max() < 1e-4


def test_silent_windows_are_left_out():
    sound = np.resize([0.5, -0.5], 2000)
    sound_and_silence = np.concatenate([np.zeros(3000), sound, np.zeros(6000), sound, np.zeros(9000)])
    windows = cut(sound_and_silence, ClipSettings(RATE, 0.25, cut="windows"))
    assert len(windows) == 2
    assert all(np.abs(window).max() == pytest.approx(0.5, abs=1e-4) for window in windows)


def test_a_long_silence_before_a_sound_costs_nothing():
    sound_and_silence = np.concatenate([np.zeros(20000), np.resize([0.5, -0.5], 3000)])
    cutter = Cutter(HALF)
    for part in np.array_split(sound_and_silence[None].astype(np.float32), 10, axis=1):
        cutter.add(Audio(part, RATE))
    (clip,) = cutter.clips()
    assert clip.begins == pytest.approx(2.5)


def test_a_file_decoded_in_pieces_gives_the_same_check_and_windows(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    setting = ClipSettings(6000, 0.1, channels=2, cut="windows", trim=False)
    whole = open_clips(folder, setting, cache=tmp_path / "one")
    monkeypatch.setattr(file_check, "PIECE_SAMPLES", 700)
    parted = open_clips(folder, setting, cache=tmp_path / "two")
    assert np.abs(whole.audio(slice(None)) - parted.audio(slice(None))).max() < 1e-4
    assert parted.index == whole.index


def test_an_offset_that_keeps_a_sound_from_crossing_zero_is_removed():
    sound = 0.05 * np.sin(np.arange(8000) / 5)
    (clip,) = cut(0.4 + sound, HALF)
    assert np.abs(clip[0, :3000] - sound[:3000]).max() < 1e-3
    (kick,) = cut(0.1 + sound * 10, HALF)
    assert kick[0, :3000].mean() == pytest.approx(0.1, abs=0.01)


def test_loudness_is_evened_out_when_asked():
    quiet, loud = (gain * np.sin(np.arange(8000) / 5) for gain in (0.01, 0.5))
    for cutting in ("start", "windows"):
        setting = ClipSettings(RATE, 0.5, cut=cutting, loudness_lufs=-20.0)
        assert np.abs(cut(quiet, setting)[0]).max() == pytest.approx(np.abs(cut(loud, setting)[0]).max(), rel=0.02)


@settings(deadline=None)
@given(peak=st.floats(1e-6, 50), seed=st.integers(0, 99))
def test_packing_keeps_samples_within_half_a_step(peak: float, seed: int):
    samples = np.random.default_rng(seed).uniform(-peak, peak, (2, 50)).astype(np.float32)
    packed = pack(samples)
    assert np.abs(packed.samples - samples).max() <= 1.01 * packed.peak / 65534
    assert not pack(np.zeros((1, 5), np.float32)).samples.any()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"seconds": 0.0}, "a clip lasts up to 600 s"),
        ({"seconds": 1e-5}, "is no sample; ask for longer clips"),
        ({"channels": 0}, "at least 1"),
        ({"cut": "middle"}, "write start or windows"),
        ({"trim_db": 3.0}, "below the peak"),
        ({"start": "peak"}, "write onset or level"),
        ({"hop_seconds": 0.0}, "windows must move on"),
    ],
)
def test_impossible_settings_are_refused(wrong: dict[str, object], words: str):
    with pytest.raises(ValueError, match=words):
        ClipSettings(**({"sample_rate": RATE, "seconds": 0.5} | wrong))  # type: ignore[arg-type]


def test_codes_follow_the_schema_and_say_what_is_unknown(folder: Path, tmp_path: Path):
    save(folder / "loose.flac", tone(60))
    clips = open_clips(folder, HALF, cache=tmp_path / "cache")
    codes = clips.codes(propose_conditions(clips.index))
    assert codes.dtype == np.float32
    by_file = dict(zip(clips.files, codes.tolist(), strict=True))
    assert by_file["kick/0.flac"] == [1, 0, 1]
    assert by_file["snare/1.flac"] == [0, 1, 1]
    assert by_file["loose.flac"] == [0, 0, 0]


def test_subsets_and_splits_keep_clips_with_their_files(folder: Path, tmp_path: Path):
    windows = ClipSettings(RATE, 0.1, cut="windows")
    clips = open_clips(folder, windows, cache=tmp_path / "cache")
    train, aside = clips.split(0.3, seed=1)
    assert len(train) + len(aside) == len(clips)
    assert aside.files
    assert not set(train.files) & set(aside.files)
    assert np.array_equal(clips.subset([3, 1]).subset([1]).audio([0]), clips.audio([1]))
    assert clips.subset(slice(2, 4)).files == clips.files[2:4]
    assert len(clips.subset([])) == 0
    assert clips.subset([]).audio([]).shape == (0, 1, 800)
    assert list(clips.begins[:2]) == pytest.approx([clips.begins[0], clips.begins[0] + 0.1])


def test_the_end_of_a_single_recording_is_held_out(tmp_path: Path):
    save(tmp_path / "sounds" / "long.wav", np.random.default_rng(0).uniform(-0.5, 0.5, 16000))
    clips = open_clips(tmp_path / "sounds", ClipSettings(RATE, 0.1, cut="windows"), cache=tmp_path / "cache")
    train, aside = clips.split(0.25)
    assert (len(train), len(aside)) == (15, 5)
    assert max(train.begins) < min(aside.begins)


def test_a_folder_without_a_usable_sound_says_why(tmp_path: Path):
    (tmp_path / "sounds").mkdir()
    for name in ("a.txt", "b.txt", ".c"):
        (tmp_path / "sounds" / name).write_text("x")
    with pytest.raises(ValueError, match=r"no sound in .* can be used \(2 not a sound, 1 hidden\); scan it"):
        open_clips(tmp_path / "sounds", HALF, cache=tmp_path / "cache")


def test_opposite_channels_become_a_clip_and_not_silence(tmp_path: Path):
    wave = tone(1)
    save(tmp_path / "sounds" / "x.wav", np.concatenate([wave, -wave], axis=1))
    clips = open_clips(tmp_path / "sounds", HALF, cache=tmp_path / "cache")
    assert np.abs(clips.audio([0])).max() > 0.4


@settings(deadline=None)
@given(clips=st.integers(1, 40), batch=st.integers(1, 50), seed=st.integers(0, 5), epochs=st.integers(1, 4))
def test_every_epoch_sees_every_clip_once(clips: int, batch: int, seed: int, epochs: int):
    steps = -(-clips * epochs // batch)
    seen = np.concatenate([order(clips, batch, step, seed) for step in range(steps)])
    assert len(seen) == steps * batch
    for epoch in range(epochs):
        assert sorted(seen[epoch * clips : (epoch + 1) * clips]) == list(range(clips))


def test_the_order_is_a_function_of_step_and_seed():
    before = [order(100, 16, step, seed=3).tolist() for step in range(20)]
    after = [order(100, 16, step, seed=3).tolist() for step in reversed(range(20))]
    assert before == after[::-1]
    assert before != [order(100, 16, step, seed=4).tolist() for step in range(20)]
    assert order(100, 100, 0).tolist() != order(100, 100, 1).tolist()
    with pytest.raises(ValueError, match="at least 1, 1 and 0"):
        order(0, 4, 0)


def test_the_table_of_clips_is_plain_json(folder: Path, tmp_path: Path):
    save(folder / "kick" / os.fsdecode(b"caf\xe9.wav"), tone(9), format="WAV")
    clips = open_clips(folder, HALF, cache=tmp_path / "cache")
    (place,) = (path for path in (tmp_path / "cache" / "clips").iterdir() if path.is_dir())
    json.loads((place / clip_cache.TABLE).read_text("ascii"))
    assert "kick/caf\\xe9.wav" in clips.files
    assert open_clips(folder, HALF, cache=tmp_path / "cache").files == clips.files
