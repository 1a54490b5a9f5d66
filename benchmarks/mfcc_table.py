"""Errors of sounds of which only the first mel-frequency cepstral coefficients are kept: the tables of docs/mfcc.md.

    python benchmarks/mfcc_table.py          measures and writes the tables into docs/mfcc.md

Harmonic tones are synthesised; recorded digits are measured too if SOUNDLOOM_DATA names a folder that has them.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import scipy.fft
import soundfile
import torch
from numpy.typing import NDArray
from torch import Tensor

from soundloom.representations import MelSpectrogram
from soundloom.representations.fidelity import spectral_convergence
from soundloom.representations.phase import reconstruct_phase

BANDS = 80
KEPT = (80, 40, 20, 13)
PHASE = "pghi+fast-griffin-lim:60"
PAGE = Path(__file__).parent.parent / "docs" / "mfcc.md"
BEGIN, END = "<!-- measured by benchmarks/mfcc_table.py -->", "<!-- end -->"


def main() -> None:
    torch.set_num_threads(1)
    tones = MelSpectrogram(16000, 1024, 256, bands=BANDS, output="decibels")
    sets = [("12 harmonic tones, 16 kHz", tones, [harmonic(55 * 2 ** (k / 2), 16000) for k in range(12)])]
    data = os.environ.get("SOUNDLOOM_DATA")
    if data:
        files = sorted((Path(data) / "fsdd" / "data").rglob("*.flac"))
        digits = [torch.from_numpy(soundfile.read(path, dtype="float32")[0])[None, None] for path in files]
        mel = MelSpectrogram(8000, 512, 128, bands=BANDS, output="decibels")
        sets.append(("30 recorded digits, 8 kHz", mel, digits[:: len(digits) // 30][:30]))
    lines = [
        "| sounds | coefficients kept of 80 | log-mel error, RMS (dB) | spectral convergence (dB) |",
        "| --- | --- | --- | --- |",
    ]
    for name, mel, clips in sets:
        for kept in KEPT:
            error, reached = kept_of(mel, clips, kept)
            lines.append(f"| {name} | {kept} | {error:.1f} | {reached:.1f} |")
    lines += ["", "| semitone | RMS log-mel difference (dB) | " + " | ".join(f"{k} keep" for k in KEPT) + " |"]
    lines.append("| --- " * (2 + len(KEPT)) + "|")
    for low in (220.0, 440.0):
        whole, shares = semitone(tones, low)
        high = low * 2 ** (1 / 12)
        lines.append(f"| {low:.0f} and {high:.0f} Hz | {whole:.1f} | " + " | ".join(f"{s:.0%}" for s in shares) + " |")
    page = PAGE.read_text(encoding="utf-8")
    before, after = page[: page.index(BEGIN) + len(BEGIN)], page[page.index(END) :]
    PAGE.write_text("\n".join([before, "", *lines, "", after]), encoding="utf-8")
    print("\n".join(lines))


def kept_of(mel: MelSpectrogram, clips: Sequence[Tensor], kept: int) -> tuple[float, float]:
    """Mean error of the log-mel spectrogram, dB RMS, and of the sound made from it, spectral convergence in dB."""
    errors, reached = [], []
    for clip in clips:
        levels = mel.encode(clip)
        cut = torch.from_numpy(smoothed(levels.numpy(), kept))
        errors.append(float((cut - levels).square().mean().sqrt()))
        magnitude = mel.stft.encode(clip).abs()
        sound = reconstruct_phase(mel.magnitude(mel.from_level(cut)), mel.stft, PHASE, samples=clip.shape[-1])
        reached.append(float(spectral_convergence(magnitude, mel.stft.encode(sound).abs())))
    return float(np.mean(errors)), float(np.mean(reached))


def smoothed(levels: NDArray[np.float32], kept: int) -> NDArray[np.float32]:
    """Levels (batch, channel, band, frame) through their first `kept` cepstral coefficients and back."""
    cepstrum = scipy.fft.dct(levels, axis=2, norm="ortho")
    cepstrum[:, :, kept:] = 0
    back: NDArray[np.float32] = scipy.fft.idct(cepstrum, axis=2, norm="ortho")
    return back


def semitone(mel: MelSpectrogram, hz: float) -> tuple[float, list[float]]:
    """Distance between two tones a semitone apart, dB RMS over bands, and the share of its square that is kept."""
    low, high = (mel.encode(harmonic(tone, mel.sample_rate))[..., 10:-10].numpy() for tone in (hz, hz * 2 ** (1 / 12)))
    whole = np.square(high - low).mean()
    return float(np.sqrt(whole)), [float(np.square(smoothed(high - low, kept)).mean() / whole) for kept in KEPT]


def harmonic(hz: float, sample_rate: int) -> Tensor:
    """A second of a sawtooth-like tone, partial k with amplitude 1 / k, (1, 1, time)."""
    t = torch.arange(sample_rate) / sample_rate
    partials = [torch.sin(2 * torch.pi * hz * k * t + k * k) / k for k in range(1, int(0.45 * sample_rate / hz))]
    return 0.3 * torch.stack(partials).sum(0)[None, None]


if __name__ == "__main__":
    main()
