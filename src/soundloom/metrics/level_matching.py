"""One loudness and one sample rate for all sounds that are compared, so that level alone makes no difference.

Loudness is K-weighted (ITU-R BS.1770-5) over the whole clip, without gating: short sounds have too few blocks to gate.
"""

from __future__ import annotations

import numpy as np

from soundloom.runtime.processors import available_processors, in_order

LOUDNESS_LUFS = -23.0
SILENT_LUFS = -90.0  # quieter is left as it is


def match_level_and_rate(audio: np.ndarray, sample_rate: int, to_rate: int) -> np.ndarray:
    """Resample sounds (sound, sample) to `to_rate` and scale each to -23 LUFS, float32; silent sounds stay silent.

    Raises:
        ValueError: not two axes, an empty axis, NaN or infinity.
    """
    if audio.ndim != 2:
        raise ValueError(f"sounds have {audio.ndim} axes but must have two, (sound, sample); mix each down to mono")
    if not audio.size:
        raise ValueError(f"{audio.shape[0]} sounds of {audio.shape[1]} samples are nothing to compare; give some")
    if not np.isfinite(audio).all():
        bad = int((~np.isfinite(audio)).any(axis=1).sum())
        raise ValueError(f"{bad} of {len(audio)} sounds hold NaN or infinity; leave them out")
    moved = audio if sample_rate == to_rate else resampled(audio, sample_rate, to_rate)
    gains = 10 ** ((LOUDNESS_LUFS - loudness(moved, to_rate)) / 20)
    return (moved * np.where(gains > 10 ** ((LOUDNESS_LUFS - SILENT_LUFS) / 20), 1.0, gains)[:, None]).astype(
        np.float32
    )


def loudness(audio: np.ndarray, sample_rate: int) -> np.ndarray:
    """K-weighted level of each of (sound, sample) over its whole length, in LUFS, (sound,); -inf for silence."""
    from pyloudnorm import IIRfilter

    shelf = IIRfilter(4.0, 1 / np.sqrt(2), 1500.0, sample_rate, "high_shelf")
    below = IIRfilter(0.0, 0.5, 38.0, sample_rate, "high_pass")
    with np.errstate(divide="ignore"):
        power = np.square(below.apply_filter(shelf.apply_filter(audio.astype(np.float64)))).mean(axis=1)
        return np.asarray(-0.691 + 10 * np.log10(power))


def resampled(audio: np.ndarray, sample_rate: int, to_rate: int) -> np.ndarray:
    """Each of (sound, sample) at another rate, band-limited."""
    import soxr

    def moved(sound: np.ndarray) -> np.ndarray:
        return np.asarray(soxr.resample(sound, sample_rate, to_rate, quality="HQ"))

    return np.stack(list(in_order(moved, audio.astype(np.float32, copy=False), available_processors(), ahead=64)))
