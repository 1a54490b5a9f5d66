"""Evaluation and comparison from beginning to end: names and a folder in, findings out."""

from __future__ import annotations

import platform
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from soundloom.evaluation.candidates import ModelContender
    from soundloom.evaluation.results import Findings

EMBEDDINGS = ("reference", "log-mel")  # always reported
COUNT = 500
SHOWN, SHOWN_OF_SEVERAL = 16, 6  # generated examples
FEW_GROUPS = 5
Progress = Callable[[str], None]

__all__ = ["compare", "evaluate"]


def evaluate(model: str | Path, folder: str | Path, **more: Any) -> Findings:
    """Judge one model on sounds that it has not seen; see `compare` for the arguments and errors."""
    return _judge([str(model)], Path(folder), **more)


def compare(models: Sequence[str | Path], folder: str | Path, **more: Any) -> Findings:
    """Judge models, baselines and folders of sounds side by side: the same held-out clips, count, loudness and length.

    Args:
        models: shipped models, run folders, `baseline:pca`, `baseline:mixture`, `baseline:nearest`,
            `baseline:course`, or folders of sounds that anything has made.
        folder: the sounds that the models were trained on, with those that they were not; or others.
        count: sounds made by each, 500 if not said.
        seed: of everything that is drawn.
        where: only files of the folder whose labels have these values; None chooses as the first model's training did.
        embeddings: names besides reference and log-mel, such as clap; left out, those whose weights are at hand.
        seconds: length that is compared; None takes the shortest of the models.
        course_minutes: how long `baseline:course` is trained; it is kept for the next time.
        options: settings of sampling, as for `soundloom.Request`; of several models they are for those that have them.
        progress: told what is being done.

    Returns:
        What was found; `soundloom.evaluation.report.writing.write_report` makes it a page and a JSON file.

    Raises:
        ValueError: no such model, baseline or embedding, or no sound to judge by.
    """
    return _judge([str(model) for model in models], Path(folder), **more)


