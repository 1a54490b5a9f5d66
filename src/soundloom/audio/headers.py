"""What the bytes of a file say about it before anything is decoded: which container, and whether its end is missing.

Decoders hide a missing end: most return the sound up to the cut as if that were all of it.
"""

from __future__ import annotations

import os
import struct
from typing import BinaryIO

# Sizes that a program writes when it streams to a pipe and cannot come back to fill them in.
STREAMED = 0x7FFF0000

SIGNATURES: tuple[tuple[int, bytes, str], ...] = (
    (8, b"WAVE", "wav"),
    (8, b"AIFF", "aiff"),
    (8, b"AIFC", "aiff"),
    (8, b"8SVX", "svx"),
    (0, b"fLaC", "flac"),
    (0, b"OggS", "ogg"),
    (0, b".snd", "au"),
    (0, b"caff", "caf"),
    (0, b"riff\x2e\x91\xcf\x11", "w64"),
    (0, b"Creative Voice File", "voc"),
    (0, b"NIST_1A", "nist"),
)

FOREIGN: tuple[tuple[int, bytes, str], ...] = (
    (4, b"ftyp", "AAC or ALAC in MPEG-4"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "Windows Media audio"),
    (0, b"MAC ", "Monkey's Audio"),
    (0, b"wvpk", "WavPack"),
    (0, b"\x1aE\xdf\xa3", "Matroska or WebM"),
    (0, b"MThd", "MIDI (notes, not sound)"),
    (0, b"\xff\xf1", "raw AAC"),
    (0, b"\xff\xf9", "raw AAC"),
)

MPEG_SUFFIXES = (".mp1", ".mp2", ".mp3", ".mpa", ".mpga")


def container(head: bytes, suffix: str) -> str | None:
    """The container that a file's first 32 bytes announce ("wav", "flac", "mp3", ...), or None if it is no sound.

    Args:
        head: the first bytes of the file, 32 or more where it has them.
        suffix: of its name, with the dot, in any case. Only bare MPEG frames need it: their mark is too short to trust.
    """
    for offset, mark, name in SIGNATURES:
        if head[offset : offset + len(mark)] == mark:
            return name
    if head[:3] == b"ID3":
        return "mp3"
    framed = len(head) >= 4 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0 and head[1] & 0x06 != 0
    return "mp3" if framed and suffix.lower() in MPEG_SUFFIXES else None


def foreign(head: bytes) -> str | None:
    """The name of a sound format that is known but cannot be read here, or None."""
    return next((name for offset, mark, name in FOREIGN if head[offset : offset + len(mark)] == mark), None)


def hides_its_length(head: bytes) -> bool:
    """Whether this is the start of a FLAC stream that was piped: the decoder wants a length and its header has 0."""
    return head[:4] == b"fLaC" and len(head) >= 26 and int.from_bytes(head[18:26], "big") % 2**36 == 0


def missing_bytes(file: BinaryIO, kind: str) -> int:
    """How many bytes of sound the headers announce beyond the end of the file: 0 when it is whole or does not say."""
    size = file.seek(0, os.SEEK_END)
    match kind:
        case "wav":
            return _chunk_overrun(file, size, b"data", ">" if _head(file, 4) == b"RIFX" else "<")
        case "aiff":
            return _chunk_overrun(file, size, b"SSND", ">")
        case "ogg":
            return _ogg_overrun(file, size)
        case "mp3":
            return _mpeg_overrun(file, size)
    return 0


def _head(file: BinaryIO, count: int, offset: int = 0) -> bytes:
    file.seek(offset)
    return file.read(count)


def _chunk_overrun(file: BinaryIO, size: int, wanted: bytes, order: str) -> int:
    wide = None  # RF64 keeps the true size of the data in an earlier chunk
    offset = 12
    while offset + 8 <= size:
        name, length = struct.unpack(f"{order}4sI", _head(file, 8, offset))
        if name == b"ds64":
            wide = struct.unpack("<Q", _head(file, 8, offset + 16).ljust(8, b"\0"))[0]
        if name == wanted:
            if length == 0xFFFFFFFF and wide is not None:
                length = wide
            elif length >= STREAMED:
                return 0
            return max(0, offset + 8 + int(length) - size)
        offset += 8 + length + length % 2
    return 0


def _ogg_overrun(file: BinaryIO, size: int) -> int:
    start = max(0, size - 70_000)  # a page has at most 65 307 bytes
    tail = _head(file, size - start, start)
    at = tail.rfind(b"OggS\0")
    if at < 0:
        return 0
    page = tail[at:]
    segments = page[26] if len(page) > 26 else 1
    if len(page) < 27 + segments:
        return 27 + segments - len(page)
    return max(0, 27 + segments + sum(page[27 : 27 + segments]) - len(page))


def _mpeg_overrun(file: BinaryIO, size: int) -> int:
    head = _head(file, 10)
    start = 0
    if head[:3] == b"ID3" and len(head) == 10:
        start = 10 + (head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9])
    frame = _head(file, 200, start)
    for mark in (b"Xing", b"Info"):
        at = frame.find(mark)
        if at >= 0 and len(frame) >= at + 16:
            flags, first, second = struct.unpack(">3I", frame[at + 4 : at + 16])
            announced = second if flags & 1 else first  # the count of frames comes first where there is one
            return max(0, start + int(announced) - size) if flags & 2 else 0
    return 0
