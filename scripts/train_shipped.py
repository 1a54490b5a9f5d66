"""Train a shipped model, measure it, and write it with its card to src/soundloom/models/NAME.

    python scripts/train_shipped.py NAME FOLDER [--minutes 40] [--set KEY=VALUE ...] [--run RUN [--on MACHINE]]
    python scripts/train_shipped.py NAME FOLDER --refit          (a VAE)

Trains on rows whose `permissive` is yes, so that the weights can be published. An existing RUN is not trained again;
--on names the machine of its training, for the card.
--refit keeps the network of a shipped model and fits its prior and residual noise again, as the end of every training
does, if only their code has changed.
"""

from __future__ import annotations

import argparse
import csv
import json
import platform
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import torch

from soundloom.checkpoints import checkpoint
from soundloom.contract import System
from soundloom.data.clips import open_clips
from soundloom.data.provenance import FILE as DATA
from soundloom.data.provenance import digests
from soundloom.evaluation.comparison import compare
from soundloom.evaluation.report.writing import write_report
from soundloom.generation import load
from soundloom.runtime.files import read_json, write_json
from soundloom.training.feed import Feed

WHERE = {"permissive": "yes"}
HELD_OUT = 0.1
BASELINES = ("baseline:pca", "baseline:mixture")
COURSE = (("baseline:vae:course",), 500)  # its sounds are shorter, so it is compared separately
SHOWN = (
    "KID",
    "KID above the floor",
    "KAD",
    "coverage",
    "diversity",
    "conditional diversity",
    "memorised",
    "real-time factor",
)


@dataclass(frozen=True)
class Sounds:
    """A description of the sounds that a model was trained on."""

    makes: str
    data: str
    source: str
    credits: tuple[str, ...]


class Kind(NamedTuple):
    """A description of a kind of model."""

    name: str
    sampling: str


class Plan(NamedTuple):
    """How a shipped model is trained and evaluated."""

    system: str
    preset: str
    kind: Kind
    compared: tuple[tuple[tuple[str, ...], int], ...]  # other models or baselines, and the number of sounds of each
    sounds: Sounds


SPECTROGRAM_VAE = Kind(
    "A spectrogram VAE",
    "Sounds are drawn around the codes of training sounds, smoothed by a mixture of Gaussians (`--option "
    "prior=mixture` takes the mixture alone, `prior=normal` the standard-normal prior), and are samples of "
    "p(x | code), not its mean.",
)
WAVENET = Kind(
    "A WaveNet",
    "Sounds are drawn sample by sample, 256 mu-law classes each. `--option guidance=1.5` follows conditions more "
    "closely; `--seconds` may exceed a clip, and `--prompt` is continued.",
)
DRUMGAN = Kind(
    "A DrumGAN",
    "Sounds are drawn from a code and the sliders; sliders that a request leaves out are those of a training sound. "
    "`--sweep brightness=0.1:0.9:7` changes one slider alone; `--like` and `--prompt` use a search.",
)
DRUMS = Sounds(
    makes="drum and percussion one-shots, conditioned on kind",
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
)
SLIDERS = replace(DRUMS, makes="drum and percussion one-shots, conditioned on kind and seven sliders of timbre")
NOTES = Sounds(
    makes="single notes, conditioned on pitch (MIDI) and instrument family",
    data="single notes under MIT or CC0",
    source="notes of a soundfont, rendered dry, and recorded notes, 16,000 Hz, rows with permissive = yes",
    credits=(
        "FluidR3 GM soundfont: Frank Wen (MIT)",
        "Upright piano: Piotr Barcz, FreePats old-piano-FB (CC0)",
        "Classical guitar: roberto@zenvoid.org, FreePats spanish-classical-guitar (CC0)",
    ),
)
PLANS = {
    "drums": Plan("vae", "drums", SPECTROGRAM_VAE, ((BASELINES, 2000), COURSE), DRUMS),
    "notes": Plan("vae", "notes", SPECTROGRAM_VAE, ((BASELINES, 2000), COURSE), NOTES),
    "drumgan": Plan("drumgan", "small", DRUMGAN, ((("drums", *BASELINES), 1000),), SLIDERS),
    "wavenet-drums": Plan("wavenet", "drums", WAVENET, ((("drums", *BASELINES), 2000),), DRUMS),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=sorted(PLANS))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--minutes", type=float, default=40)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--run", type=Path)
    parser.add_argument("--on", default=f"{torch.get_num_threads()} thread(s) of a {platform.machine()} processor")
    parser.add_argument("--refit", action="store_true")
    arguments = parser.parse_args()
    if arguments.refit:
        if PLANS[arguments.name].system != "vae":
            parser.error(
                f"{arguments.name} has no prior besides its network, so there is nothing to refit; train it again"
            )
        refit(arguments.name, arguments.folder)
        return
    run = arguments.run or Path("runs") / f"shipped-{arguments.name}"
    if not (run / checkpoint.WEIGHTS).is_file():
        train(arguments.name, arguments.folder, run, arguments.minutes, arguments.set)
    ship(arguments.name, arguments.folder, run, arguments.set, arguments.on)


