"""Samples to the bytes of a sound file: the same samples give the same bytes, on any day."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import soundfile

ENCODINGS = {"flac": ("FLAC", "PCM"), "aiff": ("AIFF", "PCM"), "ogg": ("OGG", "VORBIS"), "opus": ("OGG", "OPUS")}
ENCODINGS |= {"mp3": ("MP3", "MPEG_LAYER_III")}
RATES = {
    "opus": (8000, 12000, 16000, 24000, 48000),
    "mp3": (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000),
}
FLAC_LEVEL = 0.25  # of 1.0: twice as fast as the highest level, files 4 % larger
BLOCK = 1 << 16  # frames handed to an encoder at once; Vorbis overflows its stack on far more
LARGEST_WAV = 2**32 - 64  # its header counts bytes in 32 bits


def encode(samples: np.ndarray, sample_rate: int, kind: str, bits: int) -> bytes:
    """A whole file.

    Args:
        samples: float32 (channel, time) within +-1, or beyond it in wav of 32 bits.
        sample_rate: in Hz, one that the format can hold.
        kind: wav, flac, aiff, ogg, opus or mp3.
        bits: 16 or 24, or 32 for float samples in wav; ogg, opus and mp3 do without.

    Raises:
        ValueError: so many channels or samples do not fit the format.
    """
    if kind == "wav":
        return _wav(samples, sample_rate, bits)
    container, coding = ENCODINGS[kind]
    whole = coding == "PCM"
    frames = integers(samples, bits) << (32 - bits) if whole else samples.T
    target = io.BytesIO()
    try:
        file = soundfile.SoundFile(
            target,
            "w",
            samplerate=sample_rate,
            channels=len(samples),
            format=container,
            subtype=f"PCM_{bits}" if whole else coding,
            compression_level=FLAC_LEVEL if kind == "flac" else None,
        )
    except soundfile.LibsndfileError:
        raise ValueError(
            f"{kind} cannot hold {len(samples)} channels at {sample_rate} Hz; write wav, or mix down or resample first"
        ) from None
    with file:
        for start in range(0, len(frames), BLOCK):
            file.write(np.ascontiguousarray(frames[start : start + BLOCK]))
    return pin_ogg_serial(target.getvalue()) if container == "OGG" else target.getvalue()


def integers(samples: np.ndarray, bits: int) -> np.ndarray:
    """Float samples (channel, time) rounded to whole steps, int32 (time, channel); +1 becomes the highest step."""
    scale = 2.0 ** (bits - 1)
    return np.clip(np.rint(samples.T.astype(np.float64) * scale), -scale, scale - 1).astype(np.int32)


def _wav(samples: np.ndarray, sample_rate: int, bits: int) -> bytes:
    # own writer: libsndfile stamps float files with the time of day
    frame = len(samples) * bits // 8
    if samples.shape[1] * frame > LARGEST_WAV:
        raise ValueError(f"wav holds at most 4 GB and this takes {samples.shape[1] * frame / 1e9:.1f}; write flac")
    if bits == 32:
        data = samples.T.astype("<f4").tobytes()
    elif bits == 16:
        data = integers(samples, bits).astype("<i2").tobytes()
    else:
        data = integers(samples, bits).astype("<i4").reshape(-1).view(np.uint8).reshape(-1, 4)[:, :3].tobytes()
    kind = 3 if bits == 32 else 1
    layout = struct.pack("<HHIIHH", kind, len(samples), sample_rate, sample_rate * frame, frame, bits)
    chunks = b"fmt " + struct.pack("<I", len(layout)) + layout + b"data" + struct.pack("<I", len(data)) + data
    chunks += b"\0" * (len(data) % 2)
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def pin_ogg_serial(content: bytes, serial: int = 1) -> bytes:
    """The same Ogg stream under a fixed serial number, so that the same sound gives the same bytes.

    Encoders draw the number from the clock. Each page carries it and a checksum, both of which are written again.
    RFC 3533, https://www.rfc-editor.org/rfc/rfc3533
    """
    pages = bytearray(content)
    offset = 0
    while pages[offset : offset + 4] == b"OggS":
        segments = pages[offset + 26]
        end = offset + 27 + segments + sum(pages[offset + 27 : offset + 27 + segments])
        pages[offset + 14 : offset + 18] = struct.pack("<I", serial)
        pages[offset + 22 : offset + 26] = bytes(4)
        pages[offset + 22 : offset + 26] = struct.pack("<I", ogg_checksum(bytes(pages[offset:end])))
        offset = end
    return bytes(pages)


_MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def ogg_checksum(page: bytes) -> int:
    """Ogg's checksum of a page whose checksum field is zero.

    It is zlib's CRC-32 with the bits of every byte mirrored and no inversion, which lets zlib do the work.
    """
    mirrored = zlib.crc32(page.translate(_MIRRORED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{mirrored:032b}"[::-1], 2)
