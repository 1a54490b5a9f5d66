"""Sound files in: wav, flac, ogg, opus, mp3, aiff; refused where damaged, in pieces where long."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
import soundfile

from soundloom.audio.containers import foreign, hides_its_length
from soundloom.audio.formats import SUFFIXES
from soundloom.audio.layout import Layout, layout
from soundloom.audio.section import Section
from soundloom.audio.value import MOST_CHANNELS, Audio
from soundloom.runtime.files import printable

LARGEST_PIECE = 2**26  # samples of a channel, 25 minutes at 44.1 kHz: a damaged mp3 may claim 2**63 - 1
CONVERT = "convert it to flac or wav first, such as by: ffmpeg -i FILE NEW.flac"


class SoundFault(StrEnum):
    """Why a file cannot be used as sound."""

    ABSENT = "absent"
    UNREADABLE = "unreadable"
    EMPTY = "empty"
    NOT_A_SOUND = "not_a_sound"
    UNKNOWN_FORMAT = "unknown_format"
    UNKNOWN_LENGTH = "unknown_length"
    CUT_SHORT = "cut_short"
    DAMAGED = "damaged"
    TOO_MANY_CHANNELS = "too_many_channels"
    NOT_FINITE = "not_finite"
    NO_SAMPLES = "no_samples"


class UnusableSound(ValueError):
    """A file that cannot be used as sound: `fault` and `reason` say why, `advice` what to do; the message has all."""

    def __init__(
        self, name: str, fault: SoundFault, reason: str, advice: str = "copy it again or leave it out"
    ) -> None:
        super().__init__(f"{name}: {reason}; {advice}")
        self.fault = fault
        self.reason = reason
        self.advice = advice


class OpenSound(NamedTuple):
    """An open sound file, and a sentence about what is wrong with it but does no harm; "" for nothing."""

    file: soundfile.SoundFile
    note: str


@contextmanager
def opened(path: Path | str) -> Iterator[OpenSound]:
    """An open sound file, known to be whole as far as its headers can say.

    Raises:
        UnusableSound: missing, unreadable, empty, no sound, in a format that cannot be read, damaged or cut short.
    """
    name = printable(Path(path).name)
    suffix = os.path.splitext(path)[1]  # noqa: PTH122 - the name may hold any bytes
    try:
        file = open(path, "rb", buffering=0)  # noqa: PTH123, SIM115 - closed below
    except FileNotFoundError:
        raise UnusableSound(printable(path), SoundFault.ABSENT, "does not exist", "check the path") from None
    except OSError as error:
        reason = f"cannot be opened ({error.strerror})"
        raise UnusableSound(name, SoundFault.UNREADABLE, reason, "check its permissions") from None
    with file:
        found = _readable_layout(file, name, suffix)
        file.seek(0)
        source: object = file if os.name == "nt" else file.fileno()
        if not found.whole_file:
            source = Section(file, found.start, found.length, found.replace)
        try:
            with soundfile.SoundFile(source, closefd=False) as sound:
                if sound.channels > MOST_CHANNELS:
                    reason = f"has {sound.channels} channels, at most {MOST_CHANNELS} are taken"
                    raise UnusableSound(name, SoundFault.TOO_MANY_CHANNELS, reason, "mix it down first")
                yield OpenSound(sound, found.note)
        except soundfile.LibsndfileError as error:
            raise UnusableSound(name, SoundFault.DAMAGED, f"damaged ({_reason(error)})") from None


def _readable_layout(file: BinaryIO, name: str, suffix: str) -> Layout:
    """Where the sound is in a file, which is refused where no decoder would do it justice."""
    head = file.read(32)
    if not head:
        raise UnusableSound(name, SoundFault.EMPTY, "empty (0 bytes)")
    found = layout(file, suffix)
    if found is None and (known := foreign(head)):
        raise UnusableSound(name, SoundFault.UNKNOWN_FORMAT, f"{known} cannot be read", CONVERT)
    if found is None:
        though = f", though its name ends in {suffix}" if suffix.lower() in SUFFIXES else ""
        advice = "give wav, flac, ogg, opus, mp3 or aiff"
        raise UnusableSound(name, SoundFault.NOT_A_SOUND, f"not a sound{though}", advice)
    if found.codec:
        reason = f"{found.codec} in {found.container} cannot be read"
        raise UnusableSound(name, SoundFault.UNKNOWN_FORMAT, reason, CONVERT)
    if hides_its_length(head):
        reason, advice = "does not say how long it is (0 samples)", "write it again with flac or ffmpeg"
        raise UnusableSound(name, SoundFault.UNKNOWN_LENGTH, reason, advice)
    if found.missing:
        raise UnusableSound(name, SoundFault.CUT_SHORT, f"cut short: {found.missing} bytes of it are missing")
    return found


def pieces(sound: soundfile.SoundFile, name: str, frames: int | None = None) -> Iterator[Audio]:
    """What an open file holds, in pieces, so that one longer than the memory can be read.

    Args:
        sound: from `opened`.
        name: for the error.
        frames: length of a piece, for each channel; None for all at once, where that is not very long.

    Raises:
        UnusableSound: the sound ends before its header says, or a sample is NaN or infinite.
    """
    rate, total, found = sound.samplerate, sound.frames, 0
    size = min(total, LARGEST_PIECE if frames is None else frames)
    while found < total and (block := len(samples := sound.read(size, dtype="float32", always_2d=True))):
        found += block
        if not (np.isfinite(samples.min()) and np.isfinite(samples.max())):  # a NaN spreads to both
            raise UnusableSound(name, SoundFault.NOT_FINITE, "holds samples that are NaN or infinite", "leave it out")
        yield Audio(np.ascontiguousarray(samples.T), rate)
    if found < total and not _length_is_a_guess(sound.format, found, total):
        reason = f"cut short: its header says {total / rate:.2f} s but {found / rate:.2f} s are there"
        raise UnusableSound(name, SoundFault.CUT_SHORT, reason)
    if not found:
        raise UnusableSound(name, SoundFault.NO_SAMPLES, "holds 0 samples", "leave it out")


def read(path: Path | str) -> Audio:
    """The whole of a sound file: wav, flac, ogg, opus, mp3, aiff, of any rate, width and channel count.

    Raises:
        UnusableSound: a ValueError, see `opened` and `pieces`; it names the file, what is wrong and the next move.
    """
    with opened(path) as sound:
        parts = list(pieces(sound.file, printable(Path(path).name)))
    samples = parts[0].samples if len(parts) == 1 else np.concatenate([part.samples for part in parts], axis=1)
    return Audio(samples, parts[0].sample_rate)


def _reason(error: soundfile.LibsndfileError) -> str:
    return str(error.error_string).strip().rstrip(".")


def _length_is_a_guess(container_name: str, found: int, total: int) -> bool:
    # without a Xing header the length of an MP3 is extrapolated from its first frames
    return container_name == "MP3" and found > 0.05 * total