def train(name: str, folder: Path, run: Path, minutes: float, changes: Sequence[str]) -> None:
    """Train with a preset and changes of its settings."""
    from soundloom.training import train as train_model
    from soundloom.training.progress_bar import TrainingProgress

    plan = PLANS[name]
    with TrainingProgress(f"training {name} into {run}") as watcher:
        train_model(
            plan.system, folder, out=run, preset=plan.preset, minutes=minutes, set=changes, where=WHERE, watcher=watcher
        )


def ship(name: str, folder: Path, run: Path, changes: Sequence[str], machine: str) -> None:
    """Store the weights in 16 bits, and a card with measurements of the stored weights."""
    data = read_json(run / DATA)
    store(name, folder, load(run).system, data, describe(name, folder, run, changes, machine))


def refit(name: str, folder: Path) -> None:
    """Fit prior and residual noise to the stored network and the clips that it was trained on."""
    target = checkpoint.SHIPPED / name
    system = load(target).system
    (stage,) = system.stages()
    settings = system.config.clips(system.representation.sample_rate)
    training, held_out = open_clips(folder, settings, where=WHERE).split(HELD_OUT, seed=0)
    system.finish(stage, Feed(training, system.schema))
    facts = read_json(target / "card.json")
    facts["training"]["then"] = "prior and residual noise fitted again to the stored network"
    store(name, folder, system, digests(training, held_out, WHERE), facts)


def store(name: str, folder: Path, system: System, data: dict[str, Any], facts: dict[str, Any]) -> None:
    target = checkpoint.SHIPPED / name
    target.mkdir(parents=True, exist_ok=True)
    checkpoint.save(target, system, PLANS[name].system, half=True)
    write_json(target / DATA, {key: data[key] for key in ("where", "digests")})
    facts = {**facts, "figures": measure(name, target, folder)}
    write_json(target / "card.json", facts)
    (target / "README.md").write_text(card(name, target, facts), encoding="utf-8")
    print(json.dumps(facts["figures"], indent=2))


def describe(name: str, folder: Path, run: Path, changes: Sequence[str], machine: str) -> dict[str, Any]:
    sounds, data, recipe = PLANS[name].sounds, read_json(run / "data.json"), read_json(run / "training.json")
    state = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    steps = max(line["step"] for line in state)
    seconds = max(line.get("seconds", 0) for line in state)
    with (folder / "metadata.csv").open(newline="", encoding="utf-8") as file:
        rows = {row["file_name"]: row for row in csv.DictReader(file)}
    command = f"python scripts/train_shipped.py {name} FOLDER --minutes {recipe['training']['minutes']:g}"
    licences = Counter(rows[path]["licence"] for path in (*data["training"], *data["held_out"]))
    return {
        "makes": sounds.makes,
        "data": sounds.data,
        "source": sounds.source,
        "licence": "CC-BY 4.0 (name the credits below)",
        "licences_of_the_data": dict(licences.most_common()),
        "credits": list(sounds.credits),
        "longest_seconds": load(run).longest_seconds,
        "clips_trained_on": len(data["training"]),
        "clips_held_out": len(data["held_out"]),
        "training": {
            "command": " ".join((command, *(f"--set {change}" for change in changes))),
            "steps": steps + 1,
            "minutes": round(seconds / 60, 1),
            "machine": machine,
        },
    }


