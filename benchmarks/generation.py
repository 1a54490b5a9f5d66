"""Speed of generation on one core: seconds of sound per second, and the parts of one sound.

    taskset -c 0 python benchmarks/generation.py [MODEL] [COUNT]

RAVE v2's decoder, untrained, makes 25 s of sound a second on one Zen 4 core; the course's network with 64 iterations
of librosa's Griffin-Lim makes 10 (both measured with their public code, torch 2.13).
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import torch
from rich.console import Console
from rich.table import Table

from soundloom.generation import Request, load
from soundloom.generation.writing import render
from soundloom.runtime.generators import generator


def milliseconds(function: Callable[[int], object], times: int = 40) -> float:
    """Median wall time of a call."""
    spent = []
    for number in range(times):
        begun = time.perf_counter()
        function(number)
        spent.append(1e3 * (time.perf_counter() - begun))
    return median(spent)


@torch.no_grad()
def main() -> None:
    name = sys.argv[1] if len(sys.argv) > 1 else "drums"
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 1000
    torch.set_num_threads(1)
    model = load(name)
    system, representation = model.system, model.system.representation
    model.generate(count=2, jobs=1)  # compiles the loops, once on each machine
    table = Table("what", "measured", title=f"{name}, one core, one thread")
    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        render(model, Request(count=count), Path(folder), format="flac", jobs=1, picture=False)
        spent = time.perf_counter() - begun
    table.add_row(f"{count} sounds to FLAC", f"{count * model.seconds / spent:.0f} s of sound per second")
    code, row = torch.randn(1, system.config.latent), torch.zeros(1, system.schema.width)
    out = system.network.decode(code, row)
    spectrogram = out.mean[0] + system.observation.draw_residual(out, 1.0, generator(0))
    table.add_row("latent to spectrogram", f"{milliseconds(lambda _: system.network.decode(code, row)):.2f} ms")
    table.add_row(
        "residual noise", f"{milliseconds(lambda n: system.observation.draw_residual(out, 1.0, generator(n))):.2f} ms"
    )
    decode = milliseconds(lambda n: representation.decode(spectrogram[None, None], generator(n)))
    table.add_row("spectrogram to waveform", f"{decode:.2f} ms")

    def latent_to_waveform(number: int) -> None:
        rng = generator(number)
        found = system.network.decode(code, row)
        representation.decode((found.mean[0] + system.observation.draw_residual(found, 1.0, rng))[None, None], rng)

    table.add_row("latent to waveform", f"{milliseconds(latent_to_waveform):.2f} ms")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    table.add_row("peak memory", f"{peak:.2f} GB")
    Console().print(table)


if __name__ == "__main__":
    main()
