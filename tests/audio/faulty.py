"""Sound files with what programs and disks do to them: wrong sizes, odd codings, junk at the start."""

from __future__ import annotations

import io
import struct

import numpy as np
import soundfile

RATE = 8000
TONE = (0.5 * np.sin(2 * np.pi * 440 * np.arange(4000) / RATE)).astype(np.float32)
PCM = np.rint(TONE * 32767).astype("<i2").tobytes()


def encoded(format: str, subtype: str, samples: np.ndarray = TONE) -> bytes:
    """A whole file, as libsndfile writes it."""
    target = io.BytesIO()
    soundfile.write(target, samples, RATE, format=format, subtype=subtype)
    return target.getvalue()


def wav(
    data: bytes = PCM,
    size: int | None = None,
    outer: int | None = None,
    tag: int = 1,
    more: bytes = b"",
    after: bytes = b"",
    name: bytes = b"RIFF",
) -> bytes:
    """A mono wav of 16 bits.

    Args:
        data: content of the chunk of samples.
        size: what its header says instead of the truth.
        outer: what the header of the file says instead of the truth.
        tag: of the coding.
        more: at the end of the format chunk.
        after: chunks behind the samples.
        name: of the file's own chunk.
    """
    layout = struct.pack("<HHIIHH", tag, 1, RATE, 2 * RATE, 2, 16) + more
    body = b"WAVEfmt " + struct.pack("<I", len(layout)) + layout
    body += b"data" + struct.pack("<I", len(data) if size is None else size) + data + after
    return name + struct.pack("<I", len(body) if outer is None else outer) + body


def with_size(content: bytes, chunk: bytes, layout: str, size: int, offset: int = 4) -> bytes:
    """A file whose chunk of that name announces another size."""
    at = content.index(chunk) + offset
    return content[:at] + struct.pack(layout, size) + content[at + struct.calcsize(layout) :]


def even(content: bytes) -> bytes:
    return content + b"\0" * (len(content) % 2)
