"""Where in a file a decoder finds the sound: behind tags and junk, inside a wav, up to an end that no header knows."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import BinaryIO

from soundloom.audio import mpeg
from soundloom.audio.chunks import format_chunk, sound_chunk
from soundloom.audio.codecs import codec_name, format_tag
from soundloom.audio.containers import MPEG_SUFFIXES, container

CHUNKED = ("wav", "aiff", "au", "caf")
MP3_TAG, MP3_LAYOUT = 0x55, 30  # bytes of a fmt chunk that a decoder takes for MP3 in wav


@dataclass(frozen=True)
class Layout:
    """What a decoder should see of a file, and what is wrong with it."""

    container: str
    start: int = 0  # bytes
    length: int = 0
    replace: Mapping[int, bytes] = field(default_factory=dict)  # by place from `start`
    missing: int = 0  # bytes that the headers announce beyond the end of the file
    codec: str = ""  # the name of a coding that cannot be decoded
    note: str = ""

    @property
    def whole_file(self) -> bool:
        """Whether a decoder may look at the file itself."""
        return self.start == 0 and not self.replace


def layout(file: BinaryIO, suffix: str) -> Layout | None:
    """Find the sound in a file; None if there is none.

    Args:
        file: open for reading in binary.
        suffix: of its name, with the dot.
    """
    size = file.seek(0, os.SEEK_END)
    head = _at(file, 0, 32)
    tag = mpeg.tag_length(head)
    if tag and (inner := container(_at(file, tag, 32))) not in (None, "mp3"):  # a tag for MP3 before another format
        return _in_container(file, str(inner), tag, size)
    kind = container(head, suffix)
    if kind == "mp3" or (kind is None and suffix.lower() in MPEG_SUFFIXES):
        return _in_mpeg(file, tag, size, suffix, sure=kind == "mp3")
    return None if kind is None else _in_container(file, kind, 0, size)


def _in_container(file: BinaryIO, kind: str, start: int, size: int) -> Layout:
    if start or kind not in CHUNKED:
        missing = _ogg_missing(file, size) if kind == "ogg" else 0
        return Layout(kind, start, size - start, missing=missing)
    sound = sound_chunk(file, kind, size)
    coding = format_chunk(file, kind, size) if kind != "au" else b""
    codec = codec_name(kind, coding) or ""
    bare_mp3 = kind == "wav" and format_tag(coding) == MP3_TAG and len(coding) < MP3_LAYOUT
    if sound is None:
        return Layout(kind, 0, size, codec=codec)
    if codec or bare_mp3:
        inner = container(_at(file, sound.begin, 32))
        if inner is not None:
            return Layout(inner, sound.begin, sound.length, missing=sound.missing)
    return Layout(kind, 0, size, sound.replace, sound.missing, codec, sound.note)


def _in_mpeg(file: BinaryIO, tag: int, size: int, suffix: str, sure: bool) -> Layout | None:
    by_name = suffix.lower() in MPEG_SUFFIXES
    frame = mpeg.first_frame(file, tag, mpeg.MOST_JUNK if by_name or tag else 0)
    if frame is None:
        return Layout("mp3", 0, size) if sure and (by_name or tag) else None
    missing = mpeg.missing_bytes(file, frame, size)
    if frame == tag:
        return Layout("mp3", 0, size, missing=missing)
    return Layout(
        "mp3", frame, size - frame, missing=missing, note=f"{frame - tag} bytes before its first frame are skipped"
    )


def _ogg_missing(file: BinaryIO, size: int) -> int:
    start = max(0, size - 70_000)  # a page has at most 65 307 bytes
    tail = _at(file, start, size - start)
    at = tail.rfind(b"OggS\0")
    if at < 0:
        return 0
    page = tail[at:]
    segments = page[26] if len(page) > 26 else 1
    if len(page) < 27 + segments:
        return 27 + segments - len(page)
    return max(0, 27 + segments + sum(page[27 : 27 + segments]) - len(page))


def _at(file: BinaryIO, offset: int, count: int) -> bytes:
    file.seek(offset)
    return file.read(count)
