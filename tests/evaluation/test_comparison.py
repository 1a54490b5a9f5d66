"""Whole verdicts: the same terms for all, an order that is right, and a reason for every figure that is missing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from stand_ins import drawn, figure, value

from soundloom.evaluation import candidate_names as naming
from soundloom.evaluation import comparison
from soundloom.evaluation import session as judging
from soundloom.evaluation.comparison import compare, evaluate
from soundloom.evaluation.cost import Cost
from soundloom.evaluation.results import Findings
from soundloom.evaluation.session import FLOOR, NOISE
from soundloom.generation import Generated, Model, Request
from sounds import make_sounds

COUNT = 80
EMBEDDINGS = ("reference", "log-mel")
Train = Callable[..., Path]


@pytest.fixture
def untimed(monkeypatch: pytest.MonkeyPatch) -> None:
    """No process is started to measure time and memory."""
    monkeypatch.setattr(judging, "cost_of", lambda model, options: Cost(0.5, 0.4, 0.6, 300.0))


def said(findings: Findings, *parts: str) -> bool:
    return any(all(part in sentence for part in parts) for sentence in (*findings.remarks, *findings.verdicts))


# The same terms


def test_all_contenders_are_heard_at_the_same_count_except_those_that_have_fewer(compared, fresh, again, flawed):
    for name in (str(fresh), str(again), "baseline:pca", "baseline:mixture", "baseline:nearest"):
        assert {figure(compared, name, "KID", embedding).sounds for embedding in EMBEDDINGS} == {COUNT}
    assert figure(compared, str(flawed), "KID", "reference").sounds == 12 + 3 + 2 + 4
    assert said(compared, str(flawed), "holds 21 sounds, fewer than the 80 of the others")


def test_generated_examples_of_all_contenders_have_one_length_and_rate(compared):
    generated = [example.audio for example in compared.examples if example.section == "generated"]
    assert len(generated) > 6 * 6
    assert {(audio.samples.shape, audio.sample_rate) for audio in generated} == {((1, 11025), 22050)}


def test_every_subject_has_both_embeddings_even_where_only_another_is_asked_for(compared):
    assert {each.embedding for each in compared.figures} >= {*EMBEDDINGS, None}
    assert [embedding.name for embedding in comparison._embeddings(["log-mel"], [])] == list(EMBEDDINGS)


# A fair order


def test_real_sounds_come_before_a_mixture_and_a_mixture_before_noise(compared, fresh):
    best, between, worst = (
        figure(compared, name, "KID", "reference").estimate for name in (str(fresh), "baseline:mixture", NOISE)
    )
    assert best.high < between.value
    assert between.high < worst.low


def test_noise_is_the_farthest_of_all_also_where_nothing_was_learnt(compared, fresh):
    others = (str(fresh), "baseline:mixture", "baseline:nearest", FLOOR)
    noise = figure(compared, NOISE, "KID", "log-mel").estimate
    assert all(figure(compared, name, "KID", "log-mel").estimate.high < noise.low for name in others)


@pytest.mark.parametrize("embedding", EMBEDDINGS)
def test_fresh_sounds_of_the_source_are_as_near_as_training_sounds_are(compared, fresh, embedding):
    assert said(compared, f"{fresh} is as near to the held-out sounds as training sounds are", embedding)
    assert not figure(compared, str(fresh), "KID", embedding).estimate.apart(
        figure(compared, FLOOR, "KID", embedding).estimate
    )


@pytest.mark.parametrize("embedding", EMBEDDINGS)
def test_two_folders_of_the_same_sounds_cannot_be_told_apart(compared, fresh, again, embedding):
    assert value(compared, str(fresh), "KID", embedding) == pytest.approx(value(compared, str(again), "KID", embedding))
    pair = {f"{one} and {two} cannot be told apart by {embedding}" for one, two in ((fresh, again), (again, fresh))}
    assert any(sentence.startswith(tuple(pair)) for sentence in compared.verdicts)


def test_a_mixture_is_said_to_be_farther_than_real_sounds(compared):
    assert any(
        sentence.endswith("reference).") and "is nearer to the held-out sounds than baseline:" in sentence
        for sentence in compared.verdicts
    )


# Copies and overlap


def test_the_nearest_baseline_is_all_copies_and_lies_at_the_floor(compared):
    assert value(compared, "baseline:nearest", "copies") == 1.0
    nearest, floor = (figure(compared, name, "KID", "reference").estimate for name in ("baseline:nearest", FLOOR))
    assert not nearest.apart(floor)


def test_fresh_sounds_and_a_mixture_are_hardly_ever_called_copies(compared, fresh):
    assert value(compared, str(fresh), "copies") <= 0.05
    assert value(compared, "baseline:mixture", "copies") <= 0.05


def test_suspected_copies_are_shown_beside_the_training_sound_that_they_copy(compared):
    rows: dict[int, list[np.ndarray]] = {}
    for example in compared.examples:
        if example.section == "copy":
            rows.setdefault(example.row, []).append(example.audio.samples[0])
    assert len(rows) >= 8
    alike = [np.corrcoef(*pair)[0, 1] > 0.99 for pair in rows.values()]
    assert np.mean(alike) > 0.7  # those of the nearest baseline are training sounds to the sample


def test_sounds_that_are_reference_or_training_sounds_themselves_are_counted(compared, fresh, flawed):
    assert said(compared, f"{flawed}: 12 of its sounds are held-out sounds themselves")
    assert said(compared, f"{flawed}: 3 of its sounds are training sounds themselves")
    assert not said(compared, str(fresh), "themselves")


# Broken sounds


def test_silent_repeated_and_broken_files_of_a_folder_are_counted(compared, flawed):
    assert said(compared, f"{flawed}: 4 of 21 sounds are silent; they count as they are")
    assert said(compared, f"{flawed}: 2 files are the same sound as another of it; each counts")
    assert said(compared, f"{flawed}: files that are left out: 2 ")
    assert not said(compared, "request.json")


def test_sounds_of_a_lower_rate_than_the_comparison_are_said_to_be(compared, fresh):
    assert said(compared, f"{fresh}: 80 of its sounds have a lower rate (8000 Hz) than the comparison (22050 Hz)")


def test_broken_sounds_of_a_model_are_left_out_and_counted(monkeypatch, untimed, trained, sounds):
    whole = Model.stream

    def third_broken(self, request, jobs=None):
        for number, made in enumerate(whole(self, request, jobs)):
            if number % 3 == 0:
                made.audio.samples[:] = np.nan
            yield made

    monkeypatch.setattr(Model, "stream", third_broken)
    run = str(trained("vae"))
    found = evaluate(run, sounds, count=12)
    assert said(found, f"{run}: 4 of 12 sounds hold samples that are no numbers; they are left out")
    assert figure(found, run, "KID", "reference").sounds == 8
    assert said(found, run, "that were asked for hold samples that are no numbers")


def test_a_model_that_makes_nothing_but_broken_sounds_still_gets_a_report(
    monkeypatch, untimed, trained, sounds, tmp_path
):
    from soundloom.audio import Audio
    from soundloom.evaluation.report.writing import write_report

    def broken(self, request, jobs=None):
        requests = [request] if isinstance(request, Request) else request
        for _ in range(sum(each.count for each in requests)):
            yield Generated(Audio(np.full((1, 4000), np.nan, np.float32), 8000), {}, ())

    monkeypatch.setattr(Model, "stream", broken)
    run = str(trained("vae"))
    found = evaluate(run, sounds, count=6)
    assert said(found, f"{run}: no sound is left to judge")
    assert found.find(run, "KID", "reference") is None
    assert found.find(NOISE, "KID", "reference") is not None
    page, _ = write_report(found, tmp_path / "report")
    assert "no sound is left to judge" in page.read_text()


# Too few


def test_what_few_sounds_do_not_allow_is_named_and_the_rest_is_reported(untimed, trained, sounds):
    run = str(trained("vae"))
    found = evaluate(run, sounds, count=6)
    for missing in ("Fréchet", "NDB", "copies were not looked for"):
        assert said(found, missing, "needs at least"), missing
    assert said(found, "held-out clips come from one group")
    for name in ("KID", "KAD", "density", "coverage", "diversity"):
        assert found.find(run, name, "reference") is not None, name
    assert found.find(run, "copies") is None


def test_a_figure_that_only_one_subject_lacks_is_said_of_that_subject(compared, flawed):
    assert said(compared, f"{flawed}: ", "Fréchet", "and was given 21")
    assert not said(compared, "baseline:nearest: ", "needs at least")


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
    assert said(found, "at 4000, 8000 Hz; all are compared at the lowest, 4000 Hz")
    assert said(found, "of 0.4, 0.5 s; of all, the first 0.4 s")
    assert {len(each.audio.samples[0]) for each in found.examples if each.section == "generated"} == {1600}
    assert {name: found.find(name, "accuracy of kind") is not None for name in (low, run)} == {low: True, run: True}
    assert found.find(run, "pitch: with a pitch") is not None  # which the first model does not know
    assert found.find(low, "pitch: with a pitch") is None
    ceilings = [subject.name for subject in found.subjects if "through" in subject.name]
    assert ceilings == [f"held-out sounds through mel, {rate} Hz" for rate in (4000, 8000)]


def test_a_length_that_not_every_model_can_make_is_refused(trained, sounds):
    with pytest.raises(ValueError, match=r"0.05 to 0.5, what every model can make"):
        compare([str(trained("vae"))], sounds, seconds=0.6)


def test_the_course_makes_its_own_length_so_all_are_compared_at_that():
    remarks: list[str] = []
    model = SimpleNamespace(model=SimpleNamespace(sample_rate=44100, seconds=1.0, system=SimpleNamespace(config=None)))
    terms, _ = comparison._terms(["long", "baseline:course"], [model], 10, 0, None, remarks)
    assert (terms.sample_rate, terms.seconds) == (22050, 0.74)


# What may be asked


@pytest.mark.parametrize(
    ("names", "more", "message"),
    [
        ([], {}, "nothing to judge"),
        (["baseline:nearst"], {}, "baseline:nearest"),
        (["baseline:pca", "baseline:pca"], {}, "2 times"),
        (["drum"], {}, "drums"),
        (["baseline:pca"], {"count": 1}, "2 to 1000000"),
        (["baseline:pca"], {"embeddings": ["refree"]}, "reference"),
        (["baseline:pca"], {"where": {"kid": "hiss"}}, "kind"),
    ],
)
def test_what_cannot_be_judged_is_refused_with_the_nearest_that_can(sounds, names, more, message):
    with pytest.raises(ValueError, match=message):
        compare(names, sounds, **more)


def test_a_folder_that_is_none_is_refused_before_anything_is_loaded(tmp_path):
    with pytest.raises(ValueError, match="name the folder of sounds to judge by, last"):
        compare(["baseline:pca"], tmp_path / "nowhere")


def test_an_embedding_without_its_weights_is_refused_if_asked_for_and_else_remarked(monkeypatch):
    from soundloom.metrics import embeddings

    whole = embeddings.load

    def load(name):
        if name == "absent":
            raise embeddings.Missing("absent needs weights; set ABSENT")
        return whole(name)

    monkeypatch.setattr(embeddings, "known", lambda: (*EMBEDDINGS, "absent"))
    monkeypatch.setattr(embeddings, "load", load)
    remarks: list[str] = []
    assert [each.name for each in comparison._embeddings(None, remarks)] == list(EMBEDDINGS)
    assert remarks == ["absent is not reported: absent needs weights; set ABSENT"]
    with pytest.raises(ValueError, match="set ABSENT"):
        comparison._embeddings(["absent"], [])


def test_a_model_that_was_trained_on_every_sound_is_refused_with_the_next_move(trained, sounds, tmp_path):
    held_out = json.loads((trained("vae") / "data.json").read_text())["held_out"]
    folder = make_sounds(tmp_path / "sounds")
    for name in held_out:
        (folder / name).unlink()
    with pytest.raises(ValueError, match=r"all 32 clips of .* were trained on.*name a folder that holds others too"):
        evaluate(trained("vae"), folder)


def test_a_folder_without_training_sounds_has_no_floor_and_says_so(untimed, trained, tmp_path):
    found = evaluate(trained("vae"), drawn(tmp_path / "other", range(3000, 3040)), count=8)
    assert said(found, "no sound of", "was trained on, so there is no floor, and copies cannot be looked for")
    assert found.reference["held-out clips"] == 40
    assert FLOOR not in {subject.name for subject in found.subjects}


def test_the_command_in_a_report_repeats_all_that_was_asked():
    asked = comparison._command(
        ["a b", "baseline:course"], Path("f"), 7, 3, {"kind": "hiss"}, ["clap"], 0.5, 2.0, {"top_p": 0.9}
    )
    assert asked == (
        "soundloom compare 'a b' baseline:course f --count 7 --seed 3 --where kind=hiss --embedding clap "
        "--option top_p=0.9 --seconds 0.5 --course-minutes 2"
    )
    plain = comparison._command(["a"], Path("f"), 7, 3, None, None, None, None, {})
    assert plain == "soundloom evaluate a f --count 7 --seed 3"


def test_progress_names_what_is_heard(untimed, trained, sounds):
    told: list[str] = []
    evaluate(trained("vae"), sounds, count=4, progress=told.append)
    assert told[0] == "hearing 8 held-out sounds"
    assert f"timing {trained('vae')}" in told


# Settings of sampling


def test_settings_of_sampling_are_for_the_models_that_have_them_and_repeat_the_verdict(untimed, trained, sounds):
    vae, wavenet = str(trained("vae")), str(trained("wavenet"))
    known = comparison._with_options(naming.models([vae, wavenet]), {"prior": "normal", "guidance": 2.0})
    asked = [dict(known[name].options) for name in (vae, wavenet)]
    assert asked == [{"prior": "normal"}, {"guidance": 2.0}]
    usual, changed = (compare([vae], sounds, count=10, options=options) for options in ({}, {"prior": "normal"}))
    assert changed.command == f"{usual.command} --option prior=normal"
    heard = [
        [each.audio.samples for each in found.examples if each.section == "generated"] for found in (usual, changed)
    ]
    assert not all(np.array_equal(*pair) for pair in zip(*heard, strict=True))


def test_a_setting_of_sampling_that_no_model_has_is_refused(trained, sounds):
    with pytest.raises(ValueError, match="no sampling option 'guidance'; known: "):
        compare([str(trained("vae"))], sounds, options={"guidance": 2})
    both = naming.models([str(trained("vae")), str(trained("wavenet"))])
    with pytest.raises(ValueError, match=r"option warmth: none of .* has it; leave it out"):
        comparison._with_options(both, {"warmth": 2})
