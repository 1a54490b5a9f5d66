"""The network of the lecture's course, layer by layer, in PyTorch.

Velardo, "Generating Sound with Neural Networks", lesson 14: five convolutions (512, 256, 128, 64, 32 channels) over a
256 x 64 spectrogram, batch normalisation after each ReLU, 128 latent dimensions, the decoder mirrored on the widths
of the encoder's outputs. 1.837 M parameters and 1.31 G multiply-adds in the encoder, 0.532 M and 0.33 G in the decoder.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from soundloom.systems.vae.network import LOG_VARIANCE_RANGE, Code, Decoded

BINS, FRAMES, LATENT = 256, 64, 128
WIDTHS = (512, 256, 128, 64, 32)
STRIDES = ((2, 2), (2, 2), (2, 2), (2, 2), (2, 1))
INNER = (32, 8, 4)  # (channel, frequency, frame) of the innermost layer


class CourseEncoder(nn.Module):
    """Normalised spectrogram (batch, frequency, frame), 256 x 64 in [0, 1], to its code."""

    def __init__(self) -> None:
        super().__init__()
        channels = (1, *WIDTHS)
        self.convolutions = nn.ModuleList(
            nn.Conv2d(before, after, 3, stride=stride)
            for before, after, stride in zip(channels, WIDTHS, STRIDES, strict=False)
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(width, eps=1e-3, momentum=0.01) for width in WIDTHS)
        self.mean = nn.Linear(math.prod(INNER), LATENT)
        self.log_variance = nn.Linear(math.prod(INNER), LATENT)

    def forward(self, x: Tensor) -> Code:
        hidden = x[:, None]
        for convolution, norm, stride in zip(self.convolutions, self.norms, STRIDES, strict=True):
            left = 1 if stride[1] == 1 else 0  # TensorFlow's "same": all padding after, unless the stride is 1
            hidden = norm(F.relu(convolution(F.pad(hidden, (left, 1, 0, 1)))))
        flat = hidden.flatten(1)
        return Code(self.mean(flat).float(), self.log_variance(flat).float().clamp(*LOG_VARIANCE_RANGE))


class CourseDecoder(nn.Module):
    """Code to a spectrogram in [0, 1]; all bins have the same spread."""

    def __init__(self, noise: float) -> None:
        super().__init__()
        channels = (INNER[0], *WIDTHS[:0:-1])
        outputs = (*WIDTHS[:0:-1], 1)
        self.expand = nn.Linear(LATENT, math.prod(INNER))
        self.convolutions = nn.ModuleList(
            nn.ConvTranspose2d(before, after, 3, stride=stride, padding=1, output_padding=(1, stride[1] - 1))
            for before, after, stride in zip(channels, outputs, STRIDES[::-1], strict=True)
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(width, eps=1e-3, momentum=0.01) for width in outputs[:-1])
        self.log_noise = math.log(noise)

    def forward(self, code: Tensor) -> Decoded:
        hidden = self.expand(code).unflatten(1, INNER)
        for convolution, norm in zip(self.convolutions[:-1], self.norms, strict=True):
            hidden = norm(F.relu(convolution(hidden)))
        mean = torch.sigmoid(self.convolutions[-1](hidden)[:, 0].float())
        return Decoded(mean, torch.full_like(mean, self.log_noise))


class CourseNetwork(nn.Module):
    """The course's encoder and decoder; of 257 bins the Nyquist bin is dropped, and decoded as silence."""

    def __init__(self, noise: float) -> None:
        super().__init__()
        self.encoder = CourseEncoder()
        self.decoder = CourseDecoder(noise)

    def encode(self, x: Tensor, conditions: Tensor) -> Code:
        code: Code = self.encoder(x[:, :BINS])
        return code

    def decode(self, code: Tensor, conditions: Tensor) -> Decoded:
        mean, log_spread = self.decoder(code)
        nyquist = (0, 0, 0, 1)
        return Decoded(F.pad(mean, nyquist), F.pad(log_spread, nyquist, value=self.decoder.log_noise))
