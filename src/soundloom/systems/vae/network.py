"""The band network: frequency bands are channels, convolutions run along time, and a linear path does most of the work.

Two-dimensional convolutions at full resolution are the slow part of a spectrogram VAE on a CPU; here the widest layers
run at a quarter or an eighth of the frame rate. Encoder and decoder start as the principal components of the training
set (Tipping & Bishop 1999, https://doi.org/10.1111/1467-9868.00196), so training begins at the best linear code and
the convolutions learn what it misses.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from soundloom.contract import ConditionInput

LOG_VARIANCE_RANGE = (-10.0, 5.0)
LOG_SPREAD_RANGE = (-7.0, 1.5)
CONDITION_DIMENSIONS = 24  # a condition row is projected to at most as many: each costs a spectrogram of weights
LEAST_SCALE = 0.1  # of the spectrograms' own deviation: one clip, or clips that are alike, differ by next to nothing
HALVINGS = 3  # of the frame rate, between spectrogram and innermost layer


class Code(NamedTuple):
    """A diagonal Gaussian over codes: two (batch, code)."""

    mean: Tensor
    log_variance: Tensor


class Decoded(NamedTuple):
    """The spectrogram's distribution given a code: mean and log standard deviation, two (batch, frequency, frame)."""

    mean: Tensor
    log_spread: Tensor


class ResidualBlock(nn.Module):
    """Two convolutions along time around a nonlinearity, added to the input; conditions shift and scale it."""

    def __init__(self, width: int, conditions: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(1, width)
        self.first = nn.Conv1d(width, width, 3, padding=1)
        self.second = nn.Conv1d(width, width, 3, padding=1)
        nn.init.zeros_(self.second.weight)  # starts as the identity
        self.modulate = nn.Linear(conditions, 2 * width) if conditions else None
        if self.modulate is not None:
            nn.init.zeros_(self.modulate.weight)
            nn.init.zeros_(self.modulate.bias)

    def forward(self, x: Tensor, conditions: Tensor) -> Tensor:
        hidden = self.first(self.norm(x))
        if self.modulate is not None:
            scale, shift = self.modulate(conditions)[..., None].chunk(2, dim=1)
            hidden = hidden * (1 + scale) + shift
        changed: Tensor = x + self.second(F.gelu(hidden))
        return changed


def through(blocks: nn.Module, hidden: Tensor, conditions: Tensor) -> Tensor:
    """Apply blocks one after another."""
    for block in blocks.children():
        hidden = block(hidden, conditions)
    return hidden


class BandEncoder(nn.Module):
    """Spectrogram (batch, frequency, frame) to its code: a linear projection plus a correction by convolutions."""

    def __init__(
        self, bands: int, frames: int, latent: int, widths: tuple[int, ...], blocks: int, conditions: int
    ) -> None:
        super().__init__()
        self.frames, self.padded = frames, padded_frames(frames)
        self.project = nn.Linear(bands * frames, latent, bias=False)
        self.from_conditions = nn.Linear(conditions, latent, bias=False) if conditions else None
        self.stem = nn.Conv1d(bands, widths[0], 3, padding=1)
        self.halve = nn.ModuleList(nn.Conv1d(narrow, wide, 4, stride=2, padding=1) for narrow, wide in pairwise(widths))
        self.blocks = nn.ModuleList(
            nn.ModuleList(ResidualBlock(width, conditions) for _ in range(blocks)) for width in widths[1:]
        )
        self.norm = nn.GroupNorm(1, widths[-1])
        self.head = nn.Linear(widths[-1] * (self.padded >> HALVINGS), 2 * latent)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, x: Tensor, conditions: Tensor) -> Code:
        linear = self.project(x.flatten(1))
        if self.from_conditions is not None:
            linear = linear + self.from_conditions(conditions)
        hidden = F.gelu(self.stem(F.pad(x, (0, self.padded - self.frames))))
        for halve, blocks in zip(self.halve, self.blocks, strict=True):
            hidden = halve(hidden)
            hidden = through(blocks, hidden, conditions)
        correction, log_variance = self.head(F.gelu(self.norm(hidden)).flatten(1)).chunk(2, dim=1)
        return Code((linear + correction).float(), log_variance.float().clamp(*LOG_VARIANCE_RANGE))


