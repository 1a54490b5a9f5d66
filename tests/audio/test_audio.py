"""Sound files come back as they were written, and lengths, rates and levels are what was asked."""

from __future__ import annotations

import io
import json
import os
import struct
import threading
from pathlib import Path

import numpy as np
import pytest
import scipy.io.wavfile
import scipy.signal
import soundfile
from hypothesis import example, given, settings
from hypothesis import strategies as st

from soundloom.audio import Audio, UnusableSound, fit, mix_down, normalise_loudness, read, resample, trim_silence, write
from soundloom.audio.containers import SIGNATURES, container
from soundloom.audio.encoders import ogg_checksum, pin_ogg_serial
from soundloom.runtime.files import printable


def sine(hertz: float = 440.0, seconds: float = 1.0, rate: int = 22050, channels: int = 1, gain: float = 0.5) -> Audio:
    moment = np.arange(round(seconds * rate)) / rate
    return Audio(gain * np.stack([np.sin(2 * np.pi * hertz * (1 + n) * moment) for n in range(channels)]), rate)


def decibels(error: np.ndarray, truth: np.ndarray) -> float:
    power = np.square(error, dtype=np.float64).sum() / np.square(truth, dtype=np.float64).sum()
    return float(10 * np.log10(power + 1e-40))


@pytest.mark.parametrize(
    ("suffix", "bits", "worst_db"),
    [
        ("wav", 16, -85),
        ("wav", 24, -130),
        ("wav", 32, -300),
        ("flac", 16, -85),
        ("flac", 24, -130),
        ("aiff", 16, -85),
        ("aif", 24, -130),
        ("ogg", 16, -20),
        ("mp3", 16, -20),
    ],
)
@pytest.mark.parametrize("channels", [1, 2])
def test_a_sound_is_read_as_it_was_written(tmp_path: Path, suffix: str, bits: int, worst_db: float, channels: int):
    expected = sine(channels=channels)
    assert write(tmp_path / f"x.{suffix}", expected, bits=bits) is None
    found = read(tmp_path / f"x.{suffix}")
    assert (found.sample_rate, found.channels, found.samples.dtype) == (22050, channels, np.float32)
    assert found.seconds == pytest.approx(1.0, abs=1e-9)
    assert decibels(found.samples - expected.samples, expected.samples) < worst_db


def test_opus_is_written_at_a_rate_that_it_can_hold(tmp_path: Path):
    note = write(tmp_path / "x.opus", sine(rate=22050))
    assert note is not None
    assert "resampled from 22050 to 24000 Hz" in note
    found = read(tmp_path / "x.opus")
    assert found.sample_rate == 24000
    truth = sine(rate=24000).samples[0, 2400:-2400]
    assert decibels(found.samples[0, 2400:-2400] - truth, truth) < -15


@pytest.mark.parametrize("rate", [4000, 8000, 11025, 44100, 48000, 96000, 192000])
def test_any_rate_is_read(tmp_path: Path, rate: int):
    write(tmp_path / "x.wav", sine(rate=rate, seconds=0.1))
    assert read(tmp_path / "x.wav").sample_rate == rate


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW"])
def test_any_width_is_read(tmp_path: Path, subtype: str):
    expected = sine(seconds=0.1)
    soundfile.write(tmp_path / "x.wav", expected.samples.T, expected.sample_rate, subtype=subtype)
    assert decibels(read(tmp_path / "x.wav").samples - expected.samples, expected.samples) < -30


