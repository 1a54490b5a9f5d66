"""Synthetic positives for the memorisation detector: a training clip at another gain, shifted, through a codec, with
reconstructed phase, or all of these.
"""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import soundfile
import torch

from soundloom.audio.encoders import RATES
from soundloom.representations.mel import MelSpectrogram
from soundloom.runtime.generators import generator

GAIN_DB = 6.0
SHIFT_SECONDS = 0.02
MP3_KBIT = (64.0, 128.0)  # a second; at 8 to 12 kHz the format ends at 64
OGG_LEVELS = (0.3, 0.7)  # of 1.0, the smallest file
HEADROOM = 0.9  # the peak of what is given to a codec, which would clip above 1

Change = Callable[[np.ndarray, int, np.random.Generator], np.ndarray]


def transforms(sample_rate: int) -> dict[str, Change]:
    """Changes that do not make a new sound, by name; each maps (sound, sample) to the same shape.

    MP3 is left out at rates that the format does not have.
    """
    changes: dict[str, Change] = {"gain": change_gain, "shift": shift, "mp3": through_mp3, "ogg": through_ogg}
    if sample_rate not in RATES["mp3"]:
        del changes["mp3"]
    return {**changes, "phase": new_phase, "combined": combined}


def change_gain(audio: np.ndarray, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """Each up to 6 dB louder or quieter."""
    return audio * (10 ** (rng.uniform(-GAIN_DB, GAIN_DB, (len(audio), 1)) / 20)).astype(np.float32)


def shift(audio: np.ndarray, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """Each up to 20 ms later, after silence, or earlier, without its first samples."""
    most = round(SHIFT_SECONDS * sample_rate)
    length = audio.shape[1]
    padded = np.pad(audio, ((0, 0), (most, most)))
    begins = rng.integers(0, 2 * most + 1, len(audio))
    return np.stack([sound[begin : begin + length] for sound, begin in zip(padded, begins, strict=True)])


def through_mp3(audio: np.ndarray, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """Each encoded and decoded as MP3 at 64 to 128 kbit/s."""
    most, least = (320, 32) if sample_rate >= 32000 else (160, 8) if sample_rate >= 16000 else (64, 8)
    rates = np.minimum(rng.uniform(*MP3_KBIT, len(audio)), most)
    levels = (most - rates) / (most - least)
    return np.stack([_through(sound, sample_rate, "MP3", level) for sound, level in zip(audio, levels, strict=True)])


def through_ogg(audio: np.ndarray, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """Each encoded and decoded as Ogg Vorbis at medium quality."""
    levels = rng.uniform(*OGG_LEVELS, len(audio))
    return np.stack([_through(sound, sample_rate, "OGG", level) for sound, level in zip(audio, levels, strict=True)])


def new_phase(audio: np.ndarray, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """Each through a mel spectrogram and back, as a generator of spectrograms that memorised it would render it."""
    size = max(64, 2 ** round(np.log2(sample_rate * 0.046)))
    bands = min(80, max(1, int(sample_rate / 100)))
    phase = "pghi+fast-griffin-lim:8"
    mel = MelSpectrogram(sample_rate, size, size // 4, bands=bands, floor_db=-70.0, phase=phase)
    sounds = torch.from_numpy(np.ascontiguousarray(audio, np.float32))[:, None]
    with torch.no_grad():
        decoded = mel.decode(mel.encode(sounds), generator(int(rng.integers(2**31)), 0))
    return decoded[:, 0, : audio.shape[1]].numpy()


def combined(audio: np.ndarray, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """New phase, a shift, a gain, and half of them through each codec."""
    moved = change_gain(shift(new_phase(audio, sample_rate, rng), sample_rate, rng), sample_rate, rng)
    codecs = [through_ogg, through_mp3] if sample_rate in RATES["mp3"] else [through_ogg]
    changed = np.empty_like(moved)
    for number, codec in enumerate(codecs):
        mine = slice(number, None, len(codecs))
        if len(moved[mine]):
            changed[mine] = codec(moved[mine], sample_rate, rng)
    return changed


def _through(sound: np.ndarray, sample_rate: int, container: str, level: float) -> np.ndarray:
    peak = float(np.abs(sound).max())
    if peak == 0:
        return sound
    file = io.BytesIO()
    subtype = "MPEG_LAYER_III" if container == "MP3" else "VORBIS"
    mode = "CONSTANT" if container == "MP3" else None
    scale = np.float32(min(1.0, HEADROOM / peak))
    with soundfile.SoundFile(
        file, "w", sample_rate, 1, subtype, format=container, compression_level=level, bitrate_mode=mode
    ) as writer:
        writer.write(sound * scale)
    file.seek(0)
    samples = soundfile.read(file, dtype="float32")[0][: len(sound)] / scale
    return np.pad(samples, (0, len(sound) - len(samples)))
