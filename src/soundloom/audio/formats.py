"""The names of sound formats that can be written, and the file suffixes that are looked for."""

from __future__ import annotations

FORMATS = {"wav": "wav", "flac": "flac", "ogg": "ogg", "oga": "ogg", "opus": "opus", "mp3": "mp3"}
FORMATS |= {"aiff": "aiff", "aif": "aiff"}
SUFFIXES = frozenset(
    f".{name}" for name in (*FORMATS, "mp1", "mp2", "aifc", "au", "caf", "w64", "rf64", "bw64", "snd", "voc")
)
