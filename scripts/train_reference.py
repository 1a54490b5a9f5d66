"""Train the reference embedding, with which all systems are evaluated, and store it in the package.

    python scripts/train_reference.py DATA [--minutes 12]

DATA holds the folders drums, notes, speech and sfx. Only rows with permissive = yes are used, and of drums and notes
only the training side of the usual split, so that held-out kits and instruments are new to the network as well. It
learns to predict labels (kind, family, pitch) but not the kit, instrument or speaker, which would move its training
sounds away from all others. It also learns to detect degradations: noise, low-pass, smoothing, a lost phase, clipping,
a second sound in the background. No generator may use it.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from soundloom.data.clips import ClipSettings, ClipStore, open_clips
from soundloom.metrics.embeddings import reference
from soundloom.metrics.embeddings.reference_network import DIMENSION, SAMPLE_RATE, ReferenceNetwork, input_spectrogram
from soundloom.metrics.level_matching import match_level_and_rate
from soundloom.representations.stft import STFT
from soundloom.runtime.files import write_atomically, write_json

TASKS: dict[str, tuple[str, ...]] = {  # folder: the labels to predict; none that names a single source
    "drums": ("kind",),
    "notes": ("family", "pitch"),
    "speech": (),
    "sfx": ("kind",),
}
FAULTS = ("none", "noise", "low-pass", "smoothed", "no phase", "clipped", "two at once")
DEGRADED = 3  # degraded versions of each clip
BATCH, FAULTY_SHARE, DROPPED = 96, 0.5, 0.3
LEARNING_RATE, WEIGHT_DECAY, SMOOTHING = 2e-3, 0.03, 0.1
MOST_FRAMES_LATER, MOST_DECIBELS = 4, 3.0


class LabelledSounds(NamedTuple):
    """Sounds at one rate and loudness, with the classes to predict."""

    audio: np.ndarray  # (clip, sample)
    targets: dict[str, np.ndarray]  # task: class of each clip, -1 where it has none
    classes: dict[str, list[str]]
    weight: np.ndarray  # how often a clip is drawn
    licences: dict[str, int]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("data", type=Path)
    arguments.add_argument("--minutes", type=float, default=12)
    options = arguments.parse_args()
    ours, unseen = gather(options.data, held_out=False), gather(options.data, held_out=True)
    network, heads, steps = train(ours, options.minutes * 60)
    figures = examine(network, heads, unseen, ours)
    store(network, ours, figures, steps, options.minutes)
    print(json.dumps(figures, indent=2))


def gather(data: Path, held_out: bool) -> LabelledSounds:
    """One side of the split of every folder; speech and effects are all for training."""
    audio, labels, weights = [], [], []
    licences: dict[str, int] = {}
    for folder, tasks in TASKS.items():
        settings = ClipSettings(SAMPLE_RATE, 1.0, cut="windows" if folder in ("speech", "sfx") else "start", trim=True)
        store = open_clips(data / folder, settings, where={"permissive": "yes"})
        if folder in ("drums", "notes"):
            store = store.split(0.1, seed=0)[held_out]
        elif held_out:
            continue
        audio.append(level_matched(store))
        for row in store.labels:
            labels.append({f"{folder} {task}": row[task] for task in tasks if row.get(task)} | {"source": folder})
            licences[row["licence"]] = licences.get(row["licence"], 0) + 1
        weights.append(np.full(len(store), len(store) ** -0.5))  # large folders dominate less
    names = sorted({name for row in labels for name in row})
    classes = {name: sorted({row[name] for row in labels if name in row}) for name in names}
    targets = {
        name: np.array([classes[name].index(row[name]) if name in row else -1 for row in labels]) for name in names
    }
    return LabelledSounds(np.concatenate(audio), targets, classes, np.concatenate(weights), licences)


def level_matched(store: ClipStore) -> np.ndarray:
    return np.concatenate(
        [
            match_level_and_rate(store.audio(slice(i, i + 256))[:, 0], SAMPLE_RATE, SAMPLE_RATE)
            for i in range(0, len(store), 256)
        ]
    )


def train(sounds: LabelledSounds, seconds: float) -> tuple[ReferenceNetwork, nn.ModuleDict, int]:
    torch.manual_seed(0)
    network = ReferenceNetwork().to(memory_format=torch.channels_last)
    tasks = {**{name: len(found) for name, found in sounds.classes.items()}, "fault": len(FAULTS)}
    heads = nn.ModuleDict({name: nn.Linear(DIMENSION, count) for name, count in tasks.items()})
    parameters = [*network.parameters(), *heads.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    bank = bank_of(sounds)
    begun, step = time.monotonic(), 0
    chances = sounds.weight / sounds.weight.sum()
    while (fraction := (time.monotonic() - begun) / seconds) < 1:
        rng = np.random.default_rng([0, step])
        rows = rng.choice(len(chances), BATCH, p=chances)
        version = np.where(rng.random(BATCH) < FAULTY_SHARE, rng.integers(1, 1 + DEGRADED, BATCH), 0)
        x, faults = vary(bank.levels[version, rows], rng), torch.from_numpy(bank.faults[version, rows])
        for group in optimizer.param_groups:
            group["lr"] = LEARNING_RATE * min(1.0, step / 100) * max(0.01, 0.5 + 0.5 * np.cos(np.pi * fraction))
        with torch.autocast("cpu", torch.bfloat16):
            embedding = network(x.to(memory_format=torch.channels_last))
        embedding = F.dropout(F.gelu(embedding.float()), DROPPED)
        loss = F.cross_entropy(heads["fault"](embedding), faults)
        for name, targets in sounds.targets.items():
            wanted = torch.from_numpy(targets[rows])
            known = (wanted >= 0) & (faults < 2)  # a badly degraded sound may no longer show its class
            if known.any():
                loss = loss + F.cross_entropy(heads[name](embedding[known]), wanted[known], label_smoothing=SMOOTHING)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 2.0)
        optimizer.step()
        step += 1
        if step % 250 == 0:
            print(f"step {step}, {time.monotonic() - begun:.0f} s, loss {loss.item():.3f}", flush=True)
    return network.to(memory_format=torch.contiguous_format).eval(), heads.eval(), step


class Bank(NamedTuple):
    """The network's input for every clip: unchanged, and in a few degraded versions."""

    levels: np.ndarray  # float16 (version, clip, 1, band, frame)
    faults: np.ndarray  # (version, clip)


