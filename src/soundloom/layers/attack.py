"""One-shots begun at their attack, so that all of them start at one moment."""

from __future__ import annotations

import torch
from torch import Tensor

ATTACK, LEAD = 0.02, 2  # -34 dB of a clip's peak, and samples before it


def attacks_of(audio: Tensor) -> Tensor:
    """Two samples before clips (batch, channel, time) come near their peak, (batch, channel, 1); 0 for silence."""
    near = audio.abs() > ATTACK * audio.abs().amax(dim=2, keepdim=True)
    return (near.int().argmax(dim=2, keepdim=True) - LEAD).clamp_min(0)


def from_attack(audio: Tensor) -> Tensor:
    """Clips (batch, 1, time) begun two samples before they first come near their peak, silence after them.

    What leads up to an attack is nearly silent and of any length: a network would have to learn when it ends, and
    where in a transform the phase of everything that follows begins.
    """
    time = audio.shape[2]
    places = torch.arange(time, device=audio.device) + attacks_of(audio)
    return torch.where(places < time, audio.gather(2, places.clamp_max(time - 1)), 0.0)
