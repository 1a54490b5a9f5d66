"""Everything that comes before the first candidate: models loaded, common terms, real sounds, detectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from soundloom.conditions.schema import Category, Schema, measured_names
from soundloom.contract import DataSettings
from soundloom.data.clips import ClipSettings
from soundloom.data.labels import propose_conditions
from soundloom.evaluation import description
from soundloom.evaluation.candidates.fitted_baselines import BaselineCandidate
from soundloom.evaluation.candidates.model import ModelCandidate, with_options
from soundloom.evaluation.candidates.names import PREFIX, Source, Trained, is_folder_of_sounds, name_of
from soundloom.evaluation.candidates.protocol import Candidate
from soundloom.evaluation.candidates.sounds import SoundsCandidate
from soundloom.evaluation.candidates.trained_baseline import native_of, train_baseline
from soundloom.evaluation.conditioning import ConditioningEvaluator, joined
from soundloom.evaluation.embedded_sounds import Embedder
from soundloom.evaluation.memorisation import MemorisationSearch
from soundloom.evaluation.monitor import Monitor
from soundloom.evaluation.procedure import Procedure
from soundloom.evaluation.reference_data import ReferenceData, open_reference
from soundloom.evaluation.results import Results
from soundloom.evaluation.session import Session
from soundloom.evaluation.settings import Settings
from soundloom.evaluation.terms import Terms, common_terms
from soundloom.generation import load
from soundloom.metrics import embeddings
from soundloom.metrics.embeddings import Embedding
from soundloom.representations import build
from soundloom.representations.protocol import Representation
from soundloom.representations.spectral import Levelled

EMBEDDINGS = ("reference", "log-mel")  # always reported


@dataclass(frozen=True)
class Prepared:
    """An evaluation that is ready for its candidates."""

    procedure: Procedure
    opened: Mapping[str, ModelCandidate | SoundsCandidate]  # by name, without baselines: they are fitted in turn
    representation: Representation  # of fitted baselines
    settings: Settings

    @property
    def session(self) -> Session:
        return self.procedure.session

    def candidate(self, name: str) -> Candidate:
        """A candidate by its name, ready to generate.

        Raises:
            ValueError: a baseline without training sounds.
        """
        if name in self.opened:
            return self.opened[name]
        data, monitor = self.session.data, self.session.monitor
        if not len(data.training):
            raise ValueError(
                f"{name} is fitted to the training sounds, and none of them is in {data.held_out.index.folder}; "
                f"name the folder that the models were trained on"
            )
        trained = Trained.parse(name)
        if trained is not None:
            return train_baseline(trained, data, self.settings.baseline_minutes, monitor)
        training = data.at(self.representation.sample_rate, self.session.terms.seconds).training
        return BaselineCandidate(name, name.removeprefix(PREFIX), training, self.representation, monitor)


def prepare(
    sources: Mapping[str, Source], folder: Path, settings: Settings, monitor: Monitor, examples: int
) -> Prepared:
    """Load the models, find common terms, open the real sounds and fit the detectors.

    Args:
        sources: candidates by their full name.
        folder: the real sounds.
        settings: of the evaluation.
        monitor: of the evaluation.
        examples: generated sounds that the report shows of each candidate.

    Raises:
        ValueError: see `compare`.
        EvaluationStopped: by the monitor.
    """
    names = list(sources)
    results = Results(description.title(names), description.command(names, folder, settings), reference={})
    results.remark(*_naming(sources))
    models = with_options(_models(sources, monitor), settings.options)
    chosen = load_embeddings(settings.embeddings, results)
    trained = [native_of(baseline) for name in names if (baseline := Trained.parse(name))]
    terms, remarks = common_terms([*(model.native for model in models.values()), *trained], settings)
    results.remark(*remarks)
    clips = _clip_settings(terms, list(models.values()))
    opened = models | _sounds(sources, clips, terms, monitor)
    data = _reference(folder, list(models.values()), clips, settings)
    results.remark(*data.remarks, *description.few_groups(data.held_out))
    results.reference |= description.reference(data, terms)
    results.machine |= description.machine()
    session = Session(data, terms, Embedder(chosen, terms.sample_rate, monitor=monitor), results, monitor)
    session.prepare()
    search = _memorisation_search(session)
    conditioning = _conditioning(session, [model.model.system.schema for model in models.values()])
    representation = baseline_representation(list(models.values()), terms)
    return Prepared(Procedure(session, search, conditioning, examples), opened, representation, settings)


def load_embeddings(names: Sequence[str] | None, results: Results) -> list[Embedding]:
    """The two that are always reported and the named ones; without names all others whose weights are found."""
    found = [embeddings.load(name) for name in EMBEDDINGS]
    for name in names if names is not None else embeddings.known():
        if name in EMBEDDINGS:
            continue
        try:
            found.append(embeddings.load(name))
        except embeddings.Missing as missing:
            if names is not None:
                raise
            results.remark(f"{name} is not reported: {missing}")
    return found


def baseline_representation(models: Sequence[ModelCandidate], terms: Terms) -> Representation:
    """What fitted baselines work on: the first model's level spectrogram, or a mel spectrogram at the common rate."""
    for each in models:
        if isinstance(each.model.system.representation, Levelled):
            return each.model.system.representation
    representation: Representation = build({"kind": "mel", "sample_rate": terms.sample_rate, "bands": 80})
    return representation


