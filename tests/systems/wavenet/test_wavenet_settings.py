"""Settings of the WaveNet: refusals, and the choice of a representation by name or by settings."""

from __future__ import annotations

import json

import pytest

from soundloom.representations import build, describe, named
from soundloom.runtime.settings import from_json, override, to_json
from soundloom.systems.wavenet.settings import PRESETS, Context, WaveNetConfig

TINY = PRESETS["tiny"]


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("cycles=0", "cycles is 0 but must be at least 1"),
        ("layers_per_cycle=0", "layers_per_cycle is 0 but must be at least 1"),
        ("layers_per_cycle=17", "layers_per_cycle is 17 but must be at most 16, a dilation of 32,768 samples; raise"),
        ("kernel=1", "kernel is 1 but must be at least 2; 2 is usual"),
        ("first_kernel=0", "first_kernel is 0 but must be at least 1"),
        ("residual=0", "residual is 0 but must be at least 1"),
        ("gate=-3", "gate is -3 but must be at least 1"),
        ("skip=0", "skip is 0 but must be at least 1"),
        ("end=0", "end is 0 but must be at least 1"),
        ("logistics=0", "logistics is 0 but must be at least 1"),
        ("frame_channels=0", "frame_channels is 0 but must be at least 1"),
        ("crop=15", "crop is 15 but must be at least 16"),
        ("batch_size=0", "batch_size is 0 but must be at least 1"),
        ("unknown_share=1.1", "unknown_share is 1.1 but must be a share from 0 to 1; 0.1 is usual"),
        ("unknown_share=NaN", "unknown_share is nan but must be a share from 0 to 1"),
        ("quiet=-0.1", "quiet is -0.1 but must be"),
        ("seconds=0", "seconds is 0 but must be above 0 and at most 600; 1 is usual"),
        ("seconds=Infinity", "seconds is inf but must be above 0 and at most 600"),
        ("learning_rate=-1", "learning_rate is -1 but must be above 0 and finite"),
        ("weight_decay=-1", "weight_decay is -1 but must be at least 0 and finite; 0 is usual"),
        ("augment.gain_db=-3", "augment.gain_db is -3 but must be at least 0 and finite; 0 leaves that out"),
        ('context={"stride": 1}', "context.stride is 1 but must be at least 2; 128 is usual"),
        ('context={"cycles": 0}', "context.cycles is 0 but must be at least 1; 1 is usual"),
        ('context={"layers_per_cycle": 0}', "context.layers_per_cycle is 0 but must be at least 1; 6 is usual"),
        ('context={"layers_per_cycle": 17}', "context.layers_per_cycle is 17 but must be at most 16; raise"),
        ('context={"channels": 0}', "context.channels is 0 but must be at least 1; 32 is usual"),
        ('context={"stride": 513}', "crop is 512 but must be at least context.stride, 513, since crops begin with a"),
        ("representation=mel", "representation is 'mel' but wavenet predicts samples: use mulaw (256 classes) or pcm"),
        ("representation=mulwa", "representation is 'mulwa' but wavenet predicts samples"),
        ("representation=3", "representation is 3 but wavenet predicts samples"),
        ('representation={"kind": "log"}', "representation is 'log' but wavenet predicts samples"),
        ('representation={"kind": "pcm", "bits": 12}', "bits is 12 but must be 16 for the mixture; use mulaw"),
        ("representation.lvels=64", "no setting 'lvels'; did you mean 'levels'?"),
        ("representation.levels=1", "levels is 1 but must be at least 2; 256 is usual"),
        ("frames=log", "frames is 'log' but a vocoder here takes mel spectrograms; try frames=mel, or null"),
        ("frames=3", "frames is 3 but a vocoder here takes mel spectrograms"),
        ('frames={"kind": "log"}', "frames is 'log' but a vocoder here takes"),
        ("frames=mel", "frames are at 16000 Hz and samples at 8000 Hz; set both to one rate"),
        ('frames={"sample_rate": 8000, "bands": 0}', "bands is 0 but must be at least 1"),
    ],
)
def test_an_impossible_setting_is_refused_with_value_bound_and_next_move(assignment: str, message: str) -> None:
    with pytest.raises(ValueError, match=r"^--set") as refusal:
        override(TINY, [assignment])
    assert message in str(refusal.value)
    assert ";" in str(refusal.value) or ": use mulaw (256 classes) or pcm" in str(refusal.value)


@pytest.mark.parametrize(
    "assignment",
    [
        "cycles=1", "layers_per_cycle=16", "kernel=7", "first_kernel=32", "residual=1", "crop=16", "unknown_share=0",
        "unknown_share=1", "quiet=0", "weight_decay=0.1", "context={}", 'context={"stride": 512}',
    ],
)  # fmt: skip
def test_a_setting_at_its_bound_is_accepted(assignment: str) -> None:
    config = override(TINY, [assignment])
    assert from_json(WaveNetConfig, json.loads(json.dumps(to_json(config)))) == config


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_is_restored_from_json(preset: str) -> None:
    config = PRESETS[preset]
    assert from_json(WaveNetConfig, json.loads(json.dumps(to_json(config)))) == config
    assert override(config, []) == config


def test_a_representation_is_chosen_by_name_at_the_rate_of_the_preset() -> None:
    assert override(TINY, ["representation=pcm"]).representation == describe(named("pcm", 8000))
    assert not override(TINY, ["representation=pcm"]).classes
    assert override(PRESETS["sounds"], ["representation=mulaw"]).representation == PRESETS["sounds"].representation
    fewer = override(TINY, ["representation.levels=64"])
    assert fewer.representation == {"kind": "mulaw", "sample_rate": 8000, "levels": 64}


def test_frames_have_all_their_settings_and_levels_from_0_to_1() -> None:
    asked = ["frames.hop=64", "frames.output=decibels", "frames.bands=20"]
    config = override(PRESETS["vocoder"], asked)
    described = describe(build(PRESETS["vocoder"].frames))  # type: ignore[arg-type]
    assert config.frames == {**described, "hop": 64, "bands": 20, "output": "unit"}
    assert override(PRESETS["vocoder"], ["frames=null"]).frames is None
    assert override(PRESETS["sounds"], ["frames=mel"]).frames == {**describe(named("mel", 16000)), "output": "unit"}


def test_settings_of_a_context_can_be_changed_one_by_one() -> None:
    assert override(PRESETS["music"], ["context.stride=64"]).context == Context(64, 4, 7, 48)
    assert override(TINY, ['context={"stride": 16}']).context == Context(stride=16)


def test_receptive_fields_of_presets_are_those_of_their_comments() -> None:
    seconds = {name: config.receptive_field / config.representation["sample_rate"] for name, config in PRESETS.items()}
    assert PRESETS["sounds"].receptive_field == 2047
    assert round(seconds["sounds"], 3) == 0.128
    assert round(seconds["speech"], 3) == 0.512
    assert round(seconds["music"], 1) == 4.3
    assert round(PRESETS["music"].stack_field / 16000, 3) == 0.192
