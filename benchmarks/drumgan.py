"""Speed of an untrained DrumGAN: milliseconds per training step at each level, and per generated sound.

taskset -c 0 python benchmarks/drumgan.py             one core, preset small
python benchmarks/drumgan.py --preset drums           generation is measured on the CPU, training on a GPU
                                                      if there is one
"""

from __future__ import annotations

import argparse
import time
from itertools import accumulate
from statistics import median

import torch
from rich.console import Console
from rich.table import Table
from torch import nn

from soundloom.conditions.schema import Category, Scalar, Schema
from soundloom.contract import Batch, Objective
from soundloom.generation import Request, generate_from
from soundloom.representations import build
from soundloom.systems.drumgan import DrumGAN
from soundloom.systems.drumgan.settings import PRESETS
from soundloom.training.precision import autocast

SLIDERS = ("boominess", "brightness", "depth", "hardness", "roughness", "sharpness", "warmth")
SCHEMA = Schema((Category("kind", ("kick", "snare", "hat")), *(Scalar(name, (0.0, 50.0, 100.0)) for name in SLIDERS)))
STEPS = 5
SOUNDS = 40


def untrained(preset: str) -> DrumGAN:
    torch.manual_seed(0)
    config = PRESETS[preset]
    return DrumGAN(config, build(config.representation), SCHEMA)


def step_seconds(
    objective: Objective, optimizer: torch.optim.Optimizer, batch: Batch, fraction: float, precision: str
) -> float:
    """Time one step of one objective, as in the training loop."""
    device = batch.x.device
    if device.type == "cuda":
        torch.cuda.synchronize()
    begun = time.perf_counter()
    with autocast(precision, device):
        loss = objective(batch, fraction)
    optimizer.zero_grad(set_to_none=True)
    loss.total.backward()
    nn.utils.clip_grad_norm_(list(objective.moves()), 1.0)
    optimizer.step()
    for value in loss.parts.values():
        float(value.detach())
    return time.perf_counter() - begun


def millions(network: nn.Module) -> str:
    """The number of parameters."""
    return f"{sum(parameter.numel() for parameter in network.parameters()) / 1e6:.2f} M"


def training(console: Console, preset: str, batch_size: int | None) -> None:
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    for precision in ("float32", "bfloat16"):
        system = untrained(preset).to(device)
        config, size = system.config, batch_size or system.config.batch_size
        title = f"{preset}, batch {size}, {precision}, {device}"
        console.print(f"{title}: generator {millions(system.generator)}, critic {millions(system.critic)}")
        (stage,) = system.stages()
        optimizers = [objective.optimizer() for objective in stage.objectives]
        audio = torch.randn(size, 1, system.samples).to(device)
        codes = torch.from_numpy(SCHEMA.encode({"kind": "kick", **dict.fromkeys(SLIDERS, 50.0)})).repeat(size, 1)
        often = f"penalty every {config.penalty_every} steps"
        table = Table("level", "image", "critic ms", "without penalty", "generator ms", f"steps a second, {often}")
        for level, until in enumerate(accumulate(config.shares)):
            fraction = (until - 1e-3 * config.shares[level]) / sum(config.shares)
            batch = Batch(audio, codes.to(device), seed=0, step=0)
            critic, generator = (
                median(step_seconds(objective, optimizer, batch, fraction, precision) for _ in range(STEPS + 1))
                for objective, optimizer in zip(stage.objectives, optimizers, strict=True)
            )
            cheap = median(without_penalty(system, batch, fraction, optimizers[0], precision) for _ in range(STEPS))
            shape = [system.generator.patch * side << level for side in system.generator.coarsest]
            usual = cheap + (critic - cheap) / config.penalty_every
            table.add_row(
                str(level), f"{shape[0]} x {shape[1]}", f"{1e3 * critic:.1f}", f"{1e3 * cheap:.1f}",
                f"{1e3 * generator:.1f}", f"{1 / (usual + generator):.1f}",
            )  # fmt: skip
        console.print(table)


def without_penalty(
    system: DrumGAN, batch: Batch, fraction: float, optimizer: torch.optim.Optimizer, precision: str
) -> float:
    """Time a step of the critic without the gradient penalty."""
    from soundloom.systems.drumgan import objectives

    whole = objectives.gradient_penalty
    objectives.gradient_penalty = lambda score, image, unit=1.0: image.new_zeros(())
    try:
        return step_seconds(system.stages()[0].objectives[0], optimizer, batch, fraction, precision)
    finally:
        objectives.gradient_penalty = whole


def generation(console: Console, preset: str) -> None:
    """Time the way from sliders to samples on one core: single sounds, and many."""
    torch.set_num_threads(1)
    system = untrained(preset).eval()
    system.growth.number.fill_(system.levels - 1.0)
    times = []
    for seed in range(12):
        begun = time.perf_counter()
        list(generate_from(system, Request(count=1, seed=seed, conditions={"kind": "kick", "brightness": 80.0}), 1))
        times.append(time.perf_counter() - begun)
    begun = time.perf_counter()
    list(generate_from(system, Request(count=SOUNDS), 1))
    many = SOUNDS * system.config.seconds / (time.perf_counter() - begun)
    console.print(
        f"{preset}: one sound {1e3 * min(times):.0f} ms at best, {1e3 * median(times):.0f} ms in the median; {SOUNDS} "
        f"sounds at {many:.0f} times real time, one core"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="small", choices=PRESETS)
    parser.add_argument("--batch", type=int)
    asked = parser.parse_args()
    training(Console(), asked.preset, asked.batch)
    generation(Console(), asked.preset)
