"""Speed and accuracy of phase reconstruction, compared with librosa in the same run, on one thread.

python benchmarks/phase.py [FOLDER]      sounds to use; default: $SOUNDLOOM_DATA/drums, else synthetic sounds
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import librosa
import numpy as np
import soundfile
import soxr
import torch
from rich.console import Console
from rich.table import Table
from threadpoolctl import threadpool_limits
from torch import Tensor

from soundloom.generation.reconstruct import reconstruct
from soundloom.representations import NAMES, STFT, MelSpectrogram, named
from soundloom.representations.fidelity import spectral_convergence
from soundloom.representations.phase import BEST, reconstruct_phase

RATE = 22050
SOUNDS = 24
LONGEST_SECONDS = 5
METHODS = (
    "zero",
    "random",
    "griffin-lim:64",
    "fast-griffin-lim:64",
    "accelerated-griffin-lim:64",
    "pghi",
    "pghi+fast-griffin-lim:8",
    "pghi+fast-griffin-lim:20",
    BEST,
    "pghi+accelerated-griffin-lim:60",
)
Rebuild = Callable[[Tensor, int], Tensor]  # magnitudes and samples wanted, to audio


def main() -> None:
    torch.set_num_threads(1)
    threadpool_limits(1)  # librosa's algebra too
    console = Console()
    data = os.environ.get("SOUNDLOOM_DATA")
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(data) / "drums" if data else None
    clips, origin = (read(folder, RATE, SOUNDS), str(folder)) if folder else (synthesised(), "synthetic")
    seconds = sum(clip.shape[-1] for clip in clips) / RATE
    title = f"{len(clips)} sounds, {seconds:.0f} s, {origin}; {RATE} Hz, n_fft 1024, hop 256, Hann, one thread"
    console.print(phase_table(clips, STFT(RATE), METHODS, title, beside_librosa=True))
    console.print(mel_table(clips, f"From mel bands to sound, compared with the true magnitudes; {title}"))
    console.print(representation_table(clips, f"What representations keep; {title}"))
    if data:
        digits = read(Path(data) / "fsdd", 8000, 30)
        methods = ("zero", "random", "griffin-lim:60", "fast-griffin-lim:60", "pghi", "pghi+fast-griffin-lim:60")
        title = f"{len(digits)} recorded digits, 8000 Hz, n_fft 512, hop 128"
        console.print(phase_table(digits, STFT(8000, 512, 128), methods, title, beside_librosa=False))


def phase_table(
    clips: Sequence[Tensor], stft: STFT, methods: Sequence[str], title: str, *, beside_librosa: bool
) -> Table:
    table = Table("method", "x real time", "SC dB median", "mean", "worst", "speed / librosa", title=title)
    magnitudes = [stft.encode(clip).abs() for clip in clips]
    seconds = sum(clip.shape[-1] for clip in clips) / stft.sample_rate
    unit = 0.0
    runs: list[tuple[str, Rebuild]] = [(method, ours(stft, method)) for method in methods]
    if beside_librosa:
        runs[:0] = [
            (f"librosa.griffinlim, 64, momentum {momentum:g}", librosas(stft, momentum)) for momentum in (0.99, 0.0)
        ]
    for name, rebuild in runs:
        rebuild(magnitudes[0], clips[0].shape[-1])  # compiles
        began = time.perf_counter()
        rebuilt = [rebuild(magnitude, clip.shape[-1]) for magnitude, clip in zip(magnitudes, clips, strict=True)]
        speed = seconds / (time.perf_counter() - began)
        unit = unit or (speed if beside_librosa else 0.0)
        table.add_row(name, f"{speed:.1f}", *figures(stft, magnitudes, rebuilt), f"{speed / unit:.1f}" if unit else "-")
    return table


def mel_table(clips: Sequence[Tensor], title: str) -> Table:
    table = Table("bands", "inverse", "x real time", "SC dB median", "mean", "worst", "speed / librosa", title=title)
    seconds = sum(clip.shape[-1] for clip in clips) / RATE
    stft = STFT(RATE)
    magnitudes = [stft.encode(clip).abs() for clip in clips]
    for bands in (128, 80):
        unit = 0.0
        inverses: list[tuple[str, Rebuild]] = [("librosa mel_to_audio, 32", librosas_mel(bands))]
        inverses += [(f"{how}, {BEST}", our_mel(bands, how)) for how in ("em", "nnls", "pinv")]
        for name, rebuild in inverses:
            rebuild(magnitudes[0], clips[0].shape[-1])  # compiles
            began = time.perf_counter()
            rebuilt = [rebuild(magnitude, clip.shape[-1]) for magnitude, clip in zip(magnitudes, clips, strict=True)]
            speed = seconds / (time.perf_counter() - began)
            unit = unit or speed
            table.add_row(str(bands), name, f"{speed:.1f}", *figures(stft, magnitudes, rebuilt), f"{speed / unit:.1f}")
    return table


def representation_table(clips: Sequence[Tensor], title: str) -> Table:
    table = Table("representation", "numbers a second", "x real time", "SC dB", "LSD dB", "", title=title)
    seconds = sum(clip.shape[-1] for clip in clips) / RATE
    for name in NAMES:
        value = named(name, RATE)
        reconstruct(clips[0][0].numpy(), RATE, value)  # compiles
        began = time.perf_counter()
        found = [reconstruct(clip[0].numpy(), RATE, value) for clip in clips]
        speed = seconds / (time.perf_counter() - began)
        one_second = value.encode(torch.zeros(1, 1, RATE))
        table.add_row(
            name,
            f"{one_second.numel()}",
            f"{speed:.0f}",
            f"{np.median([one.spectral_convergence_db for one in found]):.1f}",
            f"{np.median([one.log_spectral_distance_db for one in found]):.1f}",
            " x ".join(str(size) for size in one_second.shape[1:]),
        )
    return table


def ours(stft: STFT, method: str) -> Rebuild:
    return lambda magnitude, samples: reconstruct_phase(magnitude, stft, method, samples=samples)


def librosas(stft: STFT, momentum: float) -> Rebuild:
    return lambda magnitude, samples: torch.from_numpy(
        librosa.griffinlim(
            magnitude[0, 0].numpy(),
            n_iter=64,
            hop_length=stft.hop,
            momentum=momentum,
            length=samples,
            random_state=0,
        )
    )[None, None]


def our_mel(bands: int, how: str) -> Rebuild:
    mel = MelSpectrogram(RATE, bands=bands, inverse=how)  # type: ignore[arg-type]

    def rebuild(magnitude: Tensor, samples: int) -> Tensor:
        return reconstruct_phase(mel.magnitude(mel.bank.apply(magnitude)), mel.stft, BEST, samples=samples)

    return rebuild


def librosas_mel(bands: int) -> Rebuild:
    weights = torch.from_numpy(librosa.filters.mel(sr=RATE, n_fft=1024, n_mels=bands))
    return lambda magnitude, samples: torch.from_numpy(
        librosa.feature.inverse.mel_to_audio(
            (weights @ magnitude[0, 0]).numpy(), sr=RATE, n_fft=1024, hop_length=256, power=1.0, length=samples
        )
    )[None, None]


def figures(stft: STFT, magnitudes: Sequence[Tensor], rebuilt: Sequence[Tensor]) -> tuple[str, str, str]:
    """Median, mean and worst spectral convergence, dB."""
    reached = [
        float(spectral_convergence(magnitude, stft.encode(audio.float()).abs()))
        for magnitude, audio in zip(magnitudes, rebuilt, strict=True)
    ]
    return f"{np.median(reached):.1f}", f"{np.mean(reached):.1f}", f"{max(reached):.1f}"


def read(folder: Path, sample_rate: int, count: int) -> list[Tensor]:
    """Read evenly spaced files of a folder: mono, peak 1, at most five seconds, each (1, 1, time)."""
    found = sorted(path for path in folder.rglob("*") if path.suffix in {".wav", ".flac", ".ogg"})
    clips = []
    for path in found[:: max(1, len(found) // count)][:count]:
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
        mono = samples.mean(1)[: LONGEST_SECONDS * rate]
        mono = mono if rate == sample_rate else soxr.resample(mono, rate, sample_rate)
        if np.abs(mono).max(initial=0) > 0:
            clips.append(torch.from_numpy(np.float32(mono / np.abs(mono).max()))[None, None])
    if not clips:
        raise SystemExit(f"{folder} holds no wav, flac or ogg file that is not silent; name another folder")
    return clips


def synthesised() -> list[Tensor]:
    """Hits and plucks of decaying partials and noise, each (1, 1, time)."""
    rng = np.random.default_rng(0)
    t = np.arange(RATE) / RATE
    clips = []
    for _ in range(SOUNDS):
        hz, decay, noisiness = 50 * 2 ** rng.uniform(0, 4), rng.uniform(3, 20), rng.uniform(0, 1)
        phases = rng.uniform(0, 2 * np.pi, 7)
        partials = sum(
            np.sin(2 * np.pi * k * hz * t + phase) * np.exp(-decay * k * t) / k for k, phase in enumerate(phases, 1)
        )
        sound = (1 - noisiness) * partials + noisiness * rng.normal(size=len(t)) * np.exp(-2 * decay * t)
        clips.append(torch.from_numpy(np.float32(sound / np.abs(sound).max()))[None, None])
    return clips


if __name__ == "__main__":
    main()