def test_sixteen_bit_samples_survive_reading_and_writing(tmp_path: Path):
    every = np.arange(-(2**15), 2**15, dtype=np.int16)
    for suffix in ("wav", "flac", "aiff"):
        soundfile.write(tmp_path / f"a.{suffix}", every, 8000, subtype="PCM_16")
        write(tmp_path / f"b.{suffix}", read(tmp_path / f"a.{suffix}"))
        assert np.array_equal(soundfile.read(tmp_path / f"b.{suffix}", dtype="int16")[0], every)


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "opus", "mp3", "aiff"])
def test_the_same_sound_gives_the_same_bytes(tmp_path: Path, suffix: str):
    write(tmp_path / f"a.{suffix}", sine())
    write(tmp_path / f"b.{suffix}", sine())
    assert (tmp_path / f"a.{suffix}").read_bytes() == (tmp_path / f"b.{suffix}").read_bytes()
    if suffix in ("ogg", "opus"):
        content = (tmp_path / f"a.{suffix}").read_bytes()
        other = pin_ogg_serial(content, serial=77)
        assert other != content
        assert struct.unpack("<I", other[14:18]) == (77,)
        assert soundfile.read(io.BytesIO(other))[0].shape == soundfile.read(io.BytesIO(content))[0].shape


def test_the_checksum_of_an_ogg_page_is_the_encoders():
    target = io.BytesIO()
    soundfile.write(target, sine().samples.T, 22050, format="OGG", subtype="VORBIS")
    content = target.getvalue()
    second = content.index(b"OggS", 4)
    page = bytearray(content[:second])
    (stored,) = struct.unpack("<I", page[22:26])
    page[22:26] = bytes(4)
    assert ogg_checksum(bytes(page)) == stored


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3", "aiff"])
def test_too_loud_a_sound_is_scaled_and_not_clipped(tmp_path: Path, suffix: str):
    note = write(tmp_path / f"x.{suffix}", sine(gain=4.0))
    assert note is not None
    assert "scaled down by its peak of 4 " in note
    found = read(tmp_path / f"x.{suffix}").samples
    assert decibels(found - sine(gain=1.0).samples, found) < -20


def test_float_wav_keeps_what_is_too_loud(tmp_path: Path):
    assert write(tmp_path / "x.wav", sine(gain=4.0), bits=32) is None
    assert np.array_equal(read(tmp_path / "x.wav").samples, sine(gain=4.0).samples)


def test_the_format_may_differ_from_the_suffix(tmp_path: Path):
    write(tmp_path / "x.tmp", sine(), format="flac")
    assert (tmp_path / "x.tmp").read_bytes()[:4] == b"fLaC"


@pytest.mark.parametrize(
    ("name", "bits", "samples", "words"),
    [
        ("x.flak", 16, np.zeros(10), "did you mean 'flac'"),
        ("x", 16, np.zeros(10), "no sound format"),
        ("x.flac", 32, np.zeros(10), "cannot hold 32 bits; take 16 or 24"),
        ("x.wav", 8, np.zeros(10), "cannot hold 8 bits"),
        ("x.wav", 16, np.zeros(0), "0 samples"),
        ("x.wav", 16, np.array([0.0, np.nan]), "nothing was written"),
        ("x.mp3", 16, np.zeros((3, 10)), "mp3 cannot hold 3 channels"),
    ],
)
def test_what_cannot_be_written_is_refused(tmp_path: Path, name: str, bits: int, samples: np.ndarray, words: str):
    with pytest.raises(ValueError, match=words):
        write(tmp_path / name, Audio(samples, 8000), bits=bits)
    assert not list(tmp_path.iterdir())


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write(tmp_path / "x.wav", sine())
    before = (tmp_path / "x.wav").read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("soundloom.runtime.files.os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        write(tmp_path / "x.wav", sine(880.0))
    assert (tmp_path / "x.wav").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["x.wav"]


@pytest.mark.parametrize(
    "name", [b"a b.wav", b"new\nline.flac", b"caf\xe9.ogg", "\N{SNOWMAN}.aiff".encode(), b"'\".wav"]
)
def test_names_of_any_bytes_are_read_and_written(tmp_path: Path, name: bytes):
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name))
    write(path, sine(seconds=0.1, gain=2.0))
    assert read(path).seconds == pytest.approx(0.1)
    json.dumps(printable(path), ensure_ascii=False).encode("utf-8")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", r"x\.wav: empty \(0 bytes\); copy it again"),
        (b"just text", "not a sound, though its name ends in .wav; give wav, flac"),
        (b"RIFF\x04\0\0\0WAVE", r"x\.wav: damaged"),
        (b"\0\0\0\x20ftypM4A " + bytes(50), "AAC or ALAC in MPEG-4 cannot be read; convert it to flac or wav first"),
    ],
)
def test_an_unusable_file_is_refused_with_the_next_move(tmp_path: Path, content: bytes, words: str):
    (tmp_path / "x.wav").write_bytes(content)
    with pytest.raises(UnusableSound, match=words):
        read(tmp_path / "x.wav")


