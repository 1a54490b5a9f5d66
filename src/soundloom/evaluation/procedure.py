"""The steps of an evaluation for one candidate after another."""

from __future__ import annotations

from dataclasses import dataclass

from soundloom.data.provenance import short
from soundloom.evaluation.candidates.model import ModelCandidate
from soundloom.evaluation.candidates.protocol import Candidate, Conditions
from soundloom.evaluation.candidates.sounds import SoundsCandidate
from soundloom.evaluation.conditioning import ConditioningEvaluator
from soundloom.evaluation.cost import cost_figures, cost_of
from soundloom.evaluation.embedded_sounds import KEPT, blocks_of
from soundloom.evaluation.examples import add_generated, add_reconstructed
from soundloom.evaluation.likelihood import likelihood_figures
from soundloom.evaluation.memorisation import MemorisationSearch
from soundloom.evaluation.reconstruction import reconstruction_figures, through_model, through_representation
from soundloom.evaluation.results import FLOOR, Subject
from soundloom.evaluation.session import Session
from soundloom.evaluation.sliders import NEAREST, SliderTest, add_coherence
from soundloom.evaluation.terms import to_terms
from soundloom.metrics.estimate import TooFew


@dataclass(frozen=True)
class Procedure:
    """What is done with every candidate of a session."""

    session: Session
    search: MemorisationSearch | None
    conditioning: ConditioningEvaluator
    examples: int  # generated ones that are shown of each candidate

    def evaluate(self, candidate: Candidate) -> None:
        """Distances, memorisation and examples; then what only models have, or only files."""
        results, name = self.session.results, candidate.name
        sounds = self.session.add_candidate(candidate)
        found = self.search.search(name, sounds.audio) if self.search and len(sounds.audio) else None
        if found is not None:
            results.figures.append(found.figure)
        rate, matches = self.session.terms.sample_rate, found.matches if found else None
        add_generated(results, name, sounds, rate, self.examples, self.search, matches)
        if len(sounds.audio):
            self.conditioning.add_inception_score(name, sounds.audio)
        if isinstance(candidate, ModelCandidate):
            self._conditions(candidate)
            self._ceiling(candidate)
            self._reconstruction(candidate)
            self._likelihood(candidate)
            self._cost(candidate)
        elif isinstance(candidate, SoundsCandidate):
            self.conditioning.add_labelled_sounds(name, sounds)
            self._overlap(candidate)

    def _conditions(self, candidate: ModelCandidate) -> None:
        requests = self.conditioning.requests_like(self.session.held_out, candidate)
        if not requests:
            return
        names = ", ".join(candidate.model.system.schema.names)
        self.session.monitor.report(f"measuring how {candidate.name} follows {names}")
        self.conditioning.add_accuracy(candidate, requests)
        self._sliders(candidate, requests)
        self.conditioning.add_leakage(candidate)

    def _sliders(self, candidate: ModelCandidate, requests: list[Conditions]) -> None:
        session, results = self.session, self.session.results
        test = SliderTest(candidate, requests, session.terms)
        if not test.sliders:
            return
        with results.explaining(candidate.name, TooFew):
            session.monitor.report(f"moving the sliders of {candidate.name}")
            add_coherence(results, candidate.name, test.sliders, test.coherence())
            if not len(session.data.training):
                return
            if NEAREST not in results.coherence:  # once for all models
                nearest = test.nearest_training(session.data.training.labels)
                results.subjects.append(Subject(NEAREST, "baseline"))
                add_coherence(results, NEAREST, test.sliders, nearest)
            session.monitor.report(f"generating twice from each request with {candidate.name}")
            results.figures += test.diversity(session.sounds[FLOOR], session.embedder, results)

    def _ceiling(self, candidate: ModelCandidate) -> None:
        """Held-out sounds through the representation and back: the best that a model of it can reach; once for each."""
        representation = candidate.model.system.representation
        rate = representation.sample_rate
        kind = getattr(representation, "kind", type(representation).__name__)
        name = f"held-out sounds through {kind}, {rate} Hz"
        if name in self.session.sounds:
            return
        held_out = self.session.data.at(rate, candidate.model.seconds).held_out
        pairs = through_representation(representation, held_out.some(min(self.session.terms.count, KEPT)))
        sounds = to_terms(list(pairs.reconstructed), rate, self.session.terms)
        self.session.add(Subject(name, "ceiling"), blocks_of(sounds))
        with self.session.results.explaining(name):
            self.session.results.figures += reconstruction_figures(name, pairs, rate)

    def _reconstruction(self, candidate: ModelCandidate) -> None:
        results, name = self.session.results, candidate.name
        pairs = through_model(candidate.model.system, self.session.data.at(*candidate.native).held_out)
        if pairs is None:
            return
        with results.explaining(name):
            results.figures += reconstruction_figures(name, pairs, candidate.model.sample_rate)
        add_reconstructed(results, name, pairs, candidate.model.sample_rate, self.examples // 2)

    def _likelihood(self, candidate: ModelCandidate) -> None:
        held_out = self.session.data.at(*candidate.native).held_out
        self.session.monitor.report(f"measuring the likelihood of held-out sounds under {candidate.name}")
        with self.session.results.explaining(candidate.name, TooFew):
            self.session.results.figures += likelihood_figures(candidate.name, candidate.model.system, held_out)

    def _cost(self, candidate: ModelCandidate) -> None:
        self.session.monitor.report(f"timing {candidate.name}")
        cost = cost_of(str(candidate.model.checkpoint.path), candidate.options, self.session.monitor)
        if cost is None:
            self.session.results.remark(f"{candidate.name}: its speed could not be measured")
        else:
            self.session.results.figures += cost_figures(candidate.name, cost)

    def _overlap(self, candidate: SoundsCandidate) -> None:
        """Remark how many sounds of a folder are held-out or training sounds themselves."""
        for side, store in (("held-out", self.session.data.held_out), ("training", self.session.data.training)):
            common = candidate.digests & {short(entry.digest) for entry in store.entries}
            if common:
                self.session.results.remark(
                    f"{candidate.name}: {len(common)} of its sounds are {side} sounds themselves"
                )
