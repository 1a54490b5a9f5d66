"""Conditioning accuracy of models whose conditions differ, and of labelled sounds."""

from __future__ import annotations

from stand_ins import value

from soundloom.conditions.schema import Category, Scalar, Schema
from soundloom.evaluation.conditioning import REAL, SHUFFLED, joined


def test_joined_conditions_have_the_values_of_all_models():
    one = Schema((Category("kind", ("kick", "snare")), Scalar("pitch", (40.0, 60.0), "MIDI")))
    two = Schema((Category("kind", ("snare", "hat")), Category("kit", ("a", "b")), Scalar("pitch", (50.0,), "MIDI")))
    found = joined([one, two])
    assert found.names == ("kind", "pitch", "kit")
    assert found["kind"].values == ("kick", "snare", "hat")
    assert found["pitch"].knots == (40.0, 50.0, 60.0)


def test_of_two_kinds_of_conditions_with_one_name_the_first_is_taken():
    found = joined([Schema((Category("pitch", ("low", "high")),)), Schema((Scalar("pitch", (40.0, 60.0)),))])
    assert isinstance(found["pitch"], Category)


def test_accuracy_is_high_on_real_sounds_and_low_on_shuffled_labels(compared):
    assert value(compared, REAL, "accuracy of kind") > 0.9
    assert value(compared, SHUFFLED, "accuracy of kind") < 0.75


def test_labelled_sounds_of_a_folder_are_compared_with_their_labels(compared, fresh):
    assert value(compared, str(fresh), "accuracy of kind") > 0.9
    assert compared.find("baseline:mixture", "accuracy of kind") is None  # it has no conditions


def test_every_candidate_has_an_inception_score_between_1_and_the_number_of_kinds(compared, fresh):
    for name in (REAL, str(fresh), "baseline:pca", "baseline:nearest"):
        assert 1.0 <= value(compared, name, "inception score of kind") <= 2.0 + 1e-9
