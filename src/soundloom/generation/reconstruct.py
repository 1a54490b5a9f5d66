"""Encode a sound and decode it again: listen to what a representation keeps, and measure it."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from soundloom.generation.vocoder import with_phase
from soundloom.representations import STFT, named
from soundloom.representations.fidelity import log_spectral_distance, spectral_convergence
from soundloom.representations.protocol import Representation
from soundloom.runtime.generators import generator

__all__ = ["Reconstruction", "named", "reconstruct"]


class Reconstruction(NamedTuple):
    """A sound that went through a representation, and how near it came back."""

    samples: NDArray[np.float32]  # (channel, time), as long as what went in
    spectral_convergence_db: float  # lower is nearer, see `representations/fidelity.py`
    log_spectral_distance_db: float  # 0 is equal
    remark: str | None = None  # what else was done to it


def reconstruct(
    audio: NDArray[np.floating[Any]],
    sample_rate: int,
    representation: Representation,
    method: str | None = None,
    seed: int = 0,
) -> Reconstruction:
    """Encode one sound of any length and decode it again.

    The sound is processed as a whole, which takes about 250 MB for a minute at 22 050 Hz.

    Args:
        audio: (channel, time).
        sample_rate: in Hz; must be the representation's.
        representation: what to go through, such as `named("mel", sample_rate)`.
        method: a phase method in place of the representation's own, see `representations/phase/`; or SYSTEM:RUN, a
            vocoder.
        seed: of what phase is drawn; same seed, same sound.

    Raises:
        ValueError: a sample rate that is not the representation's, no samples, samples that are not finite, an unknown
            method, or a method for a representation that keeps the phase.
    """
    if sample_rate != representation.sample_rate:
        raise ValueError(
            f"the sound has {sample_rate} Hz but the representation expects {representation.sample_rate} Hz; "
            f"resample the sound, or ask for the representation at {sample_rate} Hz"
        )
    if audio.ndim != 2 or not audio.size:
        raise ValueError(f"audio has shape {audio.shape} but must be (channel, time) with at least one sample")
    if not np.isfinite(audio).all():
        raise ValueError("audio holds NaN or infinite samples; repair the file or leave it out")
    if method is not None:
        representation = with_phase(representation, method)
    clip = torch.from_numpy(np.ascontiguousarray(audio, dtype=np.float32))[None]
    decoded = representation.decode(representation.encode(clip), generator(seed, 0))[..., : clip.shape[-1]]
    stft = measuring_transform(sample_rate)
    before, after = stft.encode(clip).abs(), stft.encode(decoded).abs()
    spectra = (before.flatten(0, 2), after.flatten(0, 2))  # channels as one: a silent one may be among them
    return Reconstruction(
        decoded[0].numpy(),
        float(spectral_convergence(*spectra)),
        float(log_spectral_distance(*spectra)),
        representation.remark,
    )


def measuring_transform(sample_rate: int) -> STFT:
    """The transform that measures all reconstructions at a sample rate: windows of about 46 ms, hop a quarter."""
    n_fft = max(64, 2 ** round(math.log2(sample_rate * 0.046)))
    return STFT(sample_rate, n_fft, n_fft // 4)
