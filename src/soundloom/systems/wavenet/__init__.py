"""WaveNet: raw audio, one sample at a time."""

from soundloom.systems.wavenet.wavenet import WaveNet

SYSTEM = WaveNet

__all__ = ["SYSTEM", "WaveNet"]
