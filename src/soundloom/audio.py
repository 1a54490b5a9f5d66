"""Audio: samples with their rate. Read, write, resample, mix down, trim, fit to a length, set the loudness."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr

from soundloom.config import nearest, write_atomically
from soundloom.containers.encoders import RATES, encode
from soundloom.containers.headers import container, foreign, hides_its_length, missing_bytes

FORMATS = {"wav": "wav", "flac": "flac", "ogg": "ogg", "oga": "ogg", "opus": "opus", "mp3": "mp3"}
FORMATS |= {"aiff": "aiff", "aif": "aiff"}
SUFFIXES = frozenset(f".{name}" for name in (*FORMATS, "mp1", "mp2", "aifc", "au", "caf", "w64", "rf64", "snd", "voc"))
MOST_AT_ONCE = 2**26  # samples of a channel, 25 minutes at 44.1 kHz: a damaged mp3 may claim 2**63 - 1
LOUDNESS_BLOCK_SECONDS = 0.4  # gating block of ITU-R BS.1770


@dataclass(frozen=True, eq=False)
class Audio:
    """Sound: float32 samples (channel, time), full scale at +-1, and how many of them make a second."""

    samples: np.ndarray
    sample_rate: int

    def __post_init__(self) -> None:
        samples = np.asarray(self.samples, np.float32)
        if samples.ndim == 1:
            samples = samples[None]
        if samples.ndim != 2 or samples.shape[0] == 0:
            raise ValueError(f"samples have shape {samples.shape}; audio is (channel, time) with at least one channel")
        if self.sample_rate <= 0:
            raise ValueError(f"sample rate is {self.sample_rate}; it must be above 0 Hz")
        object.__setattr__(self, "samples", samples)
        object.__setattr__(self, "sample_rate", int(self.sample_rate))

    @property
    def channels(self) -> int:
        return int(self.samples.shape[0])

    @property
    def seconds(self) -> float:
        return float(self.samples.shape[1] / self.sample_rate)

    @property
    def peak(self) -> float:
        """Largest absolute sample; 0 for no samples."""
        return float(np.abs(self.samples).max(initial=0.0))


class UnusableSound(ValueError):
    """A file that cannot be used as sound: `reason` says why, the whole sentence also names it and the next move."""

    def __init__(self, name: str, reason: str, advice: str = "copy it again or leave it out") -> None:
        super().__init__(f"{name}: {reason}; {advice}")
        self.reason = reason


def printable(path: Path | str) -> str:
    """A path as text that any terminal and JSON can hold: bytes that are not UTF-8 are shown as \\xNN."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


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


def write(path: Path | str, audio: Audio, format: str | None = None, bits: int = 16) -> str | None:
    """Write a sound file: whole, or not at all. The same audio gives the same bytes.

    Samples beyond +-1 would be clipped, so the whole sound is then scaled down by its peak, except in float wav.

    Args:
        path: where; folders above it are made.
        audio: what.
        format: wav, flac, ogg, opus, mp3 or aiff; None takes it from the suffix.
        bits: 16 or 24, or 32 for float samples in wav; ogg, opus and mp3 do without.

    Returns:
        A sentence about what had to be changed (level, rate), or None.

    Raises:
        ValueError: an unknown format, bits that it cannot hold, no samples, or samples that are NaN or infinite.
    """
    path = Path(path)
    asked = (format or path.suffix.lstrip(".")).lower()
    if asked not in FORMATS:
        raise ValueError(f"{printable(path.name)}: no sound format {asked!r}; {nearest(asked, FORMATS)}")
    kind = FORMATS[asked]
    if bits not in ((16, 24, 32) if kind == "wav" else (16, 24)):
        raise ValueError(f"{kind} cannot hold {bits} bits; take 16 or 24, or 32 (float) in wav")
    if not audio.samples.shape[1]:
        raise ValueError(f"{printable(path.name)}: there are 0 samples to write")
    if not np.isfinite(audio.samples).all():
        raise ValueError(f"{printable(path.name)}: samples are NaN or infinite, so nothing was written")
    notes = []
    rate = next((r for r in RATES.get(kind, ()) if r >= audio.sample_rate), RATES.get(kind, (audio.sample_rate,))[-1])
    if rate != audio.sample_rate:
        notes.append(f"resampled from {audio.sample_rate} to {rate} Hz, a rate that {kind} can hold")
        audio = resample(audio, rate)
    if audio.peak > 1.0 and bits != 32:
        notes.append(f"scaled down by its peak of {audio.peak:.3g} so that nothing clips")
        audio = Audio(audio.samples / audio.peak, rate)
    write_atomically(path, encode(audio.samples, rate, kind, bits))
    return f"{printable(path.name)}: {'; '.join(notes)}" if notes else None


