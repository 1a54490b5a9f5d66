"""Whole evaluations: equal terms for all, a correct order, and a reason for every figure that is missing."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from stand_ins import drawn, figure, value

from soundloom.audio import read
from soundloom.evaluation import description, preparation, procedure
from soundloom.evaluation.candidates.model import ModelCandidate, with_options
from soundloom.evaluation.comparison import EvaluationStopped, compare, evaluate
from soundloom.evaluation.cost import Cost
from soundloom.evaluation.monitor import Monitor
from soundloom.evaluation.results import FLOOR, Results
from soundloom.evaluation.session import NOISE
from soundloom.evaluation.settings import Settings
from soundloom.evaluation.terms import Native, common_terms
from soundloom.generation import Generated, Model, Request, load
from sounds import make_sounds

COUNT = 80
EMBEDDINGS = ("reference", "log-mel")
Train = Callable[..., Path]


@pytest.fixture
def untimed(monkeypatch: pytest.MonkeyPatch) -> None:
    """No process is started to measure time and memory."""
    monkeypatch.setattr(procedure, "cost_of", lambda model, options, monitor: Cost(0.5, 0.4, 0.6, 300.0))


def has_sentence(results: Results, *parts: str) -> bool:
    """Whether a remark or a conclusion has all of these parts."""
    return any(all(part in sentence for part in parts) for sentence in (*results.remarks, *results.verdicts))


# Equal terms


def test_all_candidates_have_the_same_count_except_those_with_fewer_sounds(compared, fresh, again, flawed):
    for name in (str(fresh), str(again), "baseline:pca", "baseline:mixture", "baseline:nearest"):
        assert {figure(compared, name, "KID", embedding).sounds for embedding in EMBEDDINGS} == {COUNT}
    assert figure(compared, str(flawed), "KID", "reference").sounds == 12 + 3 + 2 + 4
    assert has_sentence(compared, str(flawed), "holds 21 sounds, fewer than the 80 of the others")


def test_generated_examples_of_all_candidates_have_one_length_and_rate(compared):
    generated = [example.audio for example in compared.examples if example.section == "generated"]
    assert len(generated) > 6 * 6
    assert {(audio.samples.shape, audio.sample_rate) for audio in generated} == {((1, 11025), 22050)}


def test_both_embeddings_are_reported_even_if_only_one_is_named(compared):
    assert {each.embedding for each in compared.figures} >= {*EMBEDDINGS, None}
    assert [embedding.name for embedding in preparation.load_embeddings(["log-mel"], compared)] == list(EMBEDDINGS)


# A correct order


def test_real_sounds_come_before_a_mixture_and_a_mixture_before_noise(compared, fresh):
    best, between, worst = (
        figure(compared, name, "KID", "reference").estimate for name in (str(fresh), "baseline:mixture", NOISE)
    )
    assert best.high < between.value
    assert between.high < worst.low


def test_noise_is_the_farthest_of_all_also_by_log_mel(compared, fresh):
    others = (str(fresh), "baseline:mixture", "baseline:nearest", FLOOR)
    noise = figure(compared, NOISE, "KID", "log-mel").estimate
    assert all(figure(compared, name, "KID", "log-mel").estimate.high < noise.low for name in others)


@pytest.mark.parametrize("embedding", EMBEDDINGS)
def test_fresh_sounds_of_the_source_are_as_near_as_training_sounds_are(compared, fresh, embedding):
    assert has_sentence(compared, f"{fresh} is as near to the held-out sounds as training sounds are", embedding)
    assert not figure(compared, str(fresh), "KID", embedding).estimate.apart(
        figure(compared, FLOOR, "KID", embedding).estimate
    )


@pytest.mark.parametrize("embedding", EMBEDDINGS)
def test_two_folders_of_the_same_sounds_cannot_be_distinguished(compared, fresh, again, embedding):
    assert value(compared, str(fresh), "KID", embedding) == pytest.approx(value(compared, str(again), "KID", embedding))
    pair = {f"{one} and {two} cannot be distinguished by {embedding}" for one, two in ((fresh, again), (again, fresh))}
    assert any(sentence.startswith(tuple(pair)) for sentence in compared.verdicts)


def test_a_mixture_is_said_to_be_farther_than_real_sounds(compared):
    assert any(
        sentence.endswith("reference).") and "is nearer to the held-out sounds than baseline:" in sentence
        for sentence in compared.verdicts
    )


# Memorisation and overlap


def test_the_nearest_baseline_is_all_memorised_and_lies_at_the_floor(compared):
    assert value(compared, "baseline:nearest", "memorised") == 1.0
    nearest, floor = (figure(compared, name, "KID", "reference").estimate for name in ("baseline:nearest", FLOOR))
    assert not nearest.apart(floor)


def test_fresh_sounds_and_a_mixture_hardly_ever_seem_memorised(compared, fresh):
    assert value(compared, str(fresh), "memorised") <= 0.05
    assert value(compared, "baseline:mixture", "memorised") <= 0.05


def test_memorised_sounds_are_shown_beside_their_training_sound(compared):
    rows: dict[int, list[np.ndarray]] = {}
    for example in compared.examples:
        if example.section == "memorised":
            rows.setdefault(example.row, []).append(example.audio.samples[0])
    assert len(rows) >= 8
    same = [np.corrcoef(*pair)[0, 1] > 0.99 for pair in rows.values()]
    assert np.mean(same) > 0.7  # those of the nearest baseline are training sounds to the sample


def test_sounds_that_are_reference_or_training_sounds_themselves_are_counted(compared, fresh, flawed):
    assert has_sentence(compared, f"{flawed}: 12 of its sounds are held-out sounds themselves")
    assert has_sentence(compared, f"{flawed}: 3 of its sounds are training sounds themselves")
    assert not has_sentence(compared, str(fresh), "themselves")


# Broken sounds


def test_silent_repeated_and_broken_files_of_a_folder_are_counted(compared, flawed):
    assert has_sentence(compared, f"{flawed}: 4 of 21 sounds are silent; they count as they are")
    assert has_sentence(compared, f"{flawed}: 2 files repeat the sound of another file; each counts")
    assert has_sentence(compared, f"{flawed}: files that are left out: 2 ")
    assert not has_sentence(compared, "request.json")


def test_a_lower_rate_than_that_of_the_comparison_is_remarked(compared, fresh):
    assert has_sentence(
        compared, f"{fresh}: 80 of its sounds have a lower rate (8000 Hz) than the comparison (22050 Hz)"
    )


def test_broken_sounds_of_a_model_are_left_out_and_counted(monkeypatch, untimed, trained, sounds):
    whole = Model.stream

    def third_broken(self, request, jobs=None, **more):
        for number, made in enumerate(whole(self, request, jobs, **more)):
            if number % 3 == 0:
                made.audio.samples[:] = np.nan
            yield made

    monkeypatch.setattr(Model, "stream", third_broken)
    run = str(trained("vae"))
    found = evaluate(run, sounds, count=12)
    assert has_sentence(found, f"{run}: 4 of 12 sounds hold NaN or infinite samples; they are left out")
    assert figure(found, run, "KID", "reference").sounds == 8
    assert has_sentence(found, run, "generated for conditioning accuracy hold NaN or infinite samples")


def test_a_model_that_generates_only_broken_sounds_still_has_a_report(monkeypatch, untimed, trained, sounds, tmp_path):
    from soundloom.audio import Audio
    from soundloom.evaluation.report.writing import write_report

    def broken(self, request, jobs=None, **more):
        requests = [request] if isinstance(request, Request) else request
        for _ in range(sum(each.count for each in requests)):
            yield Generated(Audio(np.full((1, 4000), np.nan, np.float32), 8000), {}, ())

    monkeypatch.setattr(Model, "stream", broken)
    run = str(trained("vae"))
    found = evaluate(run, sounds, count=6)
    assert has_sentence(found, f"{run}: no sound is left to evaluate")
    assert found.find(run, "KID", "reference") is None
    assert found.find(NOISE, "KID", "reference") is not None
    page, _ = write_report(found, tmp_path / "report")
    assert "no sound is left to evaluate" in page.read_text()


# Too few


def test_what_few_sounds_do_not_allow_is_named_and_the_rest_is_reported(untimed, trained, sounds):
    run = str(trained("vae"))
    found = evaluate(run, sounds, count=6)
    for missing in ("Fréchet", "NDB", "memorised sounds were not searched for"):
        assert has_sentence(found, missing, "needs at least"), missing
    assert has_sentence(found, "held-out clips come from one group")
    for name in ("KID", "KAD", "density", "coverage", "diversity"):
        assert found.find(run, name, "reference") is not None, name
    assert found.find(run, "memorised") is None


def test_a_figure_that_only_one_subject_lacks_has_a_remark_with_its_name(compared, flawed):
    assert has_sentence(compared, f"{flawed}: ", "Fréchet", "and was given 21")
    assert not has_sentence(compared, "baseline:nearest: ", "needs at least")


# Models of different kinds


@pytest.fixture(scope="module")
def low(tmp_path_factory: pytest.TempPathFactory, train_tiny: Train) -> str:
    """A model at 4000 Hz, of 0.4 s, that knows the kind and nothing else."""
    changes = ["representation.sample_rate=4000", "seconds=0.4"]
    out = tmp_path_factory.mktemp("low") / "low"
    return str(train_tiny("vae", out, steps=4, set=changes, conditions=["kind"]))


def test_models_of_different_rates_lengths_and_conditions_are_compared_on_common_terms(untimed, trained, low, sounds):
    run = str(trained("vae"))
    found = compare([low, run], sounds, count=10)
    assert (found.reference["sample rate"], found.reference["seconds"]) == (4000, 0.4)
    assert has_sentence(found, "at 4000, 8000 Hz; all are compared at the lowest rate, 4000 Hz")
    assert has_sentence(found, "of 0.4, 0.5 s; the first 0.4 s of each sound are compared")
    assert {len(each.audio.samples[0]) for each in found.examples if each.section == "generated"} == {1600}
    assert {name: found.find(name, "accuracy of kind") is not None for name in (low, run)} == {low: True, run: True}
    assert found.find(run, "pitch: with a pitch") is not None  # which the first model does not know
    assert found.find(low, "pitch: with a pitch") is None
    ceilings = [subject.name for subject in found.subjects if "through" in subject.name]
    assert ceilings == [f"held-out sounds through mel, {rate} Hz" for rate in (4000, 8000)]


def test_a_length_that_not_every_model_can_make_is_refused(trained, sounds):
    with pytest.raises(ValueError, match=r"0.05 to 0.5, what every model can make"):
        compare([str(trained("vae"))], sounds, seconds=0.6)


def test_terms_are_the_lowest_rate_and_the_shortest_length_of_all():
    terms, remarks = common_terms([Native(44100, 1.0), Native(22050, 0.74)], Settings(count=10))
    assert (terms.sample_rate, terms.seconds, terms.count) == (22050, 0.74, 10)
    assert len(remarks) == 2
    assert common_terms([], Settings())[1] == []


# What is refused


@pytest.mark.parametrize(
    ("names", "more", "message"),
    [
        ([], {}, "there is no model to evaluate"),
        (["baseline:nearst"], {}, "baseline:nearest"),
        (["baseline:pca", "baseline:pca"], {}, "2 times"),
        (["drum"], {}, "drums"),
        (["baseline:pca"], {"count": 1}, "2 to 1000000"),
        (["baseline:pca"], {"seed": -1}, "seed is -1"),
        (["baseline:pca"], {"baseline_minutes": 0.0}, "baseline_minutes is 0"),
        (["baseline:pca"], {"embeddings": ["refree"]}, "reference"),
        (["baseline:pca"], {"where": {"kid": "hiss"}}, "kind"),
    ],
)
def test_what_cannot_be_evaluated_is_refused_with_the_nearest_that_can(sounds, names, more, message):
    with pytest.raises(ValueError, match=message):
        compare(names, sounds, **more)


def test_a_folder_that_is_none_is_refused_before_anything_is_loaded(tmp_path):
    with pytest.raises(ValueError, match="name the folder of real sounds to compare with, last"):
        compare(["baseline:pca"], tmp_path / "nowhere")


def test_an_embedding_without_its_weights_is_refused_if_named_and_else_remarked(monkeypatch):
    from soundloom.metrics import embeddings

    whole = embeddings.load

    def load(name):
        if name == "absent":
            raise embeddings.Missing("absent needs weights; set ABSENT")
        return whole(name)

    monkeypatch.setattr(embeddings, "known", lambda: (*EMBEDDINGS, "absent"))
    monkeypatch.setattr(embeddings, "load", load)
    results = Results("", "", {})
    assert [each.name for each in preparation.load_embeddings(None, results)] == list(EMBEDDINGS)
    assert results.remarks == ["absent is not reported: absent needs weights; set ABSENT"]
    with pytest.raises(ValueError, match="set ABSENT"):
        preparation.load_embeddings(["absent"], results)


def test_a_model_that_was_trained_on_every_sound_is_refused_with_the_next_move(trained, sounds, tmp_path):
    held_out = json.loads((trained("vae") / "data.json").read_text())["held_out"]
    folder = make_sounds(tmp_path / "sounds")
    for name in held_out:
        (folder / name).unlink()
    with pytest.raises(ValueError, match=r"all 32 clips of .* were trained on.*name a folder that holds others too"):
        evaluate(trained("vae"), folder)


def test_a_folder_without_training_sounds_has_no_floor_and_a_remark(untimed, trained, tmp_path):
    found = evaluate(trained("vae"), drawn(tmp_path / "other", range(3000, 3040)), count=8)
    assert has_sentence(found, "no sound of", "was trained on, so there is no floor and no search for memorised sounds")
    assert found.reference["held-out clips"] == 40
    assert FLOOR not in {subject.name for subject in found.subjects}


def test_the_command_in_a_report_repeats_all_settings():
    settings = Settings(7, 3, {"kind": "hiss"}, ["clap"], 0.5, 2.0, {"top_p": 0.9})
    assert description.command(["a b", "baseline:vae:course"], Path("f"), settings) == (
        "soundloom compare 'a b' baseline:vae:course f --count 7 --seed 3 --where kind=hiss --embedding clap "
        "--option top_p=0.9 --seconds 0.5 --baseline-minutes 2"
    )
    assert description.command(["a"], Path("f"), Settings(7, 3)) == "soundloom evaluate a f --count 7 --seed 3"


# Programs: progress, stop, sounds in memory


def test_progress_names_each_step(untimed, trained, sounds):
    messages: list[str] = []
    evaluate(trained("vae"), sounds, count=4, progress=messages.append)
    assert messages[0] == "embedding 8 held-out sounds"
    assert f"embedding {trained('vae')}" in messages
    assert f"timing {trained('vae')}" in messages


def test_a_stop_ends_an_evaluation_at_the_next_step(untimed, trained, sounds):
    for last in ("embedding 8 held-out sounds", f"embedding {trained('vae')}"):
        stop, seen = threading.Event(), list[str]()

        def watch(message: str, stop=stop, seen=seen, last=last) -> None:
            seen.append(message)
            if message == last:
                stop.set()

        with pytest.raises(EvaluationStopped, match="run it again"):
            evaluate(trained("vae"), sounds, count=4, progress=watch, stop=stop)
        assert seen[-1] == last


def test_a_stop_while_a_model_generates_ends_it_before_all_sounds_are_made(monkeypatch, untimed, trained, sounds):
    stop, whole, made = threading.Event(), Model.stream, list[Generated]()

    def stopped_at_two(self, request, jobs=None, **more):
        for sound in whole(self, request, jobs, **more):
            made.append(sound)
            if len(made) == 2:
                stop.set()
            yield sound

    monkeypatch.setattr(Model, "stream", stopped_at_two)
    with pytest.raises(EvaluationStopped):
        evaluate(trained("vae"), sounds, count=2000, stop=stop)
    assert len(made) < 2000


def test_a_stop_ends_the_process_that_measures_speed(trained):
    from soundloom.evaluation.cost import cost_of

    stop = threading.Event()
    stop.set()
    with pytest.raises(EvaluationStopped):
        cost_of(str(trained("vae")), monitor=Monitor(stop=stop))


def test_sounds_in_memory_have_the_results_of_the_same_files_and_are_named_by_their_hash(fresh, sounds):
    given = [read(file) for file in sorted(fresh.glob("*.wav"))]
    found = compare([fresh, given], sounds, count=COUNT, seconds=0.5)
    folder, memory = (subject.name for subject in found.subjects if subject.role == "model")
    assert memory.startswith("sounds-")
    assert has_sentence(found, f"{memory}: 80 sounds in memory, named by a hash of their samples")
    for embedding in EMBEDDINGS:
        for name in ("KID", "coverage", "diversity"):
            assert value(found, memory, name, embedding) == pytest.approx(value(found, folder, name, embedding))


# Sampling settings


def models(names: list[str]) -> dict[str, ModelCandidate]:
    return {name: ModelCandidate(name, load(name)) for name in names}


def test_sampling_settings_are_for_the_models_that_have_them_and_part_of_the_command(untimed, trained, sounds):
    vae, wavenet = str(trained("vae")), str(trained("wavenet"))
    known = with_options(models([vae, wavenet]), {"prior": "normal", "guidance": 2.0})
    options_of = [dict(known[name].options) for name in (vae, wavenet)]
    assert options_of == [{"prior": "normal"}, {"guidance": 2.0}]
    usual, changed = (compare([vae], sounds, count=10, options=options) for options in ({}, {"prior": "normal"}))
    assert changed.command == f"{usual.command} --option prior=normal"
    generated = [
        [each.audio.samples for each in found.examples if each.section == "generated"] for found in (usual, changed)
    ]
    assert not all(np.array_equal(*pair) for pair in zip(*generated, strict=True))


def test_a_sampling_setting_that_no_model_has_is_refused(trained, sounds):
    with pytest.raises(ValueError, match="no sampling option 'guidance'; known: "):
        compare([str(trained("vae"))], sounds, options={"guidance": 2})
    both = models([str(trained("vae")), str(trained("wavenet"))])
    with pytest.raises(ValueError, match=r"option warmth: none of .* has it; leave it out"):
        with_options(both, {"warmth": 2})
