"""Sounds and spectrograms as bytes that a page can embed."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence

import numpy as np

from soundloom.audio import Audio, fit, mix_down, resample
from soundloom.audio.encoders import RATES, encode
from soundloom.evaluation.report.markup import Markup

COLUMNS = 240  # of a picture, at most
BANDS = 64
RANGE_DB = 80.0
STEP_DB = 2.5  # fewer shades than a screen has make pictures a third as large
PLAYED_RATES = (8000, 48000)  # Hz, that every browser plays
MIME = {"flac": "audio/flac", "mp3": "audio/mpeg", "png": "image/png"}


def can_be_shown(audio: Audio) -> bool:
    """Whether it has samples, all of them finite."""
    return audio.samples.shape[1] > 0 and bool(np.isfinite(audio.samples).all())


def sound(audio: Audio, kind: str) -> bytes:
    """A file for a browser's own player, at most stereo, scaled down where it would clip.

    Args:
        audio: as it was evaluated.
        kind: flac, with exactly the samples that were evaluated (16 bit), or mp3, an eighth as large.
    """
    if audio.channels > 2:
        audio = mix_down(audio)
    low, high = PLAYED_RATES
    rate = min(high, max(low, audio.sample_rate))
    if kind in RATES:
        rate = next(known for known in RATES[kind] if known >= rate)
    audio = resample(audio, rate)
    return encode(audio.samples / max(1.0, audio.peak), rate, kind, 16)


def decibels(audio: Audio, samples: int) -> np.ndarray:
    """Mel levels in dB, (band, column), of a sound followed by silence up to `samples`."""
    import torch

    from soundloom.representations import MelSpectrogram

    rate = audio.sample_rate
    window = 512 if rate < 12000 else 1024 if rate < 32000 else 2048
    hop = min(window // 4, max(32, samples // COLUMNS))
    mel = MelSpectrogram(rate, window, hop, bands=BANDS, norm="none", floor_db=-100.0, output="decibels")
    padded = fit(mix_down(audio), max(window, samples, audio.samples.shape[1])).samples
    levels = mel.encode(torch.from_numpy(padded)[None])[0, 0].numpy()
    if levels.shape[1] <= COLUMNS:
        return levels
    return np.stack([part.mean(axis=1) for part in np.array_split(levels, COLUMNS, axis=1)], axis=1)


def picture(levels: np.ndarray, peak: float) -> bytes:
    """A PNG of levels in dB (band, column), lowest band at the bottom, from `peak` to 80 dB below it."""
    from matplotlib.image import imsave

    steps = np.round((levels - peak) / STEP_DB) * STEP_DB
    buffer = io.BytesIO()
    imsave(buffer, steps, vmin=-RANGE_DB, vmax=0.0, cmap="magma", origin="lower", format="png")
    return buffer.getvalue()


def data_uri(content: bytes, kind: str) -> Markup:
    """The bytes as a data URI."""
    return Markup(f"data:{MIME[kind]};base64,{base64.b64encode(content).decode()}")


def size_in_page(contents: Sequence[bytes]) -> int:
    """Bytes that they take in a page, where base64 encodes three bytes as four."""
    return sum(4 * -(-len(content) // 3) for content in contents)