def bank_of(sounds: LabelledSounds) -> Bank:
    spectrogram, levels, faults = input_spectrogram(), [], []
    for version in range(1 + DEGRADED):
        rng = np.random.default_rng([1, version])
        parts = []
        for rows in np.array_split(rng.permutation(len(sounds.audio)), 64):
            audio = torch.from_numpy(sounds.audio[rows])
            degraded, fault = degrade(audio, rng) if version else (audio, torch.zeros(len(audio), dtype=torch.long))
            parts.append((rows, spectrogram.encode(degraded[:, None]).half().numpy(), fault.numpy()))
        order = np.argsort(np.concatenate([rows for rows, _, _ in parts]))
        levels.append(np.concatenate([x for _, x, _ in parts])[order])
        faults.append(np.concatenate([fault for _, _, fault in parts])[order])
    return Bank(np.stack(levels), np.stack(faults))


def vary(levels: np.ndarray, rng: np.random.Generator) -> Tensor:
    """A little louder or softer, and later: changes that keep the class of a sound."""
    x = torch.from_numpy(levels.astype(np.float32))
    reach = input_spectrogram().peak_db - input_spectrogram().floor_db
    change = torch.from_numpy(rng.uniform(-MOST_DECIBELS, MOST_DECIBELS, (len(x), 1, 1, 1)) / reach).float()
    x = torch.where(x > 0, (x + change).clamp_min(0), x)
    later = int(rng.integers(0, 1 + MOST_FRAMES_LATER))
    return F.pad(x, (later, 0))[..., : x.shape[-1]]


