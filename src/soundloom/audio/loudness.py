"""Loudness by ITU-R BS.1770, measured by pyloudnorm."""

from __future__ import annotations

import warnings

import numpy as np

from soundloom.audio.value import Audio, fit

LOUDNESS_BLOCK_SECONDS = 0.4  # gating block of ITU-R BS.1770


def normalise_loudness(audio: Audio, lufs: float = -23.0) -> Audio:
    """Bring a sound to a loudness (LUFS, ITU-R BS.1770), but never above full scale: then its peak becomes 1.

    Sounds under 0.4 s are measured with silence after them; silence comes back as it is.
    """
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
