"""One judge for models whose conditions differ."""

from __future__ import annotations

from stand_ins import value

from soundloom.conditions.schema import Category, Scalar, Schema
from soundloom.evaluation.conditioning import REAL, SHUFFLED, joined


def test_joined_conditions_hold_all_values_that_any_model_knows():
    one = Schema((Category("kind", ("kick", "snare")), Scalar("pitch", (40.0, 60.0), "MIDI")))
    two = Schema((Category("kind", ("snare", "hat")), Category("kit", ("a", "b")), Scalar("pitch", (50.0,), "MIDI")))
    found = joined([one, two])
    assert found.names == ("kind", "pitch", "kit")
    assert found["kind"].values == ("kick", "snare", "hat")
    assert found["pitch"].knots == (40.0, 50.0, 60.0)


def test_a_name_that_means_two_things_is_judged_as_the_first_means_it():
    found = joined([Schema((Category("pitch", ("low", "high")),)), Schema((Scalar("pitch", (40.0, 60.0)),))])
    assert isinstance(found["pitch"], Category)


def test_real_sounds_are_recognised_and_shuffled_labels_are_not(compared):
    assert value(compared, REAL, "accuracy of kind") > 0.9
    assert value(compared, SHUFFLED, "accuracy of kind") < 0.75


def test_labelled_sounds_of_a_folder_are_judged_by_their_labels(compared, fresh):
    assert value(compared, str(fresh), "accuracy of kind") > 0.9
    assert compared.find("baseline:mixture", "accuracy of kind") is None  # nobody asked it for a kind


def test_everyone_has_an_inception_score_between_1_and_the_number_of_kinds(compared, fresh):
    for name in (REAL, str(fresh), "baseline:pca", "baseline:nearest"):
        assert 1.0 <= value(compared, name, "inception score of kind") <= 2.0 + 1e-9
