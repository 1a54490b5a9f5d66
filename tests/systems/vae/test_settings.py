"""Settings of the VAE: refusals, and the choice of a representation by name or by settings."""

from __future__ import annotations

import json
from typing import Any

import pytest

from soundloom.contract import Augmentation
from soundloom.representations import build, describe, named
from soundloom.runtime.settings import from_json, override, to_json
from soundloom.systems.vae.settings import PRESETS, SPECTROGRAMS, VAEConfig
from soundloom.training.settings import TrainSettings

TINY = PRESETS["tiny"]


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("widths=[8,8]", "widths is [8, 8] but must be 4 whole numbers of at least 1"),
        ("widths=[8,8,0,8]", "widths is [8, 8, 0, 8]"),
        ("widths=[]", "widths is []"),
        ("latent=0", "latent is 0 but must be at least 1; 64 is usual"),
        ("blocks=-1", "blocks is -1 but must be at least 0"),
        ("components=0", "components is 0 but must be at least 1"),
        ("batch_size=0", "batch_size is 0 but must be at least 1"),
        ("beta=-1", "beta is -1 but must be at least 0"),
        ("beta=Infinity", "beta is inf but must be at least 0 and finite"),
        ("free_bits=-0.1", "free_bits is -0.1"),
        ("weight_decay=-1", "weight_decay is -1"),
        ("kl_warmup=1.5", "kl_warmup is 1.5 but must be a share from 0 to 1"),
        ("unknown_share=-0.1", "unknown_share is -0.1 but must be a share from 0 to 1"),
        ("seconds=0", "seconds is 0 but must be above 0"),
        ("seconds=NaN", "seconds is nan but must be above 0"),
        ("learning_rate=0", "learning_rate is 0 but must be above 0"),
        ("noise=0", "noise is 0 but must be above 0 and finite; null learns it"),
        ("augment.gain_db=-3", "augment.gain_db is -3 but must be at least 0"),
        ("augment.tilt_db=NaN", "augment.tilt_db is nan"),
        ("augment.shift_seconds=0.3", "augment.shift_seconds is 0.3 but must be at most 0.25, half of a clip"),
        ("seconds=0.02", "lower it or raise seconds"),
        ("augment.gian_db=3", "did you mean 'gain_db'?"),
        ("representation=lgo", "no representation 'lgo'; did you mean 'log'?"),
        ("representation=complex", "representation is 'complex' but the vae learns spectrograms; use one of mel"),
        ('representation={"kind": "mulaw"}', "representation is 'mulaw' but the vae learns spectrograms"),
        ("representation=mfcc", "docs/mfcc.md"),
        ("representation=3", "representation is 3 but must be a name or settings"),
        ("representation.bnads=64", "no setting 'bnads'; did you mean 'bands'?"),
        ("representation.bands=0", "bands is 0 but must be at least 1"),
    ],
)
def test_an_impossible_setting_is_refused_with_value_bound_and_next_move(assignment: str, message: str) -> None:
    with pytest.raises(ValueError, match=r"^--set") as refusal:
        override(TINY, [assignment])
    assert message in str(refusal.value)
    assert ";" in str(refusal.value)


@pytest.mark.parametrize(
    "assignment",
    ["widths=[1,1,1,1]", "blocks=0", "kl_warmup=0", "kl_warmup=1", "unknown_share=1", "beta=0", "noise=null"],
)
def test_a_setting_at_its_bound_is_accepted(assignment: str) -> None:
    assert override(TINY, [assignment]) != TINY or assignment == "noise=null"


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("name", SPECTROGRAMS)
def test_a_representation_is_chosen_by_name_at_the_rate_of_the_preset(preset: str, name: str) -> None:
    before = PRESETS[preset]
    config = override(before, [f"representation={name}"])
    assert config.representation == describe(named(name, before.representation["sample_rate"]))
    assert from_json(VAEConfig, json.loads(json.dumps(to_json(config)))) == config


def test_settings_of_a_representation_can_be_changed_one_by_one() -> None:
    config = override(TINY, ["representation.bands=24", "representation.low_hz=40"])
    described = describe(build(TINY.representation))
    assert config.representation == {**described, "bands": 24, "low_hz": 40}


def test_the_order_of_settings_does_not_matter() -> None:
    parts = ["representation.n_fft=256", "representation.hop=64", "representation.bands=16"]
    assert override(TINY, parts) == override(TINY, parts[::-1])


def test_a_setting_belongs_to_the_representation_named_before_it() -> None:
    config = override(TINY, ["representation=log-frequency", "representation.per_octave=12"])
    expected = describe(named("log-frequency", 8000))
    assert config.representation == {**expected, "per_octave": 12}
    with pytest.raises(ValueError, match="representation log: no setting 'bands'"):
        override(TINY, ["representation=log", "representation.bands=12"])


def test_omitted_settings_of_a_representation_take_its_defaults_at_the_rate_of_the_preset() -> None:
    config = override(TINY, ['representation={"kind": "log", "hop": 128}'])
    assert config.representation == describe(build({"kind": "log", "sample_rate": 8000, "hop": 128}))


def test_augmentations_can_be_set_one_by_one() -> None:
    assert override(TINY, ["augment.gain_db=3"]).augment == Augmentation(3.0, 0.02, 3.0, 20.0)


@pytest.mark.parametrize(("share", "fits"), [(0.0, True), (0.9, True), (0.91, False), (-0.1, False), (1.0, False)])
def test_the_share_held_out_is_what_the_split_takes(share: float, fits: bool) -> None:
    from soundloom.data.groups import split_by_group
    from soundloom.data.index import Index

    index: Any = Index.__new__(Index)  # refused before anything in it is looked at
    if fits:
        assert TrainSettings(steps=1, held_out=share).held_out == share
        return
    with pytest.raises(ValueError, match=r"0 to 0\.9"):
        TrainSettings(steps=1, held_out=share)
    with pytest.raises(ValueError, match=r"0 to 0\.9"):
        split_by_group(index, share)
