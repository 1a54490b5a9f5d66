"""A vocoder compared with phase methods, on the same mel frames of held-out clips.

    python benchmarks/vocoder.py RUN FOLDER [--count N]

RUN is a WaveNet that was trained with frames, FOLDER the sounds that it was trained on; held-out clips are used, evenly
spaced. Distances are the multi-resolution STFT distance of Yamamoto et al. 2020
(https://arxiv.org/abs/1910.11480) and the root-mean-square difference of the mel frames in dB; lower is closer. Both
are means over clips, with 95 % bootstrap intervals.

Two rows are bounds for a vocoder of classes: the clips themselves, quantised to its classes; and clips of which each
sample was drawn given the real samples before it (teacher forcing), so that errors do not accumulate.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor

from soundloom.data.clips import ClipSettings
from soundloom.data.provenance import Provenance
from soundloom.evaluation.reference_data import open_reference
from soundloom.generation.vocoder import Vocoded, Vocoder, vocoder_named
from soundloom.metrics.reconstruction import multi_resolution_distance
from soundloom.representations import MelSpectrogram
from soundloom.representations.phase import BEST
from soundloom.runtime.generators import generator
from soundloom.systems.wavenet.sampling import predict
from soundloom.systems.wavenet.wavenet import WaveNet

METHODS = ("pghi+fast-griffin-lim:60", "griffin-lim:60", BEST)
DRAWS = 5000  # of the bootstrap


class Row(NamedTuple):
    """Results of one method on all clips."""

    method: str
    multi_resolution: np.ndarray  # (clip,)
    mel_error_db: np.ndarray  # (clip,)
    speed: float  # seconds of sound made in a second


def held_out(vocoder: Vocoder, run: Path, folder: Path, count: int) -> Tensor:
    """Clips (clip, 1, time) that the run was not trained on, none of them silent."""
    config = vocoder.system.config
    cut = ClipSettings(
        vocoder.mel.sample_rate, config.seconds, cut=config.cut, trim=config.trim, loudness_lufs=config.loudness_lufs
    )
    clips = open_reference(folder, [Provenance.read(run)], cut).held_out.some(count)
    audio = torch.from_numpy(clips.audio(slice(None)))
    return audio[audio.abs().amax(dim=(1, 2)) > 0]


def decode_with_vocoder(vocoder: Vocoder) -> Callable[[Tensor], Tensor]:
    vocoded = Vocoded.of(vocoder.mel, vocoder)
    batch_size = vocoded.sampling_batch_size

    def decode(x: Tensor) -> Tensor:
        rngs = [generator(0, clip) for clip in range(len(x))]
        parts = range(0, len(x), batch_size)
        return torch.cat([vocoded.decode_each(x[at : at + batch_size], rngs[at : at + batch_size]) for at in parts])

    return decode


def decode_with_phase(mel: MelSpectrogram, method: str) -> Callable[[Tensor], Tensor]:
    representation = replace(mel, phase=method)
    return lambda x: representation.decode_each(x, [generator(0, clip) for clip in range(len(x))])


@torch.no_grad()
def bounds(system: WaveNet, audio: Tensor) -> dict[str, Callable[[Tensor], Tensor]]:
    """Decoders of the two bounds; each returns as many clips as it is given frames."""
    kept = system.representation

    def teacher_forced(x: Tensor) -> Tensor:
        clips = audio[: len(x)]
        codes = torch.zeros(len(clips), system.schema.width)
        probabilities = predict(system.network, kept.encode(clips)[:, 0], codes, system.encoder.spectra(clips)).softmax(
            dim=1
        )
        drawn = torch.multinomial(probabilities.transpose(1, 2).flatten(0, 1), 1, generator=generator(0, "forced"))
        return kept.decode(drawn.view(len(clips), 1, -1))

    return {
        "quantised clips": lambda x: kept.decode(kept.encode(audio[: len(x)])),
        "teacher forcing": teacher_forced,
    }


@torch.no_grad()
def measure(method: str, decode: Callable[[Tensor], Tensor], audio: Tensor, mel: MelSpectrogram) -> Row:
    """Decode the mel frames of clips, and compare with the clips."""
    x = mel.encode(audio)
    decode(x[:1])  # compiles the loops
    begun = time.monotonic()
    back = decode(x)[..., : audio.shape[-1]]
    elapsed = time.monotonic() - begun
    decibels = (mel.encode(back) - x) * (mel.peak_db - mel.floor_db)
    error = decibels.square().mean(dim=(1, 2, 3)).sqrt()
    distance = multi_resolution_distance(audio[:, 0], back[:, 0])
    return Row(method, distance.numpy(), error.numpy(), audio.shape[0] * audio.shape[-1] / mel.sample_rate / elapsed)


def compare(run: Path, folder: Path, count: int) -> list[Row]:
    """Measure all methods on the same frames."""
    vocoder = vocoder_named(f"wavenet:{run}")
    audio, mel = held_out(vocoder, run, folder, count), vocoder.mel
    decoders = {f"vocoder {vocoder.name}": decode_with_vocoder(vocoder)}
    decoders |= {method: decode_with_phase(mel, method) for method in METHODS}
    if vocoder.system.config.classes:
        decoders |= bounds(vocoder.system, audio)
    return [measure(name, decode, audio, mel) for name, decode in decoders.items()]


def mean_with_interval(values: np.ndarray) -> str:
    """The mean over clips, with a 95 % bootstrap interval."""
    rows = np.random.default_rng(0).integers(len(values), size=(DRAWS, len(values)))
    low, high = np.quantile(values[rows].mean(axis=1), (0.025, 0.975))
    return f"{values.mean():.3f} [{low:.3f}, {high:.3f}]"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=64, help="clips, at most")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    rows = compare(asked.run, asked.folder, asked.count)
    title = f"{len(rows[0].mel_error_db)} held-out clips, from their mel frames"
    table = Table(title=title)
    for column in ("method", "multi-resolution STFT distance", "log-mel RMSE (dB)", "times real time"):
        table.add_column(column, no_wrap=column == "method")
    for row in rows:
        table.add_row(
            row.method, mean_with_interval(row.multi_resolution), mean_with_interval(row.mel_error_db),
            f"{row.speed:.1f}",
        )  # fmt: skip
    Console().print(table)


if __name__ == "__main__":
    main()
