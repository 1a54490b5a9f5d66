"""Train the reference, the embedding that judges all systems, and store it in the package.

    python scripts/train_reference.py DATA [--minutes 12]

DATA holds the folders drums, notes, speech and sfx; only rows with permissive = yes are used, and of drums and notes
only the training side of the usual split, so that held-out kits and instruments are new to the reference as well. It
learns what the labels say (kind, family, pitch), but not which kit, instrument or speaker it hears: sounds that it was
trained on would then seem far from all others. And it learns to hear what is done to a sound: noise, low-pass,
smoothing, a lost phase, clipping, a second sound behind it. No generator may use it.
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
from soundloom.metrics.embeddings import reference as reference
from soundloom.metrics.embeddings.reference_network import DIMENSION, SAMPLE_RATE, RefereeNetwork, hearing
from soundloom.metrics.levelling import fair
from soundloom.representations.stft import STFT
from soundloom.runtime.files import write_atomically, write_json

HEARD: dict[str, tuple[str, ...]] = {  # folder: the labels that are learnt; none that names a single source
    "drums": ("kind",),
    "notes": ("family", "pitch"),
    "speech": (),
    "sfx": ("kind",),
}
FAULTS = ("none", "noise", "low-pass", "smoothed", "no phase", "clipped", "two at once")
SPOILT = 3  # spoilt versions of each clip
BATCH, FAULTY_SHARE, DROPPED = 96, 0.5, 0.3
LEARNING_RATE, WEIGHT_DECAY, SMOOTHING = 2e-3, 0.03, 0.1
MOST_FRAMES_LATER, MOST_DECIBELS = 4, 3.0


class Material(NamedTuple):
    """Training sounds at one rate and loudness, and what is to be learnt of them."""

    audio: np.ndarray  # (clip, sample)
    targets: dict[str, np.ndarray]  # task: class of each clip, -1 where it has none
    classes: dict[str, list[str]]
    weight: np.ndarray  # how often a clip is drawn
    licences: dict[str, int]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("data", type=Path)
    arguments.add_argument("--minutes", type=float, default=12)
    asked = arguments.parse_args()
    ours, unseen = gather(asked.data, held_out=False), gather(asked.data, held_out=True)
    network, heads, steps = train(ours, asked.minutes * 60)
    figures = examine(network, heads, unseen, ours)
    store(network, ours, figures, steps, asked.minutes)
    print(json.dumps(figures, indent=2))


def gather(data: Path, held_out: bool) -> Material:
    """One side of the split of every folder; speech and effects are all for training."""
    audio, labels, weights = [], [], []
    licences: dict[str, int] = {}
    for folder, tasks in HEARD.items():
        settings = ClipSettings(SAMPLE_RATE, 1.0, cut="windows" if folder in ("speech", "sfx") else "start", trim=True)
        store = open_clips(data / folder, settings, where={"permissive": "yes"})
        if folder in ("drums", "notes"):
            store = store.split(0.1, seed=0)[held_out]
        elif held_out:
            continue
        audio.append(loud(store))
        for row in store.labels:
            labels.append({f"{folder} {task}": row[task] for task in tasks if row.get(task)} | {"source": folder})
            licences[row["licence"]] = licences.get(row["licence"], 0) + 1
        weights.append(np.full(len(store), len(store) ** -0.5))  # small folders are not drowned, nor repeated too often
    names = sorted({name for row in labels for name in row})
    classes = {name: sorted({row[name] for row in labels if name in row}) for name in names}
    targets = {
        name: np.array([classes[name].index(row[name]) if name in row else -1 for row in labels]) for name in names
    }
    return Material(np.concatenate(audio), targets, classes, np.concatenate(weights), licences)


def loud(store: ClipStore) -> np.ndarray:
    return np.concatenate(
        [fair(store.audio(slice(i, i + 256))[:, 0], SAMPLE_RATE, SAMPLE_RATE) for i in range(0, len(store), 256)]
    )


def train(material: Material, seconds: float) -> tuple[RefereeNetwork, nn.ModuleDict, int]:
    torch.manual_seed(0)
    network = RefereeNetwork().to(memory_format=torch.channels_last)
    tasks = {**{name: len(found) for name, found in material.classes.items()}, "fault": len(FAULTS)}
    heads = nn.ModuleDict({name: nn.Linear(DIMENSION, count) for name, count in tasks.items()})
    parameters = [*network.parameters(), *heads.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    bank = seen(material)
    begun, step = time.monotonic(), 0
    chances = material.weight / material.weight.sum()
    while (fraction := (time.monotonic() - begun) / seconds) < 1:
        rng = np.random.default_rng([0, step])
        rows = rng.choice(len(chances), BATCH, p=chances)
        version = np.where(rng.random(BATCH) < FAULTY_SHARE, rng.integers(1, 1 + SPOILT, BATCH), 0)
        x, faults = vary(bank.levels[version, rows], rng), torch.from_numpy(bank.faults[version, rows])
        for group in optimizer.param_groups:
            group["lr"] = LEARNING_RATE * min(1.0, step / 100) * max(0.01, 0.5 + 0.5 * np.cos(np.pi * fraction))
        with torch.autocast("cpu", torch.bfloat16):
            embedding = network(x.to(memory_format=torch.channels_last))
        embedding = F.dropout(F.gelu(embedding.float()), DROPPED)
        loss = F.cross_entropy(heads["fault"](embedding), faults)
        for name, targets in material.targets.items():
            wanted = torch.from_numpy(targets[rows])
            known = (wanted >= 0) & (faults < 2)  # what is left of a badly spoilt sound may not say
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
    """Every clip as the network sees it: as it is, and spoilt in a few ways."""

    levels: np.ndarray  # float16 (version, clip, 1, band, frame)
    faults: np.ndarray  # (version, clip)


def seen(material: Material) -> Bank:
    ear, levels, faults = hearing(), [], []
    for version in range(1 + SPOILT):
        rng = np.random.default_rng([1, version])
        parts = []
        for rows in np.array_split(rng.permutation(len(material.audio)), 64):
            audio = torch.from_numpy(material.audio[rows])
            spoilt, what = spoil(audio, rng) if version else (audio, torch.zeros(len(audio), dtype=torch.long))
            parts.append((rows, ear.encode(spoilt[:, None]).half().numpy(), what.numpy()))
        order = np.argsort(np.concatenate([rows for rows, _, _ in parts]))
        levels.append(np.concatenate([x for _, x, _ in parts])[order])
        faults.append(np.concatenate([what for _, _, what in parts])[order])
    return Bank(np.stack(levels), np.stack(faults))


def vary(levels: np.ndarray, rng: np.random.Generator) -> Tensor:
    """Louder or softer, and later, by a little: none of it changes what a sound is."""
    x = torch.from_numpy(levels.astype(np.float32))
    reach = hearing().peak_db - hearing().floor_db
    change = torch.from_numpy(rng.uniform(-MOST_DECIBELS, MOST_DECIBELS, (len(x), 1, 1, 1)) / reach).float()
    x = torch.where(x > 0, (x + change).clamp_min(0), x)
    later = int(rng.integers(0, 1 + MOST_FRAMES_LATER))
    return F.pad(x, (later, 0))[..., : x.shape[-1]]


def spoil(audio: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Do something to each of the sounds; says what."""
    faults = rng.integers(1, len(FAULTS), len(audio))
    spoilt = audio.clone()
    for number, name in enumerate(FAULTS[1:], start=1):
        rows = np.flatnonzero(faults == number)
        if len(rows):
            spoilt[rows] = FAULT[name](audio[rows], rng)
    return spoilt, torch.from_numpy(faults)


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
    """Another sound shines through, 6 to 30 dB softer: what a model that averages over sounds does."""
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
def examine(network: RefereeNetwork, heads: nn.ModuleDict, unseen: Material, ours: Material) -> dict[str, Any]:
    """Accuracy on kits and instruments never heard, for every task that they have."""
    levels, figures = hearing(), {}
    embeddings = torch.cat(
        [network(levels.encode(torch.from_numpy(part)[:, None])) for part in np.array_split(unseen.audio, 8)]
    )
    for name, targets in unseen.targets.items():
        if name in ours.classes:
            told = [ours.classes[name].index(c) if c in ours.classes[name] else -1 for c in unseen.classes[name]]
            wanted = np.array([told[target] if target >= 0 else -1 for target in targets])
            rows = np.flatnonzero(wanted >= 0)
            if len(rows) > 20:
                found = heads[name](F.gelu(embeddings[rows])).argmax(dim=1).numpy()
                figures[name] = round(float((found == wanted[rows]).mean()), 3)
    rng = np.random.default_rng(1)
    spoilt, faults = spoil(torch.from_numpy(unseen.audio), rng)
    found = heads["fault"](F.gelu(network(levels.encode(spoilt[:, None])))).argmax(dim=1)
    figures["fault"] = round(float((found == faults).float().mean()), 3)
    return figures


def store(network: RefereeNetwork, material: Material, figures: dict[str, Any], steps: int, minutes: float) -> None:
    from safetensors.torch import save

    state = {k: v.half() if v.is_floating_point() else v for k, v in network.state_dict().items()}
    write_atomically(reference.WEIGHTS, save(state))
    write_json(
        reference.CARD,
        {
            "what": "the reference: an embedding that judges sounds; no generator may use it",
            "data": {name: len(found) for name, found in material.classes.items()},
            "clips": len(material.audio),
            "licences_of_the_data": material.licences,
            "training": {"command": f"python scripts/train_reference.py DATA --minutes {minutes:g}", "steps": steps},
            "accuracy_on_held_out_groups": figures,
        },
    )


if __name__ == "__main__":
    main()
