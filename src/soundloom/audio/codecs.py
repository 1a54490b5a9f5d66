"""Names of codings inside wav, aiff and caf that cannot be decoded here, for the sentence that refuses them."""

from __future__ import annotations

import struct

READABLE_TAGS = frozenset(
    (0x0001, 0x0002, 0x0003, 0x0006, 0x0007, 0x0011, 0x0031, 0x0038, 0x0040, 0x0045, 0x0055, 0x0064, 0x0065, 0x0165)
)
TAGS = {
    0x0022: "DSP TrueSpeech",
    0x0042: "Microsoft G.723.1",
    0x0050: "MPEG audio",
    0x0055: "MP3",
    0x0069: "Xbox ADPCM",
    0x0092: "Dolby AC-3",
    0x00FF: "AAC",
    0x0130: "Sipro ACELP",
    0x0160: "Windows Media audio",
    0x0161: "Windows Media audio",
    0x0162: "Windows Media audio",
    0x0163: "Windows Media audio",
    0x0200: "Creative ADPCM",
    0x0270: "ATRAC3",
    0x0401: "Intel Music Coder",
    0x1600: "AAC",
    0x1602: "AAC",
    0x2000: "Dolby AC-3",
    0x2001: "DTS",
    0x566F: "Vorbis",
    0x704F: "Opus",
    0xF1AC: "FLAC",
}
TAGS |= dict.fromkeys((0x674F, 0x6750, 0x6751, 0x676F, 0x6770, 0x6771), "Vorbis")
FOUR_LETTERS = {
    b"aac ": "AAC",
    b"MAC3": "MACE 3:1",
    b"MAC6": "MACE 6:1",
    b"QDM2": "QDesign Music",
    b"QDMC": "QDesign Music",
}
FOUR_LETTERS |= {b".mp3": "MP3", b"ac-3": "Dolby AC-3", b"ec-3": "Dolby AC-3", b"Qclp": "Qualcomm PureVoice"}
EXTENSIBLE = 0xFFFE  # the true tag begins the sub-format, 24 bytes into the chunk


def format_tag(layout: bytes, order: str = "<") -> int:
    """The number of the coding in the content of a wav's fmt chunk; 0 where it is too short."""
    if len(layout) < 2:
        return 0
    (tag,) = struct.unpack(f"{order}H", layout[:2])
    if tag == EXTENSIBLE and len(layout) >= 26:
        (tag,) = struct.unpack(f"{order}H", layout[24:26])
    return int(tag)


def codec_name(container: str, layout: bytes) -> str | None:
    """The coding of a wav, aiff or caf, from its fmt, COMM or desc chunk; None where it is one that can be read."""
    if container == "wav":
        tag = format_tag(layout)
        return None if tag in READABLE_TAGS or not layout else TAGS.get(tag, f"the coding 0x{tag:04X}")
    letters = layout[18:22] if container == "aiff" else layout[8:12]
    return FOUR_LETTERS.get(letters)
