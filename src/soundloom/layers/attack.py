"""Align one-shots at their attack, so that all of them start at the same moment."""

from __future__ import annotations

import torch
from torch import Tensor

ATTACK = 0.02  # of a clip's peak, -34 dB: an attack begins above it
LEAD = 2  # samples to keep before the attack


def attacks_of(audio: Tensor) -> Tensor:
    """Start of the attack of clips (batch, channel, time), less two samples: (batch, channel, 1); 0 for silence."""
    near = audio.abs() > ATTACK * audio.abs().amax(dim=2, keepdim=True)
    return (near.int().argmax(dim=2, keepdim=True) - LEAD).clamp_min(0)


def from_attack(audio: Tensor) -> Tensor:
    """Shift clips (batch, 1, time) to start two samples before their attack, padded with silence at the end.

    The sound before an attack is nearly silent and varies in length. A network would have to learn when it ends, which
    also sets the phase of everything that follows.
    """
    time = audio.shape[2]
    places = torch.arange(time, device=audio.device) + attacks_of(audio)
    return torch.where(places < time, audio.gather(2, places.clamp_max(time - 1)), 0.0)
