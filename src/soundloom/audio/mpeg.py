"""Frames of MPEG audio (mp1, mp2, mp3): where the first one is, and whether the last ones are missing.

ISO/IEC 11172-3 and 13818-3; the header of a frame is explained at http://www.mp3-tech.org/programmer/frame_header.html
"""

from __future__ import annotations

import struct
from typing import BinaryIO

KILOBITS = {  # by (version 1, layer): of the 14 rates that a header can name
    (True, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}  # by version: 1, 2, 2.5
CHAIN = 3  # frames in a row that are no chance
MOST_JUNK = 1 << 16  # bytes before the first frame
SAME_IN_ALL_FRAMES = (0xFF, 0xFE, 0x0C)  # sync, version and layer; sample rate


def frame_length(header: bytes) -> int | None:
    """Bytes of the frame with this header (4 bytes or more), or None if it is no header of a frame."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE0 != 0xE0:
        return None
    version, layer = (header[1] >> 3) & 3, 4 - ((header[1] >> 1) & 3)
    kilobits, rate = header[2] >> 4, (header[2] >> 2) & 3
    if version == 1 or layer == 4 or kilobits in (0, 15) or rate == 3:
        return None
    bits = 1000 * KILOBITS[version == 3, layer][kilobits - 1]
    padding, hertz = (header[2] >> 1) & 1, RATES[version][rate]
    if layer == 1:
        return (12 * bits // hertz + padding) * 4
    return (72 if layer == 3 and version != 3 else 144) * bits // hertz + padding


def tag_length(head: bytes) -> int:
    """Bytes of the ID3v2 tag that a file begins with; 0 for none."""
    if head[:3] != b"ID3" or len(head) < 10:
        return 0
    footer = 10 if head[5] & 0x10 else 0
    return 10 + (head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9]) + footer


def first_frame(file: BinaryIO, start: int, most_junk: int = MOST_JUNK) -> int | None:
    """Where the first of several frames in a row begins, at most `most_junk` bytes after `start`; None for nowhere."""
    file.seek(start)
    window = file.read(most_junk + CHAIN * 2000)  # no frame is longer than 1729 bytes
    at = window.find(0xFF)
    while 0 <= at <= most_junk:
        if _frames_follow(window, at):
            return start + at
        at = window.find(0xFF, at + 1)
    return None


def _frames_follow(window: bytes, at: int) -> bool:
    first = window[at : at + 3]
    for count in range(CHAIN):
        header = window[at : at + 4]
        length = frame_length(header)
        alike = length and all(
            (a ^ b) & mask == 0 for a, b, mask in zip(header, first, SAME_IN_ALL_FRAMES, strict=False)
        )
        if not alike:
            return count > 0 and header[:3] in (b"", b"TAG", b"APE")  # a sound of one or two frames
        at += length or 0
    return True


def missing_bytes(file: BinaryIO, start: int, size: int) -> int:
    """How many bytes the Xing or Info header in the first frame, at `start`, announces beyond the end of the file."""
    file.seek(start)
    frame = file.read(200)
    for mark in (b"Xing", b"Info"):
        at = frame.find(mark)
        if at >= 0 and len(frame) >= at + 16:
            flags, first, second = struct.unpack(">3I", frame[at + 4 : at + 16])
            announced = second if flags & 1 else first  # the count of frames comes first where there is one
            return max(0, start + int(announced) - size) if flags & 2 else 0
    return 0
