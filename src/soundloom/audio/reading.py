"""Sound files in: wav, flac, ogg, opus, mp3, aiff; refused where damaged, in pieces where long."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import soundfile

from soundloom.audio.formats import SUFFIXES
from soundloom.audio.headers import container, foreign, hides_its_length, missing_bytes
from soundloom.audio.value import MOST_CHANNELS, Audio
from soundloom.runtime.files import printable

MOST_AT_ONCE = 2**26  # samples of a channel, 25 minutes at 44.1 kHz: a damaged mp3 may claim 2**63 - 1


class UnusableSound(ValueError):
    """A file that cannot be used as sound: `reason` says why, the whole sentence also names it and the next move."""

    def __init__(self, name: str, reason: str, advice: str = "copy it again or leave it out") -> None:
        super().__init__(f"{name}: {reason}; {advice}")
        self.reason = reason


@contextmanager
def opened(path: Path | str) -> Iterator[soundfile.SoundFile]:
    """An open sound file, known to be whole as far as its headers can say.

    Raises:
        UnusableSound: missing, unreadable, empty, no sound, in a format that cannot be read, damaged or cut short.
    """
    name = printable(Path(path).name)
    suffix = os.path.splitext(path)[1]  # noqa: PTH122 - the name may hold any bytes
    try:
        file = open(path, "rb", buffering=0)  # noqa: PTH123, SIM115 - closed below
    except FileNotFoundError:
        raise UnusableSound(printable(path), "does not exist", "check the path") from None
    except OSError as error:
        raise UnusableSound(name, f"cannot be opened ({error.strerror})", "check its permissions") from None
    with file:
        head = file.read(32)
        if not head:
            raise UnusableSound(name, "empty (0 bytes)")
        kind = container(head, suffix)
        if kind is None and (known := foreign(head)):
            raise UnusableSound(name, f"{known} cannot be read", "convert it to flac or wav first")
        if kind is None:
            though = f", though its name ends in {suffix}" if suffix.lower() in SUFFIXES else ""
            raise UnusableSound(name, f"not a sound{though}", "give wav, flac, ogg, opus, mp3 or aiff")
        if hides_its_length(head):
            raise UnusableSound(name, "does not say how long it is (0 samples)", "write it anew with flac or ffmpeg")
        missing = missing_bytes(file, kind)
        if missing:
            raise UnusableSound(name, f"cut short: {missing} bytes of it are missing")
        file.seek(0)
        try:
            with soundfile.SoundFile(file if os.name == "nt" else file.fileno(), closefd=False) as sound:
                if sound.channels > MOST_CHANNELS:
                    reason = f"has {sound.channels} channels, at most {MOST_CHANNELS} are taken"
                    raise UnusableSound(name, reason, "mix it down first")
                yield sound
        except soundfile.LibsndfileError as error:
            raise UnusableSound(name, f"damaged ({_reason(error)})") from None


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
    size = min(total, MOST_AT_ONCE if frames is None else frames)
    while found < total and (block := len(samples := sound.read(size, dtype="float32", always_2d=True))):
        found += block
        if not (np.isfinite(samples.min()) and np.isfinite(samples.max())):  # a NaN spreads to both
            raise UnusableSound(name, "holds samples that are NaN or infinite", "repair it or leave it out")
        yield Audio(np.ascontiguousarray(samples.T), rate)
    if found < total and not _length_is_a_guess(sound.format, found, total):
        reason = f"cut short: its header says {total / rate:.2f} s but {found / rate:.2f} s are there"
        raise UnusableSound(name, reason)
    if not found:
        raise UnusableSound(name, "holds 0 samples", "leave it out")


def read(path: Path | str) -> Audio:
    """The whole of a sound file: wav, flac, ogg, opus, mp3, aiff, of any rate, width and channel count.

    Raises:
        UnusableSound: a ValueError, see `opened` and `pieces`; it names the file, what is wrong and the next move.
    """
    with opened(path) as sound:
        parts = list(pieces(sound, printable(Path(path).name)))
    samples = parts[0].samples if len(parts) == 1 else np.concatenate([part.samples for part in parts], axis=1)
    return Audio(samples, parts[0].sample_rate)


def _reason(error: soundfile.LibsndfileError) -> str:
    return str(error.error_string).strip().rstrip(".")


def _length_is_a_guess(container_name: str, found: int, total: int) -> bool:
    # without a Xing header the length of an MP3 is extrapolated from its first frames
    return container_name == "MP3" and found > 0.05 * total
