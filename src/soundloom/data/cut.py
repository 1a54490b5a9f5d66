"""From decoded files to clips of one length: mix down, trim, resample, cut or window, pack to 16 bits."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np
import soxr

from soundloom.audio import (
    Audio,
    fit,
    loud_part,
    loudest_if_cancelling,
    never_crosses_zero,
    normalise_loudness,
    onset_after_noise,
    resample,
    spread,
)

MARGIN = 64  # samples past the end of a clip, so that the resampler's edge stays outside it
FULL = 32767
LONGEST_SECONDS = 600.0  # of a clip: it is held in memory whole, and so is a batch of them
HIGHEST_RATE = 768_000  # Hz


@dataclass(frozen=True)
class ClipSettings:
    """How clips are made from files.

    `cut="start"` takes one clip from where a file's sound begins; "windows" takes one every `hop_seconds`. A sound
    begins at its "onset", after any steady noise of the room, or by its "level", at the first sample above `trim_db`.
    """

    sample_rate: int
    seconds: float
    channels: int = 1
    cut: Literal["start", "windows"] = "start"
    hop_seconds: float | None = None  # between windows; None for no overlap and no gap
    trim: bool = True
    start: Literal["onset", "level"] = "onset"
    trim_db: float = -60.0  # below the file's peak is silence
    loudness_lufs: float | None = None
    fade_seconds: float = 0.01  # at the end of a clip that was cut off

    def __post_init__(self) -> None:
        if not 0 < self.sample_rate <= HIGHEST_RATE:
            raise ValueError(f"sample_rate={self.sample_rate} Hz; give 1 to {HIGHEST_RATE}, such as 22050")
        if not 0 < self.seconds <= LONGEST_SECONDS:
            raise ValueError(f"seconds={self.seconds:g} but a clip lasts up to {LONGEST_SECONDS:g} s; 1 is usual")
        if self.samples < 1:
            raise ValueError(f"seconds={self.seconds:g} at {self.sample_rate} Hz is no sample; ask for longer clips")
        if self.channels < 1:
            raise ValueError(f"channels={self.channels}; a clip has at least 1")
        if self.cut not in ("start", "windows"):
            raise ValueError(f"cut={self.cut!r}; write start or windows")
        if self.start not in ("onset", "level"):
            raise ValueError(f"start={self.start!r}; write onset or level")
        if not -math.inf < self.trim_db < 0:
            raise ValueError(f"trim_db={self.trim_db:g} would trim everything; give decibels below the peak, as -60")
        if self.hop_seconds is not None and not (0 < self.hop_seconds < math.inf and self.hop >= 1):
            raise ValueError(f"hop_seconds={self.hop_seconds:g} is no sample; windows must move on")

    @property
    def samples(self) -> int:
        """Length of a clip."""
        return round(self.seconds * self.sample_rate)

    @property
    def hop(self) -> int:
        """Samples from one window to the next."""
        return self.samples if self.hop_seconds is None else round(self.hop_seconds * self.sample_rate)

    def count(self, seconds: float) -> int:
        """How many clips a file of that length gives, if none of it is silent."""
        if self.cut == "start":
            return 1
        length = round(seconds * self.sample_rate)
        whole = max(0, length - self.samples) // self.hop + 1
        rest = length - max((whole - 1) * self.hop + self.samples, whole * self.hop)
        return whole + (rest >= self.least_rest)

    def covered(self, seconds: float) -> float:
        """Seconds of a file of that length that lie in clips, if none of it is silent."""
        clip, hop = self.samples / self.sample_rate, self.hop / self.sample_rate
        before_last = self.count(seconds) - 1
        return before_last * min(hop, clip) + min(clip, seconds - before_last * hop)

    @property
    def least_rest(self) -> float:
        """Samples at the end of a file that no window holds yet and that are worth one more, padded with zeros."""
        return min(self.hop, self.samples) / 2


class Packed(NamedTuple):
    """A clip in 16 bits: sample = integer * peak / 32767, so that quiet clips keep as much detail as loud ones."""

    integers: np.ndarray  # int16 (channel, time)
    peak: float
    begins: float  # seconds into the file, silence before it included

    @property
    def samples(self) -> np.ndarray:
        return self.integers * np.float32(self.peak / FULL)


def pack(samples: np.ndarray, begins: float = 0.0) -> Packed:
    """Pack float samples (channel, time) to 16 bits; the error is at most 1/65534 of the peak."""
    peak = float(np.abs(samples).max(initial=0.0))
    scale = FULL / peak if peak > 0 else 0.0
    return Packed(np.rint(samples * np.float32(scale)).astype(np.int16), peak, begins)


@dataclass
class Cutter:
    """Takes one file piece by piece and cuts it; `clips` has the result."""

    settings: ClipSettings
    done: list[Packed] = field(default_factory=list)
    sounding: bool = False  # a piece was not silent
    source: int | None = None  # the channel to take instead of the mean
    offset: np.ndarray | None = None
    gain: float = 1.0
    taken: int = 0  # samples of the file so far, at its own rate
    peak: float = 0.0
    pending: np.ndarray | None = None  # windows: decoded but not cut yet, at the clip's rate
    begins: int = 0  # of `pending` in the file
    to_skip: int = 0  # samples that the next window leaves out and are not decoded yet
    unseen: int = 0  # samples at the end of `pending` that no window holds yet
    resampler: soxr.ResampleStream | None = None

    def add(self, piece: Audio) -> None:
        """Take the next piece of the file."""
        start, self.taken = self.taken / piece.sample_rate, self.taken + piece.samples.shape[1]
        if self.settings.cut == "start" and self.done:
            return
        piece = self._centred(self._mixed_down(piece))
        if self.settings.cut == "start":
            self._cut_start(piece, start)
        else:
            self._cut_windows(piece)

    def clips(self) -> list[Packed]:
        """The clips of the file, once all of it was added; none if it is silent throughout."""
        if self.pending is not None:
            self._take(self._resampled(np.zeros((self.settings.channels, 0), np.float32), last=True))
            self._flush()
        return self.done

    def _mixed_down(self, piece: Audio) -> Audio:
        if not self.sounding:  # what the first sounding piece shows holds for the file
            self.source = loudest_if_cancelling(piece.samples)
            self.sounding = piece.peak > 0
        return spread(piece, self.settings.channels, self.source)

    def _centred(self, piece: Audio) -> Audio:
        if self.offset is None:
            mean = piece.samples.mean(axis=1, keepdims=True)
            self.offset = np.where(never_crosses_zero(piece.samples), mean, np.float32(0.0))
        return Audio(piece.samples - self.offset, piece.sample_rate) if self.offset.any() else piece

    def _cut_start(self, piece: Audio, start: float) -> None:
        first, last = loud_part(piece.samples, piece.peak * 10 ** (self.settings.trim_db / 20))
        if last == first:
            return
        if not self.settings.trim:
            first, last = 0, piece.samples.shape[1]
        elif self.settings.start == "onset":
            first = onset_after_noise(piece.samples[:, :last], piece.sample_rate, first)
        wanted = math.ceil((self.settings.samples + MARGIN) * piece.sample_rate / self.settings.sample_rate)
        cut = Audio(piece.samples[:, first : min(last, first + wanted)], piece.sample_rate)
        clip = resample(cut, self.settings.sample_rate)
        if self.settings.loudness_lufs is not None:
            clip = normalise_loudness(clip, self.settings.loudness_lufs)
        clip = fit(clip, self.settings.samples, self.settings.fade_seconds)
        self.done.append(pack(clip.samples, start + first / piece.sample_rate))

    def _cut_windows(self, piece: Audio) -> None:
        if self.pending is None:
            self.pending = np.zeros((self.settings.channels, 0), np.float32)
            if self.settings.loudness_lufs is not None and piece.peak > 0:
                louder = normalise_loudness(piece, self.settings.loudness_lufs)
                self.gain = louder.peak / piece.peak
            if piece.sample_rate != self.settings.sample_rate:
                self.resampler = soxr.ResampleStream(
                    piece.sample_rate, self.settings.sample_rate, self.settings.channels, "float32", "HQ"
                )
        self._take(self._resampled(piece.samples * np.float32(self.gain), last=False))

    def _resampled(self, samples: np.ndarray, last: bool) -> np.ndarray:
        if self.resampler is None:
            return samples
        return np.asarray(self.resampler.resample_chunk(np.ascontiguousarray(samples.T), last)).T

    @property
    def _threshold(self) -> float:
        return self.peak * 10 ** (self.settings.trim_db / 20)

    def _take(self, samples: np.ndarray) -> None:
        assert self.pending is not None
        self.pending = np.concatenate([self.pending, samples], axis=1)
        self.unseen += samples.shape[1]
        self.peak = max(self.peak, float(np.abs(samples).max(initial=0.0)))
        self._drop(0)
        if self.settings.trim and not self.done:
            first, last = loud_part(self.pending, self._threshold)
            self._drop(first if last > first else self.pending.shape[1])
            self.unseen = self.pending.shape[1]
        while self.pending.shape[1] >= self.settings.samples:
            self._emit()
            self._drop(self.settings.hop)

    def _drop(self, count: int) -> None:
        assert self.pending is not None
        self.to_skip += count
        now = min(self.to_skip, self.pending.shape[1])
        self.pending, self.begins, self.to_skip = self.pending[:, now:], self.begins + now, self.to_skip - now

    def _emit(self) -> None:
        assert self.pending is not None
        window = self.pending[:, : self.settings.samples]
        self.unseen = self.pending.shape[1] - self.settings.samples
        if np.abs(window).max() > self._threshold:  # silence between sounds teaches nothing
            self.done.append(pack(window, self.begins / self.settings.sample_rate))

    def _flush(self) -> None:
        """The last window: what is left of the sound, with zeros after it."""
        assert self.pending is not None
        length = self.pending.shape[1]
        if self.settings.trim:
            length = loud_part(self.pending, self._threshold)[1]
        unseen = min(length, self.unseen - (self.pending.shape[1] - length))
        if length and (not self.done or unseen >= self.settings.least_rest):
            clip = fit(Audio(self.pending[:, :length], self.settings.sample_rate), self.settings.samples)
            if np.abs(clip.samples).max() > self._threshold:
                self.done.append(pack(clip.samples, self.begins / self.settings.sample_rate))