def test_a_missing_file_or_a_folder_is_refused(tmp_path: Path):
    with pytest.raises(ValueError, match=r"gone\.wav: does not exist; check the path"):
        read(tmp_path / "gone.wav")
    with pytest.raises(ValueError, match="cannot be opened"):
        read(tmp_path)


@pytest.mark.parametrize("suffix", ["wav", "aiff", "flac", "mp3"])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.5, 0.9, 0.99])
def test_a_file_that_is_cut_short_is_refused(tmp_path: Path, suffix: str, share: float):
    path = tmp_path / f"x.{suffix}"
    rng = np.random.default_rng(0)
    write(path, Audio(rng.uniform(-0.5, 0.5, 40000), 22050))
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(UnusableSound, match=r"cut short|damaged"):
        read(path)


def test_a_wav_from_a_pipe_does_not_say_its_length_and_is_read(tmp_path: Path):
    write(tmp_path / "x.wav", sine(seconds=0.1))
    content = bytearray((tmp_path / "x.wav").read_bytes())
    content[4:8] = content[40:44] = b"\xff\xff\xff\xff"
    (tmp_path / "x.wav").write_bytes(content)
    assert read(tmp_path / "x.wav").seconds == pytest.approx(0.1, abs=0.01)


@pytest.mark.parametrize("suffix", ["wav", "flac", "mp3", "ogg", "aiff"])
@settings(max_examples=40, deadline=None)
@given(at=st.floats(0, 1), junk=st.binary(min_size=1, max_size=60))
@example(at=0.1178988794207099, junk=b"\x00\x00\r")  # an mp3 that then claims to hold 2**63 - 1 samples
def test_no_damage_does_worse_than_a_refusal(
    tmp_path_factory: pytest.TempPathFactory, suffix: str, at: float, junk: bytes
):
    folder = tmp_path_factory.mktemp("damage")
    write(folder / f"x.{suffix}", sine(seconds=0.1))
    content = bytearray((folder / f"x.{suffix}").read_bytes())
    place = int(at * len(content))
    content[place : place + len(junk)] = junk
    (folder / f"x.{suffix}").write_bytes(content)
    try:
        found = read(folder / f"x.{suffix}")
    except UnusableSound:
        return
    assert np.isfinite(found.samples).all()


@settings(max_examples=200, deadline=None)
@given(head=st.binary(max_size=40), suffix=st.sampled_from([".wav", ".mp3", "", ".txt"]))
def test_text_is_never_taken_for_sound(head: bytes, suffix: str):
    text = bytes(byte & 0x7F for byte in head)
    if container(text, suffix):
        assert text[:3] == b"ID3" or any(mark in text for _, mark, _ in SIGNATURES)


