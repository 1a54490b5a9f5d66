"""What can be read off a sound without a model of hearing: level, attack, decay, centre of gravity, noisiness."""

from __future__ import annotations

import numpy as np

from soundloom.descriptors.bs1770 import ABSOLUTE_GATE_LUFS
from soundloom.descriptors.envelopes import STEP, attacks, decay_steps, rms_envelope
from soundloom.descriptors.frames import bin_hz, mean_spectra, ratio
from soundloom.descriptors.sounds import RATE, Sounds

SIZE, HOP = 2048, 512
FROM_HZ = 20.0
LEAST_POWER = 1e-12  # of the mean, so that a logarithm exists


def loudness(sounds: Sounds) -> np.ndarray:
    """Integrated loudness in LUFS, (sound,): -70 for silence, about 0 at most. A gain moves it by as many dB.

    ITU-R BS.1770-4; the gate is below a sound of full scale, so that a quiet sound has its loudness too.
    """
    level = sounds.unit_lufs + 20 * np.log10(np.maximum(sounds.peaks, 1e-9))
    return np.where(sounds.silent, ABSOLUTE_GATE_LUFS, np.maximum(level, ABSOLUTE_GATE_LUFS))


def log_attack_time(sounds: Sounds) -> np.ndarray:
    """log10 of the attack time in seconds, (sound,): -4.6 (one sample) to about 1; -4.6 for silence.

    Peeters 2004; see `attacks`
    """
    return np.asarray(np.log10(attacks(sounds.envelope)[1] / RATE))


def decay_time(sounds: Sounds) -> np.ndarray:
    """Seconds from the peak of the level until it is first 40 dB below, or until the sound ends, (sound,)."""
    return np.asarray(decay_steps(_envelope(sounds), sounds.lengths) * STEP / RATE)


def temporal_centroid(sounds: Sounds) -> np.ndarray:
    """Centre of gravity of the level, in seconds from the beginning of the sound, (sound,); 0 for silence.

    Peeters 2004
    """
    envelope = _envelope(sounds)
    return ratio(envelope @ ((np.arange(envelope.shape[1]) + 0.5) * STEP / RATE), envelope.sum(axis=1))


def spectral_flatness(sounds: Sounds) -> np.ndarray:
    """Geometric over arithmetic mean of the power spectrum, (sound,): 0 for a pure tone, 1 for white noise.

    Of the mean spectrum of all frames, from 20 Hz to where the sound's own rate ends; 0 for silence.

    Johnston 1988, https://doi.org/10.1109/49.608
    """
    hz = bin_hz(SIZE, RATE)
    power = mean_spectra(sounds.unit.astype(np.float32), sounds.lengths, SIZE, HOP, "hann")
    power = power[:, (hz >= FROM_HZ) & (hz <= sounds.top_hz)]
    mean = power.mean(axis=1, keepdims=True)
    share = ratio(power, mean)
    return np.where(sounds.silent, 0.0, np.exp(np.log(np.maximum(share, LEAST_POWER)).mean(axis=1)))


def _envelope(sounds: Sounds) -> np.ndarray:
    return rms_envelope(sounds.unit, sounds.lengths)