def resample(audio: Audio, sample_rate: int) -> Audio:
    """The same sound at another rate (Hz), band-limited; lasts as long to within a sample."""
    if sample_rate == audio.sample_rate:
        return audio
    changed = soxr.resample(audio.samples.T, audio.sample_rate, sample_rate, quality="HQ")
    return Audio(np.ascontiguousarray(changed.T), sample_rate)


def mix_down(audio: Audio, channels: int = 1) -> Audio:
    """Bring a sound to a channel count: as it is, spread one channel over all, or the mean of all channels.

    Channels that cancel out (the mean is 60 dB below them) are not averaged: the loudest one stands for all.
    """
    if audio.channels == channels:
        return audio
    mono = audio.samples.mean(axis=0, keepdims=True)
    if audio.channels > 1 and np.abs(mono).max(initial=0.0) < 1e-3 * audio.peak:
        mono = audio.samples[[int(np.square(audio.samples).sum(axis=1).argmax())]]
    return Audio(np.repeat(mono, channels, axis=0), audio.sample_rate)


def trim_silence(audio: Audio, threshold_db: float = -60.0) -> Audio:
    """Drop what is quiet before the first and after the last loud sample.

    Args:
        audio: any sound; one without a loud sample comes back as it is.
        threshold_db: relative to the peak of this sound, below 0.
    """
    if threshold_db >= 0:
        raise ValueError(f"threshold_db={threshold_db:g} would trim everything; give decibels below the peak, as -60")
    first, last = loud_part(audio.samples, audio.peak * 10 ** (threshold_db / 20))
    return Audio(audio.samples[:, first:last], audio.sample_rate) if last > first else audio


def loud_part(samples: np.ndarray, threshold: float) -> tuple[int, int]:
    """First loud sample and one past the last, of (channel, time); (0, 0) when nothing exceeds `threshold`."""
    loud = np.abs(samples) > threshold
    heard = loud[0] if len(loud) == 1 else loud.any(axis=0)
    first = int(heard.argmax()) if len(heard) else 0
    if not len(heard) or not heard[first]:
        return 0, 0
    return first, len(heard) - int(heard[::-1].argmax())


def never_crosses_zero(samples: np.ndarray) -> np.ndarray:
    """Which channels of (channel, time) lie on one side of zero throughout: a constant offset, no sound, does that.

    Returns:
        Booleans, (channel, 1).
    """
    return np.asarray((samples.min(axis=1, keepdims=True) > 0) | (samples.max(axis=1, keepdims=True) < 0))


def fit(audio: Audio, samples: int, fade_seconds: float = 0.01) -> Audio:
    """Exactly `samples` samples: padded with zeros at the right, or cut with a fade-out over its last bit.

    Args:
        audio: any sound.
        samples: asked length, at least 1.
        fade_seconds: half a cosine; only where something was cut off.
    """
    if samples < 1:
        raise ValueError(f"samples={samples}: a clip has at least 1")
    have = audio.samples.shape[1]
    if have <= samples:
        return Audio(np.pad(audio.samples, ((0, 0), (0, samples - have))), audio.sample_rate)
    cut = audio.samples[:, :samples].copy()
    fade = min(samples, round(fade_seconds * audio.sample_rate))
    if fade > 0:
        cut[:, samples - fade :] *= 0.5 + 0.5 * np.cos(np.pi * (np.arange(fade, dtype=np.float32) + 1) / fade)
    return Audio(cut, audio.sample_rate)


def normalise_loudness(audio: Audio, lufs: float = -23.0) -> Audio:
    """Bring a sound to a loudness (LUFS, ITU-R BS.1770), but never above full scale: then its peak becomes 1.

    Sounds under 0.4 s are measured with silence after them; silence comes back as it is.
    """
    import warnings

    import pyloudnorm

    meter = pyloudnorm.Meter(audio.sample_rate, block_size=LOUDNESS_BLOCK_SECONDS)
    least = int(np.ceil(LOUDNESS_BLOCK_SECONDS * audio.sample_rate)) + 1
    measured = fit(audio, max(least, audio.samples.shape[1])).samples[:5].T.astype(np.float64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the logarithm of digital silence is asked for and handled here
        now = float(meter.integrated_loudness(measured))
    if not np.isfinite(now):
        return audio
    gain = min(10 ** ((lufs - now) / 20), 1.0 / audio.peak)
    return Audio(audio.samples * np.float32(gain), audio.sample_rate)


def _reason(error: soundfile.LibsndfileError) -> str:
    return str(error.error_string).strip().rstrip(".")


def _length_is_a_guess(container_name: str, found: int, total: int) -> bool:
    # without a Xing header the length of an MP3 is extrapolated from its first frames
    return container_name == "MP3" and found > 0.05 * total
