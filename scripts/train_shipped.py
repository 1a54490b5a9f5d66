"""Train a shipped model, measure it, and write it with its card to src/soundloom/models/NAME.

    python scripts/train_shipped.py NAME FOLDER [--minutes 40] [--run RUN]

Trains on rows whose `permissive` is yes, so that the weights may be given away. An existing RUN is not trained again.
"""

from __future__ import annotations

import argparse
import csv
import json
import platform
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from soundloom import checkpoint
from soundloom.config import read_json, write_json
from soundloom.generate import Request, load

WHERE = {"permissive": "yes"}


@dataclass(frozen=True)
class Plan:
    """What is said of a shipped model."""

    makes: str
    data: str
    source: str
    credits: tuple[str, ...]


PLANS = {
    "drums": Plan(
        makes="drum and percussion one-shots, asked for by kind",
        data="drum one-shots under CC0, MIT, CC-BY or stated to be in the public domain",
        source="one-shots of freely licensed kits, 22,050 Hz, rows with permissive = yes",
        credits=(
            "Frankensnare: Karoryfer Samples (CC0)",
            "MuldjordKit: drum samples provided by DrumGizmo.org (CC-BY 4.0)",
            "MuseScore General soundfont: S. Christian Collins and contributors (MIT)",
            "FluidR3 GM soundfont: Frank Wen (MIT)",
            "Sonic Pi samples (CC0)",
            "BillieDrum: EwonRael (CC0)",
            "rumpf_kit: Emanuel Rumpf (CC-BY 3.0)",
            "Pearl Master Studio: enoe, by way of github.com/oramics/sampled (CC-BY 3.0)",
            "Audiophob (CC0)",
            "Samples of TR-808, TR-505, CR-78, LM-2, MRK-2, RZ-1, SK-1, CR-8000, Drumtraks, MFB-512, MR10 and other "
            "drum machines: github.com/smpldsnds/drum-machines and github.com/oramics/sampled (public domain, as "
            "stated by those sources)",
        ),
    ),
    "notes": Plan(
        makes="single notes, asked for by pitch (MIDI) and instrument family",
        data="single notes under MIT or CC0",
        source="notes of a soundfont, rendered dry, and recorded notes, 16,000 Hz, rows with permissive = yes",
        credits=(
            "FluidR3 GM soundfont: Frank Wen (MIT)",
            "Upright piano: Piotr Barcz, FreePats old-piano-FB (CC0)",
            "Classical guitar: roberto@zenvoid.org, FreePats spanish-classical-guitar (CC0)",
        ),
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=sorted(PLANS))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--minutes", type=float, default=40)
    parser.add_argument("--run", type=Path)
    asked = parser.parse_args()
    run = asked.run or Path("runs") / f"shipped-{asked.name}"
    if not (run / checkpoint.WEIGHTS).is_file():
        train(asked.name, asked.folder, run, asked.minutes)
    ship(asked.name, asked.folder, run)


def train(name: str, folder: Path, run: Path, minutes: float) -> None:
    """The recipe: the preset of the same name, nothing else."""
    from soundloom.display import TrainingDisplay
    from soundloom.training import train as train_model

    with TrainingDisplay(run, again=f"{Path(__file__).name} {name}", quiet=False) as watcher:
        train_model("vae", folder, out=run, preset=name, minutes=minutes, where=WHERE, watcher=watcher)


def ship(name: str, folder: Path, run: Path) -> None:
    """Store the weights in 16 bits beside a card with what was measured of them as they are stored."""
    target = checkpoint.SHIPPED / name
    target.mkdir(parents=True, exist_ok=True)
    checkpoint.save(target, load(run).system, "vae", half=True)
    facts = {**describe(name, folder, run), "figures": measure(name, target, folder)}
    write_json(target / "card.json", facts)
    (target / "README.md").write_text(card(name, target, facts), encoding="utf-8")
    print(json.dumps(facts["figures"], indent=2))


def describe(name: str, folder: Path, run: Path) -> dict[str, Any]:
    plan, account, recipe = PLANS[name], read_json(run / "data.json"), read_json(run / "training.json")
    state = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    steps = max(line["step"] for line in state)
    seconds = max(line.get("seconds", 0) for line in state)
    with (folder / "metadata.csv").open(newline="", encoding="utf-8") as file:
        rows = {row["file_name"]: row for row in csv.DictReader(file)}
    licences = Counter(rows[path]["licence"] for path in (*account["training"], *account["held_out"]))
    return {
        "makes": plan.makes,
        "data": plan.data,
        "source": plan.source,
        "licence": "CC-BY 4.0 (name the credits below)",
        "licences_of_the_data": dict(licences.most_common()),
        "credits": list(plan.credits),
        "clips_trained_on": len(account["training"]),
        "clips_held_out": len(account["held_out"]),
        "training": {
            "command": f"python scripts/train_shipped.py {name} FOLDER --minutes {recipe['training']['minutes']:g}",
            "steps": steps + 1,
            "minutes": round(seconds / 60, 1),
            "machine": f"{torch.get_num_threads()} thread(s) of a {platform.machine()} processor, beside other work",
        },
    }


def measure(name: str, model: Path, folder: Path) -> dict[str, Any]:
    """Reconstruction of held-out groups beside PCA; for notes also the pitch that is heard."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
    from reconstruction import compare

    system = load(model).system
    figures: dict[str, Any] = {
        "parameters": sum(parameter.numel() for parameter in system.parameters()),
        "megabytes": round((model / checkpoint.WEIGHTS).stat().st_size / 1e6, 2),
        "reconstruction_rmse_db": compare(str(model), folder, WHERE),
    }
    if "pitch" in system.schema.names:
        figures["pitch"] = pitch_heard(model, folder)
    return figures


def pitch_heard(model: Path, folder: Path, count: int = 200) -> dict[str, float]:
    """Share of notes within 50 cents of their pitch, by swift-f0: of generated and of recorded ones."""
    from swift_f0 import SwiftF0

    from soundloom.audio import read

    detector = SwiftF0()

    def right(samples: np.ndarray, rate: int, wanted: float) -> bool:
        found = detector.detect(samples, rate)
        sure = np.asarray(found.confidence) > 0.8
        if sure.sum() < 3:
            return False
        midi = 69 + 12 * np.log2(np.median(np.asarray(found.pitch_hz)[sure]) / 440)
        return bool(abs(midi - wanted) < 0.5)

    made = load(model)
    drawn = list(made.stream(Request(count=count, seed=1)))
    generated = [right(sound.audio.samples[0], made.sample_rate, float(sound.conditions["pitch"])) for sound in drawn]
    with (folder / "metadata.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["permissive"] == "yes"]
    chosen = np.random.default_rng(0).permutation(len(rows))[:count]
    real = []
    for number in chosen:
        sound = read(folder / rows[number]["file_name"])
        real.append(right(sound.samples[0], sound.sample_rate, float(rows[number]["pitch_midi"])))
    return {"generated": round(float(np.mean(generated)), 3), "recorded": round(float(np.mean(real)), 3)}


def card(name: str, model: Path, facts: dict[str, Any]) -> str:
    """The model card, for people."""
    system = load(model).system
    figures, trained = facts["figures"], facts["training"]
    lines = [
        f"# {name}",
        "",
        f"A spectrogram VAE that makes {facts['makes']}: {system.config.seconds:g} s at "
        f"{system.representation.sample_rate:,} Hz, {figures['parameters']:,} parameters, {figures['megabytes']} MB.",
        "",
        "## Conditions",
        "",
        *(f"- {condition.describe()}" for condition in system.schema.conditions),
        "",
        "Sounds are drawn from a mixture of Gaussians fitted to the codes of the training set, not from the "
        "standard-normal prior (`--option prior=normal` does that), and are samples of p(x | code), not its mean.",
        "",
        "## Data and licence",
        "",
        f"{facts['clips_trained_on']} clips trained on, {facts['clips_held_out']} held out by whole groups: "
        f"{facts['source']}. Licences: "
        + ", ".join(f"{licence} ({count})" for licence, count in facts["licences_of_the_data"].items())
        + f". The weights are under {facts['licence']}.",
        "",
        *(f"- {credit}" for credit in facts["credits"]),
        "",
        "## Training",
        "",
        f"`{trained['command']}`: {trained['steps']} steps in {trained['minutes']} minutes on {trained['machine']}.",
        "",
        "## Figures",
        "",
        "Root-mean-square error of the log-mel spectrogram in dB (the weights as stored, 16 bits):",
        "",
        "| clips | this model | PCA, as many dimensions |",
        "| --- | --- | --- |",
        *(
            f"| {clips} | {row['model']:.2f} | {row['pca']:.2f} |"
            for clips, row in figures["reconstruction_rmse_db"].items()
        ),
        "",
    ]
    if "pitch" in figures:
        lines += [
            f"Within 50 cents of the pitch asked for, by swift-f0: {100 * figures['pitch']['generated']:.1f} % of 200 "
            f"generated notes; of 200 recorded ones {100 * figures['pitch']['recorded']:.1f} %.",
            "",
        ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
