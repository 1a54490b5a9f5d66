"""A part of a file as a file of its own, with some bytes replaced: what a decoder should see of a faulty file."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from typing import BinaryIO


class Section(io.RawIOBase):
    """Read-only; places count from the start of the section."""

    def __init__(self, file: BinaryIO, start: int, length: int, replace: Mapping[int, bytes] | None = None) -> None:
        super().__init__()
        self.file, self.start, self.length = file, start, length
        self.replace = dict(replace or {})  # by place in the section
        self.place = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.place

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        origin = {os.SEEK_SET: 0, os.SEEK_CUR: self.place, os.SEEK_END: self.length}[whence]
        self.place = max(0, origin + offset)
        return self.place

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        self.file.seek(self.start + self.place)
        content = bytearray(self.file.read(max(0, min(len(buffer), self.length - self.place))))
        for at, new in self.replace.items():
            for offset, byte in enumerate(new, start=at - self.place):
                if 0 <= offset < len(content):
                    content[offset] = byte
        buffer[: len(content)] = content
        self.place += len(content)
        return len(content)