def degrade(audio: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Degrade each sound in one way drawn at random; returns the sounds and the fault of each."""
    faults = rng.integers(1, len(FAULTS), len(audio))
    degraded = audio.clone()
    for number, name in enumerate(FAULTS[1:], start=1):
        rows = np.flatnonzero(faults == number)
        if len(rows):
            degraded[rows] = FAULT[name](audio[rows], rng)
    return degraded, torch.from_numpy(faults)


def noisy(audio: Tensor, rng: np.random.Generator) -> Tensor:
    level = audio.square().mean(dim=1, keepdim=True).sqrt()
    below = torch.from_numpy(10 ** (-rng.uniform(5, 40, (len(audio), 1)) / 20)).float()
    return audio + level * below * torch.from_numpy(rng.standard_normal(audio.shape)).float()


def dull(audio: Tensor, rng: np.random.Generator) -> Tensor:
    spectrum = torch.fft.rfft(audio)
    hz = torch.linspace(0, SAMPLE_RATE / 2, spectrum.shape[1])
    cutoff = torch.from_numpy(rng.uniform(800, 6000, (len(audio), 1))).float()
    return torch.fft.irfft(spectrum / (1 + (hz / cutoff) ** 8), n=audio.shape[1])


def smoothed(audio: Tensor, rng: np.random.Generator) -> Tensor:
    """Log-magnitudes smeared over time and frequency, with the phase as it was: what an averaging model does."""
    transform = STFT(SAMPLE_RATE, 1024, 256)
    spectrum = transform.encode(audio[:, None])
    magnitude = spectrum.abs()
    level = magnitude.clamp_min(1e-4).log()
    wide, long = 2 * int(rng.integers(1, 5)) + 1, 2 * int(rng.integers(1, 4)) + 1
    smooth = F.avg_pool2d(level, (wide, long), stride=1, padding=(wide // 2, long // 2), count_include_pad=False)
    return transform.decode(spectrum * (smooth.exp() / magnitude.clamp_min(1e-4)))[:, 0, : audio.shape[1]]


def phaseless(audio: Tensor, rng: np.random.Generator) -> Tensor:
    transform = STFT(SAMPLE_RATE, 1024, 256)
    magnitude = transform.encode(audio[:, None]).abs()
    return transform.decode(magnitude.to(torch.complex64))[:, 0, : audio.shape[1]]


def clipped(audio: Tensor, rng: np.random.Generator) -> Tensor:
    most = audio.abs().amax(dim=1, keepdim=True) * torch.from_numpy(rng.uniform(0.05, 0.4, (len(audio), 1))).float()
    return torch.maximum(torch.minimum(audio, most), -most)


def doubled(audio: Tensor, rng: np.random.Generator) -> Tensor:
    """Another sound in the background, 6 to 30 dB softer: what a model that averages over sounds does."""
    below = torch.from_numpy(10 ** (-rng.uniform(6, 30, (len(audio), 1)) / 20)).float()
    return audio + below * audio.roll(1, dims=0)


FAULT = {
    "noise": noisy,
    "low-pass": dull,
    "smoothed": smoothed,
    "no phase": phaseless,
    "clipped": clipped,
    "two at once": doubled,
}


@torch.no_grad()
def examine(
    network: ReferenceNetwork, heads: nn.ModuleDict, unseen: LabelledSounds, ours: LabelledSounds
) -> dict[str, Any]:
    """Accuracy on unseen kits and instruments, for every task that they have labels for."""
    levels, figures = input_spectrogram(), {}
    embeddings = torch.cat(
        [network(levels.encode(torch.from_numpy(part)[:, None])) for part in np.array_split(unseen.audio, 8)]
    )
    for name, targets in unseen.targets.items():
        if name in ours.classes:
            codes = [ours.classes[name].index(c) if c in ours.classes[name] else -1 for c in unseen.classes[name]]
            wanted = np.array([codes[target] if target >= 0 else -1 for target in targets])
            rows = np.flatnonzero(wanted >= 0)
            if len(rows) > 20:
                found = heads[name](F.gelu(embeddings[rows])).argmax(dim=1).numpy()
                figures[name] = round(float((found == wanted[rows]).mean()), 3)
    rng = np.random.default_rng(1)
    degraded, faults = degrade(torch.from_numpy(unseen.audio), rng)
    found = heads["fault"](F.gelu(network(levels.encode(degraded[:, None])))).argmax(dim=1)
    figures["fault"] = round(float((found == faults).float().mean()), 3)
    return figures


def store(
    network: ReferenceNetwork, sounds: LabelledSounds, figures: dict[str, Any], steps: int, minutes: float
) -> None:
    from safetensors.torch import save

    state = {k: v.half() if v.is_floating_point() else v for k, v in network.state_dict().items()}
    write_atomically(reference.WEIGHTS, save(state))
    write_json(
        reference.CARD,
        {
            "what": "the reference embedding, for evaluation only; no generator may use it",
            "data": {name: len(found) for name, found in sounds.classes.items()},
            "clips": len(sounds.audio),
            "licences_of_the_data": sounds.licences,
            "training": {"command": f"python scripts/train_reference.py DATA --minutes {minutes:g}", "steps": steps},
            "accuracy_on_held_out_groups": figures,
        },
    )


if __name__ == "__main__":
    main()