def _naming(sources: Mapping[str, Source]) -> list[str]:
    remarks = []
    for name, source in sources.items():
        if not isinstance(source, str | Path):
            remarks.append(
                f"{name}: {len(source)} sounds in memory, named by a hash of their samples; write them to a folder to "
                f"repeat the command"
            )
        elif name_of(source) != name:
            remarks.append(f"{source} is short for {name}")
    return remarks


def _models(sources: Mapping[str, Source], monitor: Monitor) -> dict[str, ModelCandidate]:
    return {
        name: ModelCandidate(name, load(name), monitor=monitor)
        for name, source in sources.items()
        if isinstance(source, str | Path) and not name.startswith(PREFIX) and not is_folder_of_sounds(name)
    }


def _sounds(
    sources: Mapping[str, Source], clips: ClipSettings, terms: Terms, monitor: Monitor
) -> dict[str, SoundsCandidate]:
    found = {}
    for name, source in sources.items():
        if not isinstance(source, str | Path):
            found[name] = SoundsCandidate.from_memory(source, clips, terms, monitor)
        elif not name.startswith(PREFIX) and is_folder_of_sounds(name):
            found[name] = SoundsCandidate.from_folder(name, clips, terms, monitor)
    return found


def _clip_settings(terms: Terms, models: Sequence[ModelCandidate]) -> ClipSettings:
    """How real sounds are cut: as for the training of the first model."""
    if not models:
        return ClipSettings(terms.sample_rate, terms.seconds)
    config: DataSettings = models[0].model.system.config
    return replace(config.clips(terms.sample_rate, terms.seconds), loudness_lufs=None)  # matched later, for all alike


def _reference(
    folder: Path, models: Sequence[ModelCandidate], clips: ClipSettings, settings: Settings
) -> ReferenceData:
    measured = dict.fromkeys(name for each in models for name in measured_names(each.model.system.schema))
    return open_reference(folder, [each.provenance for each in models], clips, settings.where, tuple(measured))


def _memorisation_search(session: Session) -> MemorisationSearch | None:
    if not len(session.data.training):
        return None
    session.monitor.report("fitting the memorisation detector")
    try:
        search = MemorisationSearch.fit(session.data, session.terms.seed)
    except ValueError as error:
        session.results.remark(f"memorised sounds were not searched for: {error}")
        return None
    session.results.remark(*search.remarks())
    return search


def _conditioning(session: Session, schemas: Sequence[Schema]) -> ConditioningEvaluator:
    """With the conditions of the models; or, if no model has any, the categories among the folder's labels."""
    conditions = [schema for schema in schemas if schema.conditions]
    if not conditions:
        offered = propose_conditions(session.data.held_out.index).conditions
        conditions = [Schema(tuple(condition for condition in offered if isinstance(condition, Category)))]
    session.monitor.report("training classifiers of the conditions")
    evaluator = ConditioningEvaluator.train(joined(conditions), session.data.training, session.terms, session.results)
    evaluator.add_real_sounds(session.held_out)
    return evaluator
