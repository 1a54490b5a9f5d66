"""Which container the first bytes of a file announce, whatever its name ends in."""

from __future__ import annotations

from soundloom.audio.mpeg import frame_length

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
    (0, b"#!AMR", "AMR"),
    (0, b"DSD ", "DSD"),
    (0, b"TTA1", "True Audio"),
    (0, b"\x0b\x77", "AC-3"),
)

MPEG_SUFFIXES = (".mp1", ".mp2", ".mp3", ".mpa", ".mpga")


def container(head: bytes, suffix: str = "") -> str | None:
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
    return "mp3" if framed and (suffix.lower() in MPEG_SUFFIXES or frame_length(head) is not None) else None


def foreign(head: bytes) -> str | None:
    """The name of a sound format that is known but cannot be read here, or None."""
    return next((name for offset, mark, name in FOREIGN if head[offset : offset + len(mark)] == mark), None)


def hides_its_length(head: bytes) -> bool:
    """Whether this is the start of a FLAC stream that was piped: the decoder wants a length and its header has 0."""
    return head[:4] == b"fLaC" and len(head) >= 26 and int.from_bytes(head[18:26], "big") % 2**36 == 0
