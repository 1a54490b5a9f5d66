"""Train a shipped model, measure it, and write it with its card to src/soundloom/models/NAME.

    python scripts/train_shipped.py NAME FOLDER [--minutes 40] [--set KEY=VALUE ...] [--run RUN [--on MACHINE]]
    python scripts/train_shipped.py NAME FOLDER --refit          (a VAE)

Trains on rows whose `permissive` is yes, so that the weights may be given away. An existing RUN is not trained again;
--on says what it was trained on, for its card.
--refit leaves the network of a shipped model as it is and fits its prior and texture anew, as the end of every
training does: for when only these have changed in the code.
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
from safetensors.torch import load_file

from soundloom.checkpoints import checkpoint
from soundloom.contract import System
from soundloom.data.clips import ClipSettings, open_clips
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
COURSE = (("baseline:course",), 500)  # its network makes shorter sounds, so it is compared by itself
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
    """What is said of the sounds that a model learned from."""

    makes: str
    data: str
    source: str
    credits: tuple[str, ...]


class Kind(NamedTuple):
    """What is said of a kind of model."""

    name: str
    sampling: str


class Plan(NamedTuple):
    """How a shipped model is made and judged."""

    system: str
    preset: str
    kind: Kind
    compared: tuple[tuple[tuple[str, ...], int], ...]  # with what, and how many sounds of each
    sounds: Sounds


SPECTROGRAM_VAE = Kind(
    "A spectrogram VAE",
    "Sounds are drawn around the codes of training sounds, smoothed by a mixture of Gaussians (`--option "
    "prior=mixture` takes the mixture alone, `prior=normal` the standard-normal prior), and are samples of "
    "p(x | code), not its mean.",
)
WAVENET = Kind(
    "A WaveNet",
    "Sounds are drawn sample by sample, 256 mu-law classes each. `--option guidance=1.5` draws more often what was "
    "asked for; `--seconds` may ask for more than a clip, and `--prompt` for what follows a sound.",
)
DRUMGAN = Kind(
    "A DrumGAN",
    "Sounds are drawn from a code and the sliders: of what a request leaves out, those of a training sound. "
    "`--sweep brightness=0.1:0.9:7` turns one slider and leaves all else; `--like` and `--prompt` go by a search.",
)
DRUMS = Sounds(
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
)
SLIDERS = replace(DRUMS, makes="drum and percussion one-shots, asked for by kind and by seven sliders of timbre")
NOTES = Sounds(
    makes="single notes, asked for by pitch (MIDI) and instrument family",
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
    asked = parser.parse_args()
    if asked.refit:
        if PLANS[asked.name].system != "vae":
            parser.error(f"{asked.name} has no prior beside its network, so there is nothing to refit; train it anew")
        refit(asked.name, asked.folder)
        return
    run = asked.run or Path("runs") / f"shipped-{asked.name}"
    if not (run / checkpoint.WEIGHTS).is_file():
        train(asked.name, asked.folder, run, asked.minutes, asked.set)
    ship(asked.name, asked.folder, run, asked.set, asked.on)


def train(name: str, folder: Path, run: Path, minutes: float, changes: Sequence[str]) -> None:
    """The recipe: a preset, and what is changed of it."""
    from soundloom.cli.display.training import TrainingDisplay
    from soundloom.training import train as train_model

    with TrainingDisplay(run, again=f"{Path(__file__).name} {name}", quiet=False) as watcher:
        plan = PLANS[name]
        train_model(
            plan.system, folder, out=run, preset=plan.preset, minutes=minutes, set=changes, where=WHERE, watcher=watcher
        )


def ship(name: str, folder: Path, run: Path, changes: Sequence[str], machine: str) -> None:
    """Store the weights in 16 bits beside a card with what was measured of them as they are stored."""
    account = read_json(run / DATA)
    store(name, folder, load(run).system, account, describe(name, folder, run, changes, machine))


def refit(name: str, folder: Path) -> None:
    """Fit prior and texture to the stored network and the clips that it was trained on."""
    target = checkpoint.SHIPPED / name
    system = checkpoint.build(read_json(target / checkpoint.CONFIG))
    weights = load_file(target / checkpoint.WEIGHTS)
    state = {key: value.float() if value.is_floating_point() else value for key, value in weights.items()}
    fitted = ("mixture.", "texture.")
    lost = [key for key in system.load_state_dict(state, strict=False).missing_keys if not key.startswith(fitted)]
    if lost:
        raise ValueError(f"{target} lacks {', '.join(lost)}, which no refit brings back; train it anew")
    config = system.config
    settings = ClipSettings(system.representation.sample_rate, config.seconds, cut=config.cut, trim=config.trim)
    ours, held_out = open_clips(folder, settings, where=WHERE).split(HELD_OUT, seed=0)
    system.eval().settle(Feed(ours, system.schema))
    facts = read_json(target / "card.json")
    facts["training"]["then"] = "prior and texture fitted anew to the network as it is stored"
    store(name, folder, system, digests(ours, held_out, WHERE), facts)


def store(name: str, folder: Path, system: System, account: dict[str, Any], facts: dict[str, Any]) -> None:
    target = checkpoint.SHIPPED / name
    target.mkdir(parents=True, exist_ok=True)
    checkpoint.save(target, system, PLANS[name].system, half=True)
    write_json(target / DATA, {key: account[key] for key in ("where", "digests")})
    facts = {**facts, "figures": measure(name, target, folder)}
    write_json(target / "card.json", facts)
    (target / "README.md").write_text(card(name, target, facts), encoding="utf-8")
    print(json.dumps(facts["figures"], indent=2))


def describe(name: str, folder: Path, run: Path, changes: Sequence[str], machine: str) -> dict[str, Any]:
    sounds, account, recipe = PLANS[name].sounds, read_json(run / "data.json"), read_json(run / "training.json")
    state = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    steps = max(line["step"] for line in state)
    seconds = max(line.get("seconds", 0) for line in state)
    with (folder / "metadata.csv").open(newline="", encoding="utf-8") as file:
        rows = {row["file_name"]: row for row in csv.DictReader(file)}
    command = f"python scripts/train_shipped.py {name} FOLDER --minutes {recipe['training']['minutes']:g}"
    licences = Counter(rows[path]["licence"] for path in (*account["training"], *account["held_out"]))
    return {
        "makes": sounds.makes,
        "data": sounds.data,
        "source": sounds.source,
        "licence": "CC-BY 4.0 (name the credits below)",
        "licences_of_the_data": dict(licences.most_common()),
        "credits": list(sounds.credits),
        "longest_seconds": load(run).longest_seconds,
        "clips_trained_on": len(account["training"]),
        "clips_held_out": len(account["held_out"]),
        "training": {
            "command": " ".join((command, *(f"--set {change}" for change in changes))),
            "steps": steps + 1,
            "minutes": round(seconds / 60, 1),
            "machine": machine,
        },
    }


def measure(name: str, model: Path, folder: Path) -> dict[str, Any]:
    """Reconstruction of held-out groups beside PCA, where a model has codes, and the verdict beside others."""
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
        "verdicts": [verdict(name, folder, others, count) for others, count in plan.compared],
    }


def verdict(name: str, folder: Path, others: Sequence[str], count: int) -> dict[str, Any]:
    """What a comparison says of the model, as plain values; its report is left in out/."""
    findings = compare([name, *others], folder, count=count, progress=lambda doing: print(doing, flush=True))
    write_report(findings, Path("out") / f"shipped-{name}-{count}")
    return {
        "command": findings.command.replace(str(folder), "FOLDER"),
        "seconds": findings.reference["seconds"],
        "figures": [
            {
                "subject": figure.subject,
                "embedding": figure.embedding,
                "name": figure.name,
                **{key: round(value, 4) for key, value in figure.estimate._asdict().items() if value == value},
                "sounds": figure.sounds,
            }
            for figure in findings.figures
            if figure.name in SHOWN
            or figure.name.startswith(("accuracy", "pitch: within", "inception", "bits", "coherence"))
        ],
        "coherence": {
            subject: {
                slider: {pair: round(found.value, 4) for pair, found in pairs.items()} for slider, pairs in of.items()
            }
            for subject, of in findings.coherence.items()
        },
        "leakage": {
            asked: {moved: round(share, 3) for moved, share in row.items()}
            for asked, row in findings.leakage.get(name, {}).items()
        },
        "sentences": findings.verdicts,
    }


def card(name: str, model: Path, facts: dict[str, Any]) -> str:
    """The model card, for people."""
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
    return "\n".join([*lines, *(line for found in figures["verdicts"] for line in verdict_lines(found))])


def verdict_lines(verdict: dict[str, Any]) -> list[str]:
    """The verdict as tables: one for each embedding, one for the rest."""
    lines = [f"`{verdict['command']}`, over {verdict['seconds']:g} s (values with 95 % intervals):", ""]
    found = verdict["figures"]
    for embedding in dict.fromkeys(figure["embedding"] for figure in found):
        mine = [figure for figure in found if figure["embedding"] == embedding]
        names = list(dict.fromkeys(figure["name"] for figure in mine))
        lines += [f"| {embedding or 'heard'} | {' | '.join(names)} |", f"| --- {'| --- ' * len(names)}|"]
        for subject in dict.fromkeys(figure["subject"] for figure in mine):
            cells = {figure["name"]: cell(figure) for figure in mine if figure["subject"] == subject}
            lines.append(f"| {subject} | {' | '.join(cells.get(name, '') for name in names)} |")
        lines.append("")
    return lines + slider_lines(verdict)


def slider_lines(verdict: dict[str, Any]) -> list[str]:
    """How often each slider, moved alone, is heard to go up, and what else moved with what was asked for."""
    lines = []
    if verdict["coherence"]:
        lines += [
            "One slider moved alone, share of sounds that go up (E1 / E2 / E3), and of the nearest training sounds:"
        ]
        subjects = list(verdict["coherence"])
        lines += ["", f"| slider | {' | '.join(subjects)} |", f"| --- {'| --- ' * len(subjects)}|"]
        for slider in dict.fromkeys(slider for of in verdict["coherence"].values() for slider in of):
            cells = (verdict["coherence"][subject].get(slider, {}) for subject in subjects)
            shown = (" / ".join(f"{value:.2f}" for value in pairs.values()) for pairs in cells)
            lines.append(f"| {slider} | {' | '.join(shown)} |")
        lines.append("")
    if verdict["leakage"]:
        moved = list(dict.fromkeys(name for row in verdict["leakage"].values() for name in row))
        lines += ["Leakage: the share of what is heard (across) that another request (down) explains:", ""]
        lines += [f"| asked | {' | '.join(moved)} |", f"| --- {'| --- ' * len(moved)}|"]
        for asked, row in verdict["leakage"].items():
            lines.append(f"| {asked} | {' | '.join(f'{row[name]:.2f}' if name in row else '' for name in moved)} |")
        lines.append("")
    return lines


def cell(figure: dict[str, Any]) -> str:
    """A value and its interval."""
    numbers = [figure[key] for key in ("value", "low", "high") if key in figure]
    value, *interval = [f"{number:.0f}" if abs(number) >= 20 else f"{number:.3f}" for number in numbers]
    return f"{value} ({' to '.join(interval)})" if interval else value


if __name__ == "__main__":
    main()