def measure(name: str, model: Path, folder: Path) -> dict[str, Any]:
    """Reconstruction of held-out groups, for models with codes, and comparisons with other models and baselines."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
    from reconstruction import compare as compare_reconstruction

    system, plan = load(model).system, PLANS[name]
    coded = (
        {"reconstruction_rmse_db": compare_reconstruction(str(model), folder, WHERE)} if plan.system == "vae" else {}
    )
    return {
        "parameters": sum(parameter.numel() for parameter in system.parameters()),
        "megabytes": round((model / checkpoint.WEIGHTS).stat().st_size / 1e6, 2),
        **coded,
        "verdicts": [comparison(name, folder, others, count) for others, count in plan.compared],
    }


def comparison(name: str, folder: Path, others: Sequence[str], count: int) -> dict[str, Any]:
    """The results of a comparison as JSON values; its report is written to out/."""
    results = compare([name, *others], folder, count=count, progress=lambda doing: print(doing, flush=True))
    write_report(results, Path("out") / f"shipped-{name}-{count}")
    return {
        "command": results.command.replace(str(folder), "FOLDER"),
        "seconds": results.reference["seconds"],
        "figures": [
            {
                "subject": figure.subject,
                "embedding": figure.embedding,
                "name": figure.name,
                **{key: round(value, 4) for key, value in figure.estimate._asdict().items() if value == value},
                "sounds": figure.sounds,
            }
            for figure in results.figures
            if figure.name in SHOWN
            or figure.name.startswith(("accuracy", "pitch: within", "inception", "bits", "coherence"))
        ],
        "coherence": {
            subject: {
                slider: {pair: round(found.value, 4) for pair, found in pairs.items()} for slider, pairs in of.items()
            }
            for subject, of in results.coherence.items()
        },
        "leakage": {
            changed: {moved: round(share, 3) for moved, share in row.items()}
            for changed, row in results.leakage.get(name, {}).items()
        },
        "sentences": results.verdicts,
    }


def card(name: str, model: Path, facts: dict[str, Any]) -> str:
    """The model card."""
    system, kind = load(model).system, PLANS[name].kind
    figures, trained = facts["figures"], facts["training"]
    lines = [
        f"# {name}",
        "",
        f"{kind.name} that makes {facts['makes']}: {system.config.seconds:g} s at "
        f"{system.representation.sample_rate:,} Hz, {figures['parameters']:,} parameters, {figures['megabytes']} MB.",
        "",
        "## Conditions",
        "",
        *(f"- {condition.describe()}" for condition in system.schema.conditions),
        "",
        kind.sampling,
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
        f"`{trained['command']}`: {trained['steps']} steps in {trained['minutes']} minutes on {trained['machine']}"
        + (f"; then {trained['then']}." if "then" in trained else "."),
        "",
        "## Figures",
        "",
    ]
    if "reconstruction_rmse_db" in figures:
        lines += [
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
    return "\n".join([*lines, *(line for found in figures["verdicts"] for line in comparison_lines(found))])


def comparison_lines(found: dict[str, Any]) -> list[str]:
    """The results of a comparison as tables: one for each embedding, and one for the others."""
    lines = [f"`{found['command']}`, over {found['seconds']:g} s (values with 95 % intervals):", ""]
    figures = found["figures"]
    for embedding in dict.fromkeys(figure["embedding"] for figure in figures):
        mine = [figure for figure in figures if figure["embedding"] == embedding]
        names = list(dict.fromkeys(figure["name"] for figure in mine))
        lines += [f"| {embedding or 'other'} | {' | '.join(names)} |", f"| --- {'| --- ' * len(names)}|"]
        for subject in dict.fromkeys(figure["subject"] for figure in mine):
            cells = {figure["name"]: cell(figure) for figure in mine if figure["subject"] == subject}
            lines.append(f"| {subject} | {' | '.join(cells.get(name, '') for name in names)} |")
        lines.append("")
    return lines + slider_lines(found)


def slider_lines(found: dict[str, Any]) -> list[str]:
    """How often each slider, moved alone, goes up, and its leakage to other sliders."""
    lines, coherence, leakage = [], found.get("coherence", {}), found.get("leakage", {})  # none in older cards
    if coherence:
        lines += [
            "One slider moved alone, share of sounds that go up (E1 / E2 / E3), and of the nearest training sounds:"
        ]
        subjects = list(coherence)
        lines += ["", f"| slider | {' | '.join(subjects)} |", f"| --- {'| --- ' * len(subjects)}|"]
        for slider in dict.fromkeys(slider for of in coherence.values() for slider in of):
            cells = (coherence[subject].get(slider, {}) for subject in subjects)
            shown = (" / ".join(f"{value:.2f}" for value in pairs.values()) for pairs in cells)
            lines.append(f"| {slider} | {' | '.join(shown)} |")
        lines.append("")
    if leakage:
        moved = list(dict.fromkeys(name for row in leakage.values() for name in row))
        lines += [
            "Leakage: the share of a measured value (across) that another requested value (down) explains:",
            "",
        ]
        lines += [f"| requested | {' | '.join(moved)} |", f"| --- {'| --- ' * len(moved)}|"]
        for requested, row in leakage.items():
            lines.append(f"| {requested} | {' | '.join(f'{row[name]:.2f}' if name in row else '' for name in moved)} |")
        lines.append("")
    return lines


def cell(figure: dict[str, Any]) -> str:
    """A value and its interval."""
    numbers = [figure[key] for key in ("value", "low", "high") if key in figure]
    value, *interval = [f"{number:.0f}" if abs(number) >= 20 else f"{number:.3f}" for number in numbers]
    return f"{value} ({' to '.join(interval)})" if interval else value


if __name__ == "__main__":
    main()