class BandDecoder(nn.Module):
    """Code to the mean and spread of a spectrogram; mirrors the encoder."""

    def __init__(
        self, bands: int, frames: int, latent: int, widths: tuple[int, ...], blocks: int, conditions: int
    ) -> None:
        super().__init__()
        self.bands, self.frames, self.inner = bands, frames, padded_frames(frames) >> HALVINGS
        self.conditions = conditions  # columns of the layers that read them
        self.expand = nn.Linear(latent + conditions, bands * frames)  # the linear path
        self.unfold = nn.Linear(latent + conditions, widths[-1] * self.inner)
        self.blocks = nn.ModuleList(
            nn.ModuleList(ResidualBlock(width, conditions) for _ in range(blocks)) for width in widths[::-1]
        )
        self.upsample = nn.ModuleList(
            nn.Conv1d(wide, narrow, 3, padding=1) for wide, narrow in zip(widths[::-1], widths[-2::-1], strict=False)
        )
        self.norm = nn.GroupNorm(1, widths[0])
        self.head = nn.Conv1d(widths[0], 2 * bands, 3, padding=1)
        nn.init.zeros_(self.head.weight)
        assert self.head.bias is not None
        nn.init.zeros_(self.head.bias)

    def forward(self, code: Tensor, conditions: Tensor) -> Decoded:
        known = torch.cat((code, conditions), dim=1)
        linear = rearrange(self.expand(known), "batch (band frame) -> batch band frame", band=self.bands)
        hidden = rearrange(self.unfold(known), "batch (width frame) -> batch width frame", frame=self.inner)
        for level, blocks in enumerate(self.blocks):
            if level:
                hidden = self.upsample[level - 1](F.interpolate(hidden, scale_factor=2.0, mode="nearest"))
            hidden = through(blocks, hidden, conditions)
        out = self.head(F.gelu(self.norm(hidden)))[..., : self.frames]
        correction, log_spread = out.chunk(2, dim=1)
        return Decoded((linear + correction).float(), log_spread.float().clamp(*LOG_SPREAD_RANGE))


class BandNetwork(nn.Module):
    """Encoder and decoder, which see spectrograms less the training set's mean and over its standard deviation."""

    centre: Tensor  # (frequency, frame)
    scale: Tensor  # one number

    def __init__(
        self, bands: int, frames: int, latent: int, widths: tuple[int, ...], blocks: int, conditions: int
    ) -> None:
        super().__init__()
        projected = min(conditions, CONDITION_DIMENSIONS)
        self.project_conditions = (
            nn.Linear(conditions, projected, bias=False) if conditions > projected else nn.Identity()
        )
        self.encoder = BandEncoder(bands, frames, latent, widths, blocks, projected)
        self.decoder = BandDecoder(bands, frames, latent, widths, blocks, projected)
        self.register_buffer("centre", torch.zeros(bands, frames))
        self.register_buffer("scale", torch.ones(()))

    def condition_inputs(self) -> tuple[ConditionInput, ...]:
        """The weights that take condition columns: the projection of conditions, or else each layer that takes them."""
        if isinstance(self.project_conditions, nn.Linear):
            return (ConditionInput("project_conditions.weight", axis=1),)
        latent = self.decoder.expand.in_features - self.decoder.conditions
        readers = [
            (name, 0) for name, _ in self.named_modules() if name.endswith((".modulate", ".from_conditions"))
        ] + [("decoder.expand", latent), ("decoder.unfold", latent)]
        known = dict(self.named_modules())
        return tuple(
            ConditionInput(f"{name}.weight", 1, first) for name, first in readers if known.get(name) is not None
        )

    def encode(self, x: Tensor, conditions: Tensor) -> Code:
        code: Code = self.encoder((x - self.centre) / self.scale, self.project_conditions(conditions))
        return code

    def decode(self, code: Tensor, conditions: Tensor) -> Decoded:
        out: Decoded = self.decoder(code, self.project_conditions(conditions))
        return Decoded(self.centre + self.scale * out.mean, out.log_spread + self.scale.log())

    @torch.no_grad()
    def prepare(self, x: Tensor) -> float:
        """Start as the principal components of (clip, frequency, frame); returns the residual's root mean square."""
        from sklearn.decomposition import PCA

        self.centre.copy_(x.mean(dim=0))
        differences, whole = (x - self.centre).square().mean().sqrt(), (x - x.mean()).square().mean().sqrt()
        self.scale.copy_(differences.clamp_min(float(LEAST_SCALE * whole)).clamp_min(1e-4))
        flat = ((x - self.centre) / self.scale).flatten(1)
        latent, count = self.encoder.project.out_features, min(len(flat) - 1, self.encoder.project.out_features)
        if count < 1 or not flat.any():
            return 1.0
        pca = PCA(count, svd_solver="randomized", iterated_power=3, random_state=0).fit(flat.numpy())
        axes = torch.from_numpy(pca.components_).float()  # (component, frequency * frame), orthonormal
        strength = torch.from_numpy(pca.explained_variance_).float().sqrt().clamp_min(1e-4)
        missed = (flat - flat @ axes.T @ axes).square().mean().clamp_min(1e-6)
        self.encoder.project.weight.zero_()
        self.encoder.project.weight[:count] = axes / strength[:, None]
        self.decoder.expand.weight.zero_()
        self.decoder.expand.weight[:, :count] = (axes * strength[:, None]).T
        self.decoder.expand.bias.zero_()
        if self.encoder.from_conditions is not None:
            self.encoder.from_conditions.weight.zero_()
        self.encoder.head.bias[latent : latent + count] = torch.log(missed / (missed + strength.square()))
        assert self.decoder.head.bias is not None
        self.decoder.head.bias[self.decoder.bands :] = 0.5 * missed.log()
        return float(missed.sqrt() * self.scale)

    def linear_path(self) -> list[nn.Parameter]:
        """The parameters that start as principal components; they need a smaller learning rate."""
        return [*self.encoder.project.parameters(), *self.decoder.expand.parameters()]


def padded_frames(frames: int) -> int:
    """Frames rounded up, so that they can be halved `HALVINGS` times."""
    return -(-frames >> HALVINGS) << HALVINGS
