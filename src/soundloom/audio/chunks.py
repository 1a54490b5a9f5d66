"""Sizes in the headers of wav, aiff, au and caf, compared with the file: sound that is missing, sizes that are wrong.

Decoders believe a size of 0 and hide a missing end; both are found here.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, NamedTuple

STREAMED = 0x7FFF0000  # from here on: sizes of a program that writes to a pipe and cannot come back to fill them in
HEADER_BUG = 256  # bytes: programs that count their own header as sound announce so much too much
UP_TO_THE_END = "its header says that it holds no sound; what follows is used up to the end of the file"


class Chunk(NamedTuple):
    """A piece of a file: its name, and where its size and its content stand."""

    name: bytes
    size_at: int
    begin: int
    length: int


@dataclass
class SoundChunk:
    """The chunk with the samples."""

    begin: int  # bytes into the file
    length: int  # bytes that are there
    missing: int = 0  # bytes that were announced, by a header that fits a longer file, and are not there
    note: str = ""  # about a wrong header that does no harm
    replace: dict[int, bytes] = field(default_factory=dict)  # by place: bytes of the header that a decoder should see


def sound_chunk(file: BinaryIO, container: str, size: int) -> SoundChunk | None:
    """The samples of a file of a container, wav, aiff, au or caf; None where there is no such chunk.

    A header that announces more than there is means a file that was cut short, unless the size of the whole file is as
    announced, or the surplus is no more than a header.
    """
    match container:
        case "wav":
            return _of_wav(file, size)
        case "aiff":
            chunks = {chunk.name: chunk for chunk in _chunks(file, size, ">4sI", 12)}
            return _compared(chunks[b"SSND"], ">I", _outer(file, ">"), size) if b"SSND" in chunks else None
        case "au":
            begin, length = struct.unpack(">2I", _at(file, 4, 8).ljust(8, b"\0"))
            return _compared(Chunk(b"", 8, begin, length), ">I", None, size) if begin else None
        case "caf":
            chunks = {chunk.name: chunk for chunk in _chunks(file, size, ">4sq", 8)}
            return _of_caf(chunks[b"data"], size) if b"data" in chunks else None
    return None


def format_chunk(file: BinaryIO, container: str, size: int) -> bytes:
    """What the header says about the coding: the content of fmt in wav, of COMM in aiff, of desc in caf."""
    name, head, start = {
        "wav": (b"fmt ", f"{_order(file)}4sI", 12),
        "aiff": (b"COMM", ">4sI", 12),
        "caf": (b"desc", ">4sq", 8),
    }[container]
    for chunk in _chunks(file, size, head, start):
        if chunk.name == name:
            return _at(file, chunk.begin, min(chunk.length, 1024))
    return b""


def _of_wav(file: BinaryIO, size: int) -> SoundChunk | None:
    order = _order(file)
    wide: int | None = None  # RF64 and BW64 keep the true size of the data in an earlier chunk
    wide_at = 0
    for chunk in _chunks(file, size, f"{order}4sI", 12):
        if chunk.name == b"ds64":
            wide_at = chunk.begin + 8
            (wide,) = struct.unpack("<Q", _at(file, wide_at, 8).ljust(8, b"\0"))
            wide = wide if wide < 2**63 else 0  # -1 for a stream
        if chunk.name != b"data":
            continue
        if wide is not None and chunk.length == 0xFFFFFFFF:
            found = _compared(chunk._replace(size_at=wide_at, length=wide), "<Q", None, size)
        else:
            found = _compared(chunk, f"{order}I", _outer(file, order), size)
        if found.length == 0 and size > chunk.begin and not _only_chunks_follow(file, chunk.begin, size, order):
            found = SoundChunk(chunk.begin, size - chunk.begin, note=UP_TO_THE_END)
            found.replace[chunk.size_at] = struct.pack(f"{order}I", min(found.length, 0xFFFFFFFF))
            if wide is not None and chunk.length == 0xFFFFFFFF:
                found.replace = {wide_at: struct.pack("<Q", found.length)}
        if _at(file, 0, 4) == b"BW64":
            found.replace[0] = b"RF64"  # the same layout under an older name, which decoders know
        return found
    return None


def _of_caf(chunk: Chunk, size: int) -> SoundChunk:
    there = size - chunk.begin
    if chunk.length < 0:  # the format's own way to say: up to the end
        return SoundChunk(chunk.begin, there, replace={chunk.size_at: struct.pack(">q", there)})
    found = _compared(chunk, ">q", None, size)
    if chunk.length > there:
        found.replace[chunk.size_at] = struct.pack(">q", there)
    return found


def _compared(chunk: Chunk, layout: str, outer: int | None, size: int) -> SoundChunk:
    """The sound chunk of a file of `size` bytes whose header announces `outer` of them, if it says so."""
    there = max(0, size - chunk.begin)
    if chunk.length == 0 and layout == ">I" and there and outer is None:  # au
        replace = {chunk.size_at: b"\xff\xff\xff\xff"}
        return SoundChunk(chunk.begin, there, note=UP_TO_THE_END, replace=replace)
    surplus = chunk.length - there
    if surplus <= 0 or (chunk.length >= STREAMED and layout != "<Q"):
        return SoundChunk(chunk.begin, min(chunk.length, there))
    if (outer is not None and outer <= size + 1) or surplus <= HEADER_BUG:  # 1: a byte that makes the length even
        note = f"its header announces {surplus} bytes more than it holds; it is used up to its end"
        return SoundChunk(chunk.begin, there, note=note if surplus > 1 else "")
    return SoundChunk(chunk.begin, there, missing=surplus)


def _chunks(file: BinaryIO, size: int, head: str, start: int) -> Iterator[Chunk]:
    width = struct.calcsize(head)
    while start + width <= size:
        name, length = struct.unpack(head, _at(file, start, width))
        yield Chunk(name, start + 4, start + width, length)
        if length < 0:
            return
        start += width + length + (length % 2 if width == 8 else 0)


def _only_chunks_follow(file: BinaryIO, start: int, size: int, order: str) -> bool:
    """Whether chunks fill the rest of a file, so that a sound of 0 bytes before them is truly empty."""
    while start + 8 <= size:
        name, length = struct.unpack(f"{order}4sI", _at(file, start, 8))
        if not all(0x20 <= byte < 0x7F for byte in name):
            return False
        start += 8 + length + length % 2
    return start in (size, size + 1)


def _outer(file: BinaryIO, order: str) -> int:
    return 8 + int(struct.unpack(f"{order}I", _at(file, 4, 4).ljust(4, b"\0"))[0])


def _order(file: BinaryIO) -> str:
    return ">" if _at(file, 0, 4) == b"RIFX" else "<"


def _at(file: BinaryIO, offset: int, count: int) -> bytes:
    file.seek(offset)
    return file.read(count)