def _judge(
    names: Sequence[str],
    folder: Path,
    *,
    count: int = COUNT,
    seed: int = 0,
    where: Mapping[str, str] | None = None,
    embeddings: Sequence[str] | None = None,
    seconds: float | None = None,
    course_minutes: float | None = None,
    options: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> Findings:
    from soundloom.evaluation import candidate_names as naming
    from soundloom.evaluation import examples, likelihood
    from soundloom.evaluation.candidates import FolderContender, ModelContender
    from soundloom.evaluation.conditioning import Judge
    from soundloom.evaluation.memorisation import CopySearch
    from soundloom.evaluation.reconstruction import reconstruct
    from soundloom.evaluation.report.sentences import sentences
    from soundloom.evaluation.results import Findings
    from soundloom.evaluation.session import Verdict

    if not names:
        raise ValueError("nothing to judge; name a model, such as drums")
    if not 2 <= count <= 1_000_000:
        raise ValueError(f"count is {count} but must be 2 to 1000000; 500 is usual")
    naming.check(names, folder)
    tell = progress or (lambda sentence: None)
    loaded = _with_options(naming.models(names), options or {})
    command = _command(names, folder, count, seed, where, embeddings, seconds, course_minutes, options or {})
    findings = Findings(title=_title(names), command=command, reference={})
    hearing = _embeddings(embeddings, findings.remarks)
    terms, settings = _terms(names, list(loaded.values()), count, seed, seconds, findings.remarks)
    ready = loaded | naming.folders(names, settings, terms)
    material = _material(folder, list(loaded.values()), settings, where)
    findings.remarks += [*material.remarks, *_few_groups(material.held_out)]
    findings.reference |= _reference(material, terms, settings)
    findings.machine |= _machine()
    verdict = Verdict(material, terms, hearing, findings, tell)
    verdict.listen()
    representation = _representation(list(loaded.values()), terms)
    search = CopySearch.of(verdict)
    judge = Judge.of(verdict, _schemas(list(loaded.values()), material))
    judge.real_sounds()
    shown = SHOWN if len(names) == 1 else SHOWN_OF_SEVERAL
    for name in names:
        minutes = naming.COURSE_MINUTES if course_minutes is None else course_minutes
        contender = naming.contender(name, ready, material, representation, minutes, tell)
        verdict.hear_contender(contender)
        copies = search.search(name) if search else None
        examples.generated(verdict, name, search, copies, shown)
        judge.contender(contender)
        if isinstance(contender, ModelContender):
            verdict.hear_ceiling(contender)
            pair = reconstruct(verdict, contender)
            if pair is not None:
                examples.reconstructed(verdict, name, pair, contender.model.sample_rate, shown // 2)
            likelihood.measure(verdict, contender)
            verdict.cost(contender)
        elif isinstance(contender, FolderContender):
            _overlap(verdict, contender)
    examples.real(verdict, shown // 2)
    findings.verdicts += list(sentences(verdict))
    return findings


def _with_options(models: Mapping[str, ModelContender], options: Mapping[str, Any]) -> dict[str, ModelContender]:
    """Models with those settings of sampling that they have.

    Raises:
        ValueError: none of them has a setting, or one cannot take its value.
    """
    chosen: dict[str, ModelContender] = {}
    for name, contender in models.items():
        own = {key: value for key, value in options.items() if len(models) == 1 or key in contender.model.options}
        contender.model.system.check_options(own)
        chosen[name] = replace(contender, options=own)
    lost = [key for key in options if not any(key in contender.options for contender in chosen.values())]
    if lost:
        raise ValueError(f"option {lost[0]}: none of {', '.join(models) or 'what is compared'} has it; leave it out")
    return chosen


def _embeddings(asked: Sequence[str] | None, remarks: list[str]) -> list[Any]:
    """The two that are always there, and those asked for; or, where none was asked for, those at hand."""
    from soundloom.metrics import embeddings

    found = [embeddings.load(name) for name in EMBEDDINGS]
    wanted = asked if asked is not None else [name for name in embeddings.known() if name not in EMBEDDINGS]
    for name in wanted:
        if name in EMBEDDINGS:
            continue
        try:
            found.append(embeddings.load(name))
        except embeddings.Missing as missing:
            if asked is not None:
                raise
            remarks.append(f"{name} is not reported: {missing}")
    return found


def _terms(
    names: Sequence[str], models: list[Any], count: int, seed: int, seconds: float | None, remarks: list[str]
) -> tuple[Any, Any]:
    """Rate and length that all have, and how the folder is cut: as the first model's training cut it."""
    from soundloom.data.clips import ClipSettings
    from soundloom.evaluation.candidate_names import COURSE, course_makes
    from soundloom.evaluation.candidates import Terms

    makes = [(each.model.sample_rate, each.model.seconds) for each in models]
    makes += [course_makes()] if COURSE in names else []
    rates, lengths = [rate for rate, _ in makes] or [22050], [length for _, length in makes] or [1.0]
    if seconds is not None and not 0.05 <= seconds <= min(lengths) + 1e-9:
        raise ValueError(f"seconds is {seconds:g} but must be 0.05 to {min(lengths):g}, what every model can make")
    terms = Terms(min(rates), min(lengths) if seconds is None else seconds, count, seed)
    if len(set(rates)) > 1:
        several = ", ".join(f"{rate}" for rate in sorted(set(rates)))
        remarks.append(
            f"the models make sounds at {several} Hz; all are compared at the lowest, {terms.sample_rate} Hz"
        )
    if terms.seconds < max(lengths):
        several = ", ".join(f"{length:g}" for length in sorted(set(lengths)))
        remarks.append(f"the models make sounds of {several} s; of all, the first {terms.seconds:g} s are compared")
    config = models[0].model.system.config if models else None
    cut: Any = getattr(config, "cut", "start")
    return terms, ClipSettings(terms.sample_rate, terms.seconds, cut=cut, trim=getattr(config, "trim", True))


def _material(folder: Path, models: list[Any], settings: Any, where: Mapping[str, str] | None) -> Any:
    from soundloom.conditions.schema import measured_names
    from soundloom.evaluation.reference_data import gather

    measured = dict.fromkeys(name for each in models for name in measured_names(each.model.system.schema))
    return gather(folder, [each.provenance for each in models], settings, where, tuple(measured))


def _schemas(models: list[Any], material: Any) -> list[Any]:
    """The conditions of the models; where no model has any, the categories that the folder's labels offer."""
    from soundloom.conditions.schema import Category, Schema
    from soundloom.data.labels import propose_conditions

    found = [each.model.system.schema for each in models if each.model.system.schema.conditions]
    offered = propose_conditions(material.held_out.index).conditions if not found else ()
    return found or [Schema(tuple(condition for condition in offered if isinstance(condition, Category)))]


def _representation(models: list[Any], terms: Any) -> Any:
    """What the linear baselines see: the first model's spectrogram, or a mel spectrogram at the common rate."""
    from soundloom.representations import build
    from soundloom.representations.spectral import Levelled

    for each in models:
        if isinstance(each.model.system.representation, Levelled):
            return each.model.system.representation
    return build({"kind": "mel", "sample_rate": terms.sample_rate, "bands": 80})


def _overlap(verdict: Any, contender: Any) -> None:
    """Say how many sounds of a folder are held-out or training sounds themselves."""
    from soundloom.data.provenance import short

    for side, store in (("held-out", verdict.material.held_out), ("training", verdict.material.training)):
        same = contender.digests & {short(entry.digest) for entry in store.entries}
        if same:
            verdict.say(f"{contender.name}: {len(same)} of its sounds are {side} sounds themselves, which flatters it")


def _title(names: Sequence[str]) -> str:
    return f"Verdict on {names[0]}" if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]} compared"


def _command(
    names: Sequence[str], folder: Path, count: int, seed: int, where: Mapping[str, str] | None,
    embeddings: Sequence[str] | None, seconds: float | None, course_minutes: float | None, sampling: Mapping[str, Any],
) -> str:  # fmt: skip
    """What repeats this verdict, whole: it stands in the report."""
    from soundloom.evaluation.candidate_names import COURSE

    verb = "compare" if len(names) > 1 or seconds is not None or COURSE in names else "evaluate"
    options = ["--count", str(count), "--seed", str(seed)]
    for name, value in (where or {}).items():
        options += ["--where", f"{name}={value}"]
    for name in embeddings or ():
        options += ["--embedding", name]
    for name, value in sampling.items():
        options += ["--option", f"{name}={value}"]
    minutes = course_minutes if COURSE in names else None
    for option, number in (("--seconds", seconds), ("--course-minutes", minutes)):
        options += [option, f"{number:g}"] if number is not None else []
    return shlex.join(["soundloom", verb, *names, str(folder), *options])


def _few_groups(held_out: Any) -> list[str]:
    """A warning where what is held out says little about other sounds."""
    groups = len(set(held_out.groups))
    if groups >= FEW_GROUPS or groups == len(held_out):
        return []
    several = "one group" if groups == 1 else f"{groups} groups"
    return [
        f"the {len(held_out)} held-out clips come from {several}, such as kits or speakers; "
        f"intervals count clips as independent, so what other groups would show may lie outside them"
    ]


def _reference(material: Any, terms: Any, settings: Any) -> dict[str, Any]:
    from soundloom.metrics.level_matching import LOUDNESS_LUFS
    from soundloom.runtime.files import printable

    return {
        "folder": printable(material.held_out.index.folder),
        "held-out clips": len(material.held_out),
        "held-out groups": len(set(material.held_out.groups)),
        "training clips": len(material.training),
        "only files where": ", ".join(f"{name}={value}" for name, value in material.where.items()) or "all",
        "sounds of each": terms.count,
        "seconds": round(terms.seconds, 4),
        "sample rate": terms.sample_rate,
        "loudness": f"{LOUDNESS_LUFS:g} LUFS",
        "seed": terms.seed,
    }


def _machine() -> dict[str, Any]:
    import torch

    from soundloom import __version__
    from soundloom.runtime.processors import available_processors

    return {
        "soundloom": __version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "processor": platform.processor() or platform.machine(),
        "processors": available_processors(),
    }
