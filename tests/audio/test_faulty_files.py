"""A wrong header loses no sound, a missing end is found, and what cannot be decoded is called by its name."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from faulty import PCM, RATE, TONE, encoded, even, wav, with_size

from soundloom.audio import SoundFault, UnusableSound, opened, read
from soundloom.audio.mpeg import CHAIN, first_frame, frame_length

LOST = len(PCM) // 2
AIFF, CAF, AU = (encoded(name, "PCM_16") for name in ("AIFF", "CAF", "AU"))
MP3 = encoded("MP3", "MPEG_LAYER_III")
OGG = encoded("OGG", "VORBIS")
TAG = b"ID3\x03\0\0\0\0\0\x0a" + bytes(10)
LIST = b"LIST" + struct.pack("<I", 4) + b"INFO"


def saved(folder: Path, content: bytes, name: str = "x.wav") -> Path:
    (folder / name).write_bytes(content)
    return folder / name


def note(path: Path) -> str:
    with opened(path) as sound:
        return sound.note


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(wav(size=0), "says that it holds no sound", id="wav 0"),
        pytest.param(wav(size=0, outer=0), "says that it holds no sound", id="wav 0 in 0"),
        pytest.param(wav(size=0xFFFFFFFF), "", id="wav stream"),
        pytest.param(wav(size=0xFFFFFFFF, outer=0xFFFFFFFF), "", id="wav stream in a stream"),
        pytest.param(wav(size=len(PCM) + 16), "16 bytes more", id="wav, 16 too many"),
        pytest.param(wav(size=len(PCM) + 44, outer=len(PCM) + 80), "44 bytes more", id="wav, its header twice"),
        pytest.param(wav(size=2 * len(PCM)), "8000 bytes more", id="wav that fits its file"),
        pytest.param(wav(size=len(PCM) + 1), "", id="wav, made even"),
        pytest.param(with_size(AIFF, b"SSND", ">I", len(PCM) + 8 + 100), "100 bytes more", id="aiff, 100 too many"),
        pytest.param(AU[:8] + bytes(4) + AU[12:], "says that it holds no sound", id="au 0"),
        pytest.param(AU[:8] + b"\xff" * 4 + AU[12:], "", id="au stream"),
        pytest.param(with_size(CAF, b"data", ">q", -1), "", id="caf stream"),
        pytest.param(with_size(CAF, b"data", ">q", len(PCM) + 4 + 100), "100 bytes more", id="caf, 100 too many"),
        pytest.param(TAG + wav(), "", id="wav behind a tag"),
    ],
)
def test_a_wrong_size_in_a_header_loses_no_sound(tmp_path: Path, content: bytes, words: str):
    path = saved(tmp_path, content)
    sound = read(path)
    assert (sound.sample_rate, sound.samples.shape) == (RATE, (1, len(TONE)))
    assert np.abs(sound.samples[0] - TONE).max() < 2 / 32768  # half a step of each of two roundings, and a scale
    assert words in note(path)
    assert bool(words) == bool(note(path))


@pytest.mark.parametrize("name", ["RF64", "BW64"])
def test_large_wav_files_are_read_under_both_of_their_names(tmp_path: Path, name: str):
    content = name.encode() + encoded("RF64", "PCM_16")[4:]
    for size in (len(PCM), 0, 2**64 - 1):
        path = saved(tmp_path, with_size(content, b"ds64", "<Q", size, offset=16))
        assert np.abs(read(path).samples[0] - TONE).max() < 2 / 32768


def test_a_wav_that_is_truly_empty_is_not_filled_with_its_tags(tmp_path: Path):
    with pytest.raises(UnusableSound, match="holds 0 samples") as error:
        read(saved(tmp_path, wav(b"", after=LIST + LIST)))
    assert error.value.fault == SoundFault.NO_SAMPLES


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (wav()[:-LOST], "x.wav"),
        (encoded("RF64", "PCM_16")[:-LOST], "x.rf64"),
        (AIFF[:-LOST], "x.aiff"),
        (AU[:-LOST], "x.au"),
        (CAF[:-LOST], "x.caf"),
        (wav(even(OGG), tag=0x6750)[: -len(OGG) // 3], "x.wav"),
        (MP3[: -len(MP3) // 3], "x.mp3"),
        (bytes(100) + MP3[: -len(MP3) // 3], "x.mp3"),
    ],
)
def test_a_missing_end_is_found(tmp_path: Path, content: bytes, name: str):
    with pytest.raises(UnusableSound, match=r"cut short: [0-9]+ bytes of it are missing") as error:
        read(saved(tmp_path, content, name))
    assert error.value.fault == SoundFault.CUT_SHORT


@pytest.mark.parametrize(
    ("tag", "inner"),
    [(26447, OGG), (26448, OGG), (26481, OGG), (22127, OGG), (85, MP3), (80, MP3), (61868, encoded("FLAC", "PCM_16"))],
)
def test_a_whole_file_of_another_format_inside_a_wav_is_read(tmp_path: Path, tag: int, inner: bytes):
    suffix = {b"O": "ogg", b"f": "flac"}.get(inner[:1], "mp3")
    truth = read(saved(tmp_path, inner, f"bare.{suffix}"))
    sound = read(saved(tmp_path, wav(even(inner), tag=tag)))
    assert np.array_equal(sound.samples[:, : len(TONE)], truth.samples[:, : len(TONE)])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (wav(tag=0x161), "Windows Media audio in wav cannot be read"),
        (wav(tag=0x6750), "Vorbis in wav cannot be read"),
        (wav(tag=0x2000), "Dolby AC-3 in wav cannot be read"),
        (wav(tag=0x1234), "the coding 0x1234 in wav cannot be read"),
        (wav(tag=0xFFFE, more=struct.pack("<HHIH", 22, 16, 4, 0x2001) + bytes(14)), "DTS in wav cannot be read"),
        (CAF.replace(b"lpcm", b"aac "), "AAC in caf cannot be read"),
        (b"\x0b\x77" + bytes(99), "AC-3 cannot be read"),
    ],
)
def test_a_coding_that_cannot_be_decoded_is_named_with_the_way_to_convert_it(
    tmp_path: Path, content: bytes, words: str
):
    with pytest.raises(UnusableSound, match=f"x.wav: {words}; convert it to flac or wav first, .*ffmpeg -i") as error:
        read(saved(tmp_path, content))
    assert error.value.fault == SoundFault.UNKNOWN_FORMAT


@pytest.mark.parametrize("name", ["x.mp3", "x.wav", "x.flac", "x"])
def test_bare_mpeg_frames_are_known_whatever_the_file_is_called(tmp_path: Path, name: str):
    assert np.array_equal(read(saved(tmp_path, MP3, name)).samples, read(saved(tmp_path, MP3, "truth.mp3")).samples)


@pytest.mark.parametrize(
    "junk",
    [
        bytes(1),
        bytes(417),
        b"\xff\xfb\x90\x00" + bytes(60),
        TAG + bytes(3000),
        b"RIFF junk" * 2000,
        bytes(range(256)) * 9,
    ],
)
def test_junk_before_the_first_frame_of_an_mp3_is_skipped_with_a_note(tmp_path: Path, junk: bytes):
    truth = read(saved(tmp_path, MP3, "truth.mp3"))
    path = saved(tmp_path, junk + MP3, "x.mp3")
    assert np.array_equal(read(path).samples, truth.samples)
    length = len(junk) - (len(TAG) if junk.startswith(TAG) else 0)
    assert note(path) == f"{length} bytes before its first frame are skipped"


@pytest.mark.parametrize(
    ("header", "length"),
    [
        ("fffb9000", 417),  # version 1, layer III, 128 kbit/s at 44.1 kHz: 144 * 128000 / 44100
        ("fffb9200", 418),  # the same, padded
        ("fff38000", 208),  # version 2, layer III, 64 kbit/s at 22.05 kHz: 72 * 64000 / 22050
        ("fffd8400", 384),  # version 1, layer II, 128 kbit/s at 48 kHz: 144 * 128000 / 48000
        ("ffff4400", 128),  # version 1, layer I, 128 kbit/s at 48 kHz: 12 * 128000 / 48000 * 4
        ("fffb0000", None),  # a rate that no header names
        ("fffbfc00", None),
        ("fff19000", None),  # raw AAC
        ("ffd8ffe0", None),  # JPEG
    ],
)
def test_the_length_of_a_frame_is_that_of_the_standard(header: str, length: int | None):
    assert frame_length(bytes.fromhex(header)) == length


def test_one_header_by_chance_makes_no_frames(tmp_path: Path):
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, 60_000, np.uint8).tobytes()
    with saved(tmp_path, noise).open("rb") as file:
        assert first_frame(file, 0) is None
    assert CHAIN >= 3
    with pytest.raises(UnusableSound, match="not a sound"):
        read(saved(tmp_path, noise, "x.mp3"))
