"""The network of the reference embedding: a small convolutional net on log-mel; its penultimate layer is the embedding.

Statistics of an early, a middle and a late layer go into the embedding: fine structure and hiss show in the early ones,
the kind of sound in the late ones.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from soundloom.representations.mel import MelSpectrogram

SAMPLE_RATE = 22050
BANDS = 80
WIDTHS = (32, 64, 128, 192)
DIMENSION = 128


def input_spectrogram() -> MelSpectrogram:
    """The input of the network: 80 mel bands, 86 frames a second, 95 dB."""
    return MelSpectrogram(SAMPLE_RATE, n_fft=1024, hop=256, bands=BANDS, floor_db=-75.0, peak_db=20.0)


class ReferenceNetwork(nn.Module):
    """Log-mel (batch, 1, band, frame) to embeddings (batch, 128)."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Sequential(nn.Conv2d(narrow, wide, 3, stride=2, padding=1), nn.BatchNorm2d(wide), nn.ReLU())
            for narrow, wide in pairwise((1, *WIDTHS))
        )
        self.collect = nn.Linear(3 * sum(WIDTHS[1:]), DIMENSION)

    def forward(self, levels: Tensor) -> Tensor:
        hidden, seen = levels, []
        for number, layer in enumerate(self.layers):
            hidden = layer(hidden)
            if number:
                seen += [hidden.mean(dim=(2, 3)), hidden.std(dim=(2, 3)), hidden.amax(dim=(2, 3))]
        embedding: Tensor = self.collect(torch.cat(seen, dim=1))
        return embedding