def test_files_are_read_in_many_threads(tmp_path: Path):
    for number in range(4):
        write(tmp_path / f"{number}.flac", sine(200.0 * (1 + number), seconds=0.2))
    wrong: list[int] = []

    def reader(number: int) -> None:
        for _ in range(10):
            found = read(tmp_path / f"{number}.flac").samples
            if decibels(found - sine(200.0 * (1 + number), seconds=0.2).samples, found) > -60:
                wrong.append(number)

    threads = [threading.Thread(target=reader, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.parametrize(
    ("before", "after"), [(44100, 22050), (22050, 44100), (48000, 44100), (8000, 22050), (192000, 16000)]
)
def test_a_resampled_sine_is_the_sine_at_the_new_rate(before: int, after: int):
    changed = resample(sine(1000.0, rate=before), after)
    truth = sine(1000.0, rate=after).samples
    assert changed.samples.shape == truth.shape
    inner = slice(after // 20, -after // 20)
    assert decibels(changed.samples[:, inner] - truth[:, inner], truth[:, inner]) < -90


def test_resampling_agrees_with_scipy_on_band_limited_noise():
    rng = np.random.default_rng(0)
    low = scipy.signal.sosfiltfilt(scipy.signal.butter(8, 0.2, output="sos"), rng.standard_normal(44100))
    ours = resample(Audio(low, 44100), 22050).samples[0]
    theirs = scipy.signal.resample_poly(low, 1, 2, window=("kaiser", 14.0))
    assert decibels((ours - theirs)[500:-500], theirs[500:-500]) < -60


def test_resampling_lets_nothing_fold_back():
    changed = resample(sine(15000.0, rate=44100), 22050)
    assert np.abs(changed.samples[:, 1000:-1000]).max() < 1e-4


def test_mixing_down_takes_the_mean_and_spreads_one_channel():
    both = Audio(np.stack([np.ones(8), np.zeros(8)]), 8000)
    assert np.array_equal(mix_down(both).samples, np.full((1, 8), 0.5, np.float32))
    assert mix_down(Audio(np.ones(8), 8000), 2).samples.shape == (2, 8)
    assert mix_down(both, 2) is both


def test_channels_that_cancel_are_not_mixed_to_silence():
    wave = sine().samples[0]
    mixed = mix_down(Audio(np.stack([wave, -wave]), 22050))
    assert np.array_equal(np.abs(mixed.samples[0]), np.abs(wave))


@pytest.mark.parametrize(("level", "kept"), [(-1.0, True), (-0.99, True), (-0.9, True), (-0.5, False), (0.0, False)])
def test_channels_that_nearly_cancel_keep_the_loudest(level: float, kept: bool):
    wave = sine().samples[0]
    mixed = mix_down(Audio(np.stack([wave, level * wave]), 22050)).samples[0]
    assert np.array_equal(mixed, wave if kept else np.stack([wave, np.float32(level) * wave]).mean(axis=0))


def test_channels_of_their_own_and_single_ones_are_averaged():
    rng = np.random.default_rng(0)
    for channels in (2, 6, 24):
        own = Audio(rng.standard_normal((channels, 8000)), 8000)
        assert np.allclose(mix_down(own).samples, own.samples.mean(axis=0), atol=1e-6)
        one = Audio(np.eye(channels)[:1].T * sine().samples, 22050)
        assert np.allclose(mix_down(one).samples, one.samples.mean(axis=0), atol=1e-6)


def test_trimming_drops_silence_at_both_ends_only():
    loud = sine(seconds=0.1).samples[0] + 0.6
    gap = np.zeros(500)
    expected = np.concatenate([gap, loud, gap, loud, gap])
    trimmed = trim_silence(Audio(expected, 22050))
    assert np.array_equal(trimmed.samples[0], expected[500:-500].astype(np.float32))
    silence = Audio(np.zeros(100), 22050)
    assert trim_silence(silence) is silence
    with pytest.raises(ValueError, match="below the peak, as -60"):
        trim_silence(silence, 0.0)


@settings(deadline=None)
@given(have=st.integers(0, 300), asked=st.integers(1, 300), fade_ms=st.floats(0, 20), channels=st.integers(1, 3))
def test_fitting_gives_the_asked_length_and_keeps_the_beginning(have: int, asked: int, fade_ms: float, channels: int):
    expected = Audio(np.random.default_rng(have).uniform(-1, 1, (channels, have)), 8000)
    fitted = fit(expected, asked, fade_ms / 1000).samples
    assert fitted.shape == (channels, asked)
    untouched = have if have <= asked else asked - min(asked, round(fade_ms * 8))
    assert np.array_equal(fitted[:, :untouched], expected.samples[:, :untouched])
    assert not fitted[:, have:].any()
    assert (np.abs(fitted[:, : min(have, asked)]) <= np.abs(expected.samples[:, :asked]) + 1e-7).all()
    if have > asked and round(fade_ms * 8) > 0:
        assert not fitted[:, -1].any()
    with pytest.raises(ValueError, match="at least 1"):
        fit(expected, 0)


def test_loudness_is_what_was_asked():
    # EBU Tech 3341, signal 1: a stereo sine of 1 kHz at -23 dBFS is as loud as -23 LUFS
    expected = Audio(np.repeat(sine(1000.0, 5.0, 48000, gain=10 ** (-23 / 20)).samples, 2, axis=0), 48000)
    assert np.abs(normalise_loudness(expected, -23.0).samples).max() == pytest.approx(10 ** (-23 / 20), rel=0.02)
    louder = normalise_loudness(expected, -13.0)
    assert louder.peak == pytest.approx(10 ** (-13 / 20), rel=0.02)


def test_loudness_never_clips_and_leaves_silence_and_short_sounds_whole():
    assert normalise_loudness(sine(seconds=2.0), 20.0).peak == pytest.approx(1.0)
    silence = Audio(np.zeros(22050), 22050)
    assert normalise_loudness(silence) is silence
    short = normalise_loudness(sine(seconds=0.05), -30.0)
    assert short.samples.shape[1] == round(0.05 * 22050)


def test_audio_has_channels_and_a_rate():
    assert Audio(np.zeros(8), 8000).samples.shape == (1, 8)
    assert (sine(channels=2).channels, sine(seconds=0.5).seconds) == (2, 0.5)
    with pytest.raises(ValueError, match="at least one channel"):
        Audio(np.zeros((2, 2, 2)), 8000)
    with pytest.raises(ValueError, match="above 0 Hz"):
        Audio(np.zeros(8), 0)


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_32"])
def test_integers_are_scaled_by_their_type_as_another_reader_gives_them(tmp_path: Path, subtype: str):
    soundfile.write(tmp_path / "x.wav", sine(channels=2).samples.T, 22050, subtype=subtype)
    rate, samples = scipy.io.wavfile.read(tmp_path / "x.wav")
    assert samples.dtype.kind in "iu"
    assert np.array_equal(Audio(samples.T, rate).samples, read(tmp_path / "x.wav").samples)


def test_integers_without_a_full_scale_are_refused():
    with pytest.raises(ValueError, match="int64 with a peak of 20000, a type that has no full scale; give floats"):
        Audio(np.array([0, 20000, -3]), 8000)
    assert Audio([0, 1, -1], 8000).peak == 1.0  # type: ignore[arg-type]


def test_swapped_axes_are_refused_with_the_shape_to_give(tmp_path: Path):
    soundfile.write(tmp_path / "x.wav", sine(channels=2).samples.T, 22050)
    samples, rate = soundfile.read(tmp_path / "x.wav")  # (time, channel)
    with pytest.raises(ValueError, match=r"22050 channels, at most 64 .* transposed array of shape \(2, 22050\)"):
        Audio(samples, rate)
    assert Audio(samples.T, rate).channels == 2


def test_a_file_of_more_channels_than_anyone_records_is_refused(tmp_path: Path):
    soundfile.write(tmp_path / "x.wav", np.zeros((50, 65)), 8000)
    with pytest.raises(UnusableSound, match="65 channels, at most 64 are taken; mix it down"):
        read(tmp_path / "x.wav")
