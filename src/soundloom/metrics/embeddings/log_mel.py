"""Log-mel statistics: for each band the mean level, its deviation over time and its change from frame to frame.

Nothing is learned, so there is no training bias; it reflects spectral balance, dynamics and roughness, not the source.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from soundloom.representations.mel import MelSpectrogram

BANDS = 40
BATCH_SIZE = 64


class LogMelStatistics:
    """120 numbers for each sound, in dB: 40 means, 40 standard deviations, 40 mean absolute changes."""

    name = "log-mel"
    sample_rate = 22050
    digest = "log-mel-1"

    def __init__(self) -> None:
        self.levels = MelSpectrogram(
            self.sample_rate, n_fft=1024, hop=256, bands=BANDS, floor_db=-75.0, peak_db=20.0, output="decibels"
        )

    def __call__(self, audio: np.ndarray) -> np.ndarray:
        import torch

        short = self.levels.hop - audio.shape[1]  # deviation and change need two frames
        if short > 0:
            audio = np.pad(audio, ((0, 0), (0, short)))
        parts = []
        for at in range(0, len(audio), BATCH_SIZE):
            decibels = self.levels.encode(torch.from_numpy(audio[at : at + BATCH_SIZE])[:, None])[:, 0]
            change = (decibels[:, :, 1:] - decibels[:, :, :-1]).abs().mean(dim=2)
            parts.append(torch.cat((decibels.mean(dim=2), decibels.std(dim=2), change), dim=1).numpy())
        return np.concatenate(parts)


@lru_cache(maxsize=1)
def load() -> LogMelStatistics:
    return LogMelStatistics()
