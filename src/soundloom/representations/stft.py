"""The short-time Fourier transform (STFT) as a value: rate, size and hop, with both directions.

Centred, zero-padded, Hann window as long as the transform: frame n is the spectrum around sample n * hop.
Griffin & Lim 1984, https://doi.org/10.1109/TASSP.1984.1164317 (the least-squares inverse)
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

from soundloom.representations.clip_by_clip import clip_by_clip

SMALLEST_OVERLAP = 1e-3  # of summed squared windows; a smaller divisor would make the edges explode


@dataclass(frozen=True)
class STFT:
    """A short-time Fourier transform.

    A frame has `n_fft` samples, and frames are `hop` samples apart. With n_fft / hop of 3 or more, `decode` restores
    every sample; with 2, the last few samples of a clip may fade. Phase reconstruction needs 4 or more.

    Raises:
        ValueError: the sizes have no inverse.
    """

    sample_rate: int
    n_fft: int = 1024
    hop: int = 256

    def __post_init__(self) -> None:
        if self.sample_rate < 1:
            raise ValueError(f"sample_rate is {self.sample_rate} Hz but must be at least 1; pass the rate of the audio")
        if self.n_fft < 4 or self.n_fft % 2:
            raise ValueError(f"n_fft is {self.n_fft} but must be even and at least 4; 1024 suits most sounds")
        if not 1 <= self.hop <= self.n_fft // 2:
            raise ValueError(
                f"hop is {self.hop} but must be 1 to {self.n_fft // 2} (half of n_fft), or samples between frames are "
                f"lost; {self.n_fft // 4} is a good choice"
            )

    @property
    def bins(self) -> int:
        """Number of frequencies from 0 Hz to the Nyquist frequency, both included."""
        return self.n_fft // 2 + 1

    def length(self, samples: int) -> int:
        """Number of frames of a clip of `samples` samples."""
        return 1 + samples // self.hop

    def samples(self, frames: int) -> int:
        """Length of the longest clip with `frames` frames."""
        return frames * self.hop - 1

    def encode(self, audio: Tensor) -> Tensor:
        """Audio (batch, channel, time) to complex spectra (batch, channel, frequency, frame); differentiable."""
        channels = audio.shape[1]
        single = at_least_single(audio)
        spectra = torch.stft(
            rearrange(single, "batch channel time -> (batch channel) time"),
            self.n_fft,
            self.hop,
            window=hann(self.n_fft, single.device, single.dtype),
            center=True,
            pad_mode="constant",
            return_complex=True,
        )
        return rearrange(spectra, "(batch channel) bin frame -> batch channel bin frame", channel=channels)

    @clip_by_clip
    def decode(self, spectra: Tensor, samples: int | None = None) -> Tensor:
        """The waveform whose STFT is the nearest to `spectra` in the least-squares sense; differentiable.

        Args:
            spectra: complex, (batch, channel, frequency, frame).
            samples: length of the waveform, at most and by default `self.samples(frames)`.

        Returns:
            Waveform (batch, channel, time).

        Raises:
            ValueError: the number of frequencies is wrong, there is no frame, or the frames hold fewer than `samples`.
        """
        _, channels, bins, frames = spectra.shape
        samples = self.check(bins, frames, samples)
        window = hann(self.n_fft, spectra.device, spectra.real.dtype)
        pieces = torch.fft.irfft(rearrange(spectra, "batch channel bin frame -> (batch channel) bin frame"), dim=1)
        whole = F.fold(
            pieces * window[:, None],
            output_size=(1, self.n_fft + (frames - 1) * self.hop),
            kernel_size=(1, self.n_fft),
            stride=(1, self.hop),
        )
        start = self.n_fft // 2
        kept = whole[:, 0, 0, start : start + samples]
        weight = overlap(self, frames, spectra.device, spectra.real.dtype)[start : start + samples]
        return rearrange(kept / weight, "(batch channel) time -> batch channel time", channel=channels)

    def check(self, bins: int, frames: int, samples: int | None) -> int:
        """Length of the waveform that `frames` frames decode to.

        Raises:
            ValueError: `bins` is not this transform's, or `samples` is more than the frames hold.
        """
        if bins != self.bins:
            raise ValueError(
                f"spectra have {bins} frequencies but an n_fft of {self.n_fft} has {self.bins}; "
                f"use the STFT that made them (n_fft {2 * (bins - 1)})"
            )
        if frames < 1:
            raise ValueError("spectra have no frames; even an empty clip has one")
        longest = self.samples(frames)
        if samples is not None and not 0 <= samples <= longest:
            raise ValueError(
                f"{samples} samples asked for but {frames} frames of hop {self.hop} hold 0 to {longest}; "
                f"ask for fewer or encode a longer clip"
            )
        return longest if samples is None else samples


def at_least_single(x: Tensor) -> Tensor:
    """Convert half precision to single; keep double. Transforms in half precision are too inaccurate."""
    return x if x.dtype == torch.float64 else x.float()


def magnitude_of(spectra: Tensor) -> Tensor:
    """The magnitudes of complex spectra, any shape; differentiable, with gradient 0 at 0.

    torch's absolute value of complex numbers guards against overflow, which audio cannot cause, and takes three times
    as long.
    """
    power = spectra.real.square() + spectra.imag.square()
    return torch.where(power > 0, power.clamp_min(1e-37).sqrt(), torch.zeros_like(power))


@lru_cache(maxsize=32)
def hann(n_fft: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    """The periodic Hann window, (n_fft,). Cached and shared: do not modify it."""
    with torch.inference_mode(False):  # the cached tensor must also work in training if inference asks for it first
        return torch.hann_window(n_fft, dtype=torch.float64).to(device, dtype)


@lru_cache(maxsize=32)
def overlap(stft: STFT, frames: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    """Squared windows summed over all frames, (time + n_fft,): the divisor of overlap-add. Cached and shared."""
    window = hann(stft.n_fft, torch.device("cpu"), torch.float64)
    with torch.inference_mode(False):
        total = torch.zeros(stft.n_fft + (frames - 1) * stft.hop, dtype=torch.float64)
        at = torch.arange(frames)[:, None] * stft.hop + torch.arange(stft.n_fft)
        total.index_put_((at,), window.square().expand(frames, -1), accumulate=True)
        return total.clamp(min=SMALLEST_OVERLAP).to(device, dtype)
