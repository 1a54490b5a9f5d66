"""Sampling speed of an untrained WaveNet: samples per second, compared with plain torch and the limit of the core.

    taskset -c 0 python benchmarks/wavenet.py        one core
    python benchmarks/wavenet.py                     also two sequences on two cores

Public samplers with queues, measured with their own code on one Zen 4 core in the first configuration: 295 and 309
samples a second (vincentherrmann/pytorch-wavenet, r9y9/wavenet_vocoder; torch 2.13), 792 (ibab/tensorflow-wavenet).
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from statistics import median

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from soundloom.conditions.schema import Schema
from soundloom.generation import Request, generate_from
from soundloom.representations import build
from soundloom.runtime.processors import available_processors
from soundloom.systems.wavenet import WaveNet
from soundloom.systems.wavenet.sampler.torch_sampler import TorchSampler
from soundloom.systems.wavenet.sampler_weights import weights_of
from soundloom.systems.wavenet.sequences import Sequences
from soundloom.systems.wavenet.settings import PRESETS

FIRST_USE = """
import time, torch
from soundloom.conditions.schema import Schema
from soundloom.generation import Request, generate_from
from soundloom.representations import build
from soundloom.systems.wavenet import WaveNet
from soundloom.systems.wavenet.settings import PRESETS
config = PRESETS["drums"]
system = WaveNet(config, build(config.representation), Schema()).eval()
begun = time.perf_counter()
for count in (1, 16):
    list(generate_from(system, Request(count=count, seconds=0.01), 1))
print(time.perf_counter() - begun)
"""
TRIALS = 5


def untrained(preset: str) -> WaveNet:
    config = PRESETS[preset]
    torch.manual_seed(0)
    return WaveNet(config, build(config.representation), Schema()).eval()


def multiply_adds(system: WaveNet) -> int:
    """Multiply-adds of one sample: N (k R 2G + G (R + S)) + S E + E outputs."""
    weights = weights_of(system.network)
    return sum(part.size for part in (weights.taps, weights.mix, weights.end, weights.head))


def rate(system: WaveNet, count: int, seconds: float, weights: str, jobs: int = 1) -> float:
    """Samples per second of all sequences, generated as by the command; the best of several trials."""
    best = 0.0
    for seed in range(TRIALS):
        request = Request(count=count, seconds=seconds, seed=seed, options={"weights": weights})
        begun = time.perf_counter()
        made = sum(sound.audio.samples.shape[1] for sound in generate_from(system, request, jobs))
        best = max(best, made / (time.perf_counter() - begun))
    return best


def plain_torch(system: WaveNet, count: int, steps: int = 200) -> float:
    """Samples per second of the reference loop in torch."""
    conditioning = torch.from_numpy(Sequences(system.network, torch.zeros(count, 0), None).fixed)
    symbols, drawn = torch.full((count, steps), -1), torch.rand(count, steps, 1, dtype=torch.float64)
    with torch.no_grad():
        loop = TorchSampler(weights_of(system.network), conditioning, system.encoder.before)
        loop.advance(symbols[:, :20], drawn[:, :20], conditioning)
        begun = time.perf_counter()
        loop.advance(symbols, drawn, conditioning)
    return count * steps / (time.perf_counter() - begun)


def matrix_rate() -> float:
    """Multiply-adds per second of torch's matrix product in single precision: the practical limit of this core."""
    a, b = torch.randn(768, 768), torch.randn(768, 768)
    times = []
    for _ in range(20):
        begun = time.perf_counter()
        a @ b
        times.append(time.perf_counter() - begun)
    return 768**3 / min(times)


def first_use() -> tuple[float, float]:
    """Seconds to the first samples of one sequence and of sixteen: with an empty cache of loops, and a full one."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "NUMBA_CACHE_DIR": folder}
        runs = [
            subprocess.run(
                [sys.executable, "-c", FIRST_USE], env=environment, check=True, capture_output=True, text=True
            )
            for _ in range(2)
        ]
    first, again = (float(done.stdout) for done in runs)
    return first, again


def by_position(system: WaveNet, seconds: float) -> tuple[float, float]:
    """Microseconds per sample of one sequence, in its first and in its last second."""
    sequences = Sequences(system.network, torch.zeros(1, 0), None)
    times = []
    for at in range(0, round(seconds * system.representation.sample_rate), sequences.chunk):
        symbols, drawn = (
            np.full((1, sequences.chunk), -1, np.int64),
            np.random.default_rng(at).random((1, sequences.chunk, 1)),
        )
        begun = time.perf_counter()
        sequences.advance(symbols, drawn, at)
        times.append(1e6 * (time.perf_counter() - begun) / sequences.chunk)
    few = max(1, system.representation.sample_rate // sequences.chunk)
    return median(times[:few]), median(times[-few:])


def main() -> None:
    torch.set_num_threads(1)
    console = Console()
    limit = matrix_rate()
    big, drums = untrained("paper"), untrained("drums")
    table = Table(
        "what", "samples/s", "x real time", "x plain torch", "of matrix rate", title="one core, untrained, mu-law"
    )
    rows = [
        ("30 layers 64/256, one sequence, float32", big, 1, "float32"),
        ("30 layers 64/256, one sequence, bfloat16 weights", big, 1, "bfloat16"),
        ("30 layers 64/256, one sequence, int8 weights", big, 1, "int8"),
        ("30 layers 64/256, 16 sequences, float32", big, 16, "float32"),
        ("30 layers 64/256, 16 sequences, int8 weights", big, 16, "int8"),
        ("preset drums, one sequence, float32", drums, 1, "float32"),
        ("preset drums, one sequence, bfloat16 weights", drums, 1, "bfloat16"),
        ("preset drums, one sequence, int8 weights", drums, 1, "int8"),
        ("preset drums, 16 sequences, float32", drums, 16, "float32"),
        ("preset drums, 16 sequences, int8 weights", drums, 16, "int8"),
    ]
    for name, system, count, weights in rows:
        found, peer = rate(system, count, 0.5 if count == 1 else 0.25, weights), plain_torch(system, count)
        hz = system.representation.sample_rate
        share = found * multiply_adds(system) / limit
        table.add_row(name, f"{found:,.0f}", f"{found / hz:.2f}", f"{found / peer:.0f}", f"{share:.0%}")
    console.print(table)
    details = Table("what", "measured")
    details.add_row(
        "multiply-adds of a sample, 30 layers 64/256; drums", f"{multiply_adds(big):,}; {multiply_adds(drums):,}"
    )
    details.add_row("matrix product in torch, this core", f"{limit / 1e9:.1f} G multiply-adds a second")
    first, again = first_use()
    details.add_row("to the first samples, nothing compiled; again", f"{first:.1f} s; {again:.2f} s")
    early, late = by_position(drums, 60)
    details.add_row("preset drums, a sample in the first second; after a minute", f"{early:.2f} us; {late:.2f} us")
    queue = 4 * weights_of(drums.network).queue_floats
    details.add_row("preset drums, queues of one sequence", f"{queue:,} bytes: 4 R times the sum of (k - 1) d")
    if available_processors() > 1:
        one, two = rate(drums, 1, 4.0, "float32"), rate(drums, 2, 4.0, "float32", jobs=2)
        details.add_row("preset drums, two sequences on two cores", f"{two / one:.2f} times one")
    console.print(details)


if __name__ == "__main__":
    main()
