"""Envelopes of sounds, and the attack that they show."""

from __future__ import annotations

import math

import numpy as np

from soundloom.runtime.compiled import compiled

STEP = 256  # samples of a step of the root-mean-square envelope
HOLD_SECONDS = 0.01
DECAY_SECONDS = 0.1  # to fall from the highest peak of a sound to 0
THRESHOLDS = 9  # levels at 10, 20, ..., 90 % of the rise
EFFORT = 3.0  # times the mean step between levels: slower steps are no part of an attack
DECAY_DB = -40.0


def rms_envelope(x: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Root mean square of every 256 samples, 1 at its peak, (sound, step); 0 after the end of a sound.

    Args:
        x: (sound, time).
        lengths: samples of each sound.
    """
    steps = -(-int(lengths.max(initial=1)) // STEP)
    inside = np.where(np.arange(x.shape[1]) < lengths[:, None], x, 0.0)
    padded = np.pad(inside, ((0, 0), (0, max(0, steps * STEP - x.shape[1]))))[:, : steps * STEP]
    energy = np.square(padded).reshape(len(x), steps, STEP).sum(axis=2)
    counts = np.clip(lengths[:, None] - STEP * np.arange(steps), 1, STEP)  # the last step may be shorter
    envelope = np.sqrt(energy / counts)
    peak = envelope.max(axis=1, keepdims=True)
    return np.asarray(envelope / np.where(peak > 0, peak, 1.0))


def decay_steps(envelope: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Steps from the peak of an envelope until it is first 40 dB below, or to the end of the sound, (sound,)."""
    steps = -(-lengths // STEP)
    place = np.arange(envelope.shape[1])
    peak = envelope.argmax(axis=1)
    after = (place > peak[:, None]) & (envelope < 10 ** (DECAY_DB / 20)) & (place < steps[:, None])
    return np.asarray(np.where(after.any(axis=1), after.argmax(axis=1), steps) - np.where(lengths > 0, peak, 0))


@compiled()
def sample_and_hold(x: np.ndarray, rate: int) -> np.ndarray:
    """Magnitude that jumps up with a sound, stays for 10 ms and then falls in a line, (sound, time).

    No low-pass slows it down, so that an attack of one sample is an attack of one sample.
    """
    envelope = np.empty_like(x)
    hold = HOLD_SECONDS * rate
    for sound in range(x.shape[0]):
        fall = np.abs(x[sound]).max() / (DECAY_SECONDS * rate)
        level, held = 0.0, 0
        for time in range(x.shape[1]):
            now = abs(x[sound, time])
            if now >= level:
                level, held = now, 0
            elif held < hold:
                held += 1
            else:
                level = max(level - fall, now)
            envelope[sound, time] = level
    return envelope


def attacks(envelope: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where attacks begin and how long they last, by the weakest-effort method, both in samples, int64 (sound,).

    The rise from the last minimum before the peak is cut at levels of 10, 20, ..., 90 %. Where a step from level to
    level takes more than three times the mean, the attack has not begun yet, or is over.

    Args:
        envelope: (sound, time), beginning before the attack.

    Returns:
        The first sample, and a length of at least 1.

    Peeters 2004, "A large set of audio features for sound description in the CUIDADO project"
    """
    begins, lengths = np.zeros(len(envelope), np.int64), np.ones(len(envelope), np.int64)
    for sound, level in enumerate(envelope):
        peak = int(level.argmax())
        if peak == 0:
            continue
        base = peak - 1 - int(level[:peak][::-1].argmin())
        rise = level[base : peak + 1]
        bounds = rise[0] + np.arange(1, THRESHOLDS + 1) / (THRESHOLDS + 1) * (rise[-1] - rise[0])
        crossed = np.array([int((rise >= bound).argmax()) for bound in bounds])
        effort = np.diff(crossed)
        quick = effort <= EFFORT * effort.mean()
        first = int(quick.argmax())
        slow = effort[first:] >= EFFORT * effort.mean()
        later = int(slow.argmax())
        last = first + (later if later else len(slow) - 1)
        begin, end = crossed[first], crossed[last]
        if begin == end:
            begin, end = crossed[0], crossed[-1]
        begins[sound] = base + begin
        lengths[sound] = end - begin + 1 if end > begin else 1
    return begins, lengths


def longest(lengths: np.ndarray, seconds: float, rate: int) -> np.ndarray:
    """Lengths in samples as seconds, none above a bound."""
    return np.asarray(np.minimum(lengths, math.floor(seconds * rate) + 1) / rate)
