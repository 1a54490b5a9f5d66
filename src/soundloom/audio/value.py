"""The Audio value: samples with their rate, mixed down, trimmed, fitted to a length."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

MOST_CHANNELS = 64  # seventh-order ambisonics; more is an array whose axes were swapped
CANCELLED = 0.1
FULL_SCALE = {"int8": 2.0**7, "uint8": 2.0**7, "int16": 2.0**15, "int32": 2.0**31}  # of the types that sound files hold


@dataclass(frozen=True, eq=False)
class Audio:
    """Sound: float32 samples (channel, time), full scale at +-1, and how many of them make a second.

    Integers, as `scipy.io.wavfile` reads them, are scaled by their type: 16384 of int16 becomes 0.5, and so does 192 of
    uint8, whose zero is 128.

    Raises:
        ValueError: the shape is not (channel, time), or the integers are of a type that has no full scale.
    """

    samples: np.ndarray
    sample_rate: int

    def __post_init__(self) -> None:
        samples = np.asarray(self.samples)
        if samples.ndim == 1:
            samples = samples[None]
        if samples.ndim != 2 or samples.shape[0] == 0:
            raise ValueError(f"samples have shape {samples.shape}; audio is (channel, time) with at least one channel")
        if samples.shape[0] > MOST_CHANNELS:
            raise ValueError(
                f"samples have shape {samples.shape}: {samples.shape[0]} channels, at most {MOST_CHANNELS} are taken; "
                f"audio is (channel, time), so give the transposed array of shape {samples.shape[::-1]}"
            )
        samples = _scaled(samples)
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

    def _repr_html_(self) -> str:
        """A player and a spectrogram, where a notebook shows the sound."""
        from soundloom.audio.notebook import html

        return html(self)


def _scaled(samples: np.ndarray) -> np.ndarray:
    """Samples as float32 with full scale at +-1."""
    kind = samples.dtype
    if kind.name in FULL_SCALE:
        middle = 128.0 if kind.name == "uint8" else 0.0
        return ((samples - middle) / FULL_SCALE[kind.name]).astype(np.float32)
    if kind.kind in "iu" and samples.size and (peak := max(abs(int(samples.min())), int(samples.max()))) > 1:
        raise ValueError(
            f"samples are {kind} with a peak of {peak}, a type that has no full scale; give floats within +-1, or int16"
        )
    return samples.astype(np.float32, copy=False)


def mix_down(audio: Audio, channels: int = 1) -> Audio:
    """Bring a sound to a channel count: as it is, or the mean of its channels in each of the new ones.

    Where channels cancel each other, the loudest one takes the place of the mean.
    """
    return spread(audio, channels, loudest_if_cancelling(audio.samples))


def spread(audio: Audio, channels: int, source: int | None) -> Audio:
    """Bring a sound to a channel count: as it is, or one of its channels, or their mean, in each of the new ones.

    Args:
        audio: any sound.
        channels: how many it shall have.
        source: the channel to take; None for the mean of all.
    """
    if audio.channels == channels:
        return audio
    mono = audio.samples.mean(axis=0, keepdims=True) if source is None else audio.samples[[source]]
    return Audio(np.repeat(mono, channels, axis=0), audio.sample_rate)


def loudest_if_cancelling(samples: np.ndarray) -> int | None:
    """The loudest of channels that cancel each other in their mean; None where they do not.

    They do where the mean has less than a tenth of the power that independent channels would leave: for two channels
    of one level, a correlation below -0.9.

    Args:
        samples: (channel, time).
    """
    power = np.square(samples, dtype=np.float64).sum(axis=1)
    left = np.square(samples.sum(axis=0, dtype=np.float64)).sum()
    return int(power.argmax()) if left < CANCELLED * power.sum() else None


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
    loud_times = loud[0] if len(loud) == 1 else loud.any(axis=0)
    first = int(loud_times.argmax()) if len(loud_times) else 0
    if not len(loud_times) or not loud_times[first]:
        return 0, 0
    return first, len(loud_times) - int(loud_times[::-1].argmax())


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
