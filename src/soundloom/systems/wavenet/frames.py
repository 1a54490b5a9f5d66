"""Local conditioning: from a mel spectrogram to a signal at the sample rate (paper, section 2.5).

The paper upsamples with a learned transposed convolution. Here convolutions learn at the frame rate, and upsampling is
linear interpolation: a matrix that follows it can be applied before it, once for each frame.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

WIDTH = 3  # frames that each of the two layers sees


class FrameNetwork(nn.Module):
    """Mel frames to `channels` numbers for each frame; unknown frames are marked as unknown."""

    def __init__(self, description: dict[str, Any], channels: int) -> None:
        super().__init__()
        self.hop = int(description["hop"])
        self.first = nn.Conv1d(int(description["bands"]) + 1, channels, WIDTH)
        self.second = nn.Conv1d(channels, channels, WIDTH)

    def forward(self, spectra: Tensor, hidden: Tensor | None = None) -> Tensor:
        """Encode frames.

        Args:
            spectra: (batch, band, frame), 0 at the floor and 1 at the peak.
            hidden: which clips' frames count as unknown, (batch,), or None.

        Returns:
            (batch, channels, frame).
        """
        x = F.pad(spectra, (0, 0, 0, 1), value=1.0)  # an extra row of ones marks known frames
        if hidden is not None:
            x = torch.where(hidden[:, None, None], torch.zeros_like(x), x)
        for layer in (self.first, self.second):
            x = F.gelu(layer(F.pad(x, (WIDTH // 2, WIDTH // 2), mode="replicate")))
        return x

    def unknown(self) -> Tensor:
        """The encoding of unknown frames, (1, channels, 1)."""
        nothing = torch.zeros(1, self.first.in_channels - 1, 1, device=self.first.weight.device)
        found: Tensor = self(nothing, torch.ones(1, dtype=torch.bool, device=nothing.device))
        return found


def at_samples(signal: Tensor, begins: Tensor, time: int, hop: int) -> Tensor:
    """Read frames at samples, with linear interpolation.

    Args:
        signal: (batch, channel, frame); frame f lies at sample f * hop.
        begins: the first sample to read, (batch,); the first and the last frame extend beyond the ends.
        time: number of samples to read.
        hop: samples from one frame to the next.

    Returns:
        (batch, channel, time).
    """
    places = (begins[:, None] + torch.arange(time, device=signal.device)).clamp_min(0)
    last = signal.shape[-1] - 1
    left = torch.div(places, hop, rounding_mode="floor").clamp_max(last)
    share = ((places - left * hop) / hop).clamp_max(1)[:, None].to(signal.dtype)
    before, after = (
        signal.gather(2, where[:, None].expand(-1, signal.shape[1], -1)) for where in (left, (left + 1).clamp_max(last))
    )
    return torch.lerp(before, after, share)
