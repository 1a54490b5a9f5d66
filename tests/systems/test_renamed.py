"""Names of earlier versions: shipped models, request files and settings that were written before a name changed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from soundloom.checkpoints.checkpoint import CONFIG, SHIPPED, WEIGHTS
from soundloom.cli.app import main
from soundloom.generation import Model, Request, load
from soundloom.runtime.settings import override
from soundloom.systems.discovery import system_named, system_names

RENAMED = {  # shipped model: (a weight as it is stored, its name now)
    "drums": ("texture.strength", "observation.residual_noise.strength"),
    "notes": ("network.tell.weight", "network.project_conditions.weight"),
    "drumgan": ("running_growth", "growth.number"),
    "wavenet-drums": ("yardsticks.unigram", "baselines.unigram"),
}


@pytest.mark.parametrize("model", RENAMED)
def test_a_weight_is_loaded_under_its_new_name(model: str) -> None:
    before, now = RENAMED[model]
    stored = load_file(SHIPPED / model / WEIGHTS)[before]
    assert torch.equal(load(model).system.state_dict()[now], stored.float())


def test_a_setting_is_loaded_under_its_new_name() -> None:
    for model, before, now in (("drums", "grain", "residual_noise_gain"), ("drumgan", "stray", "randomised_share")):
        stored = json.loads((SHIPPED / model / CONFIG).read_text())["settings"][before]
        assert getattr(load(model).system.config, now) == stored


@pytest.mark.parametrize("name", system_names())
def test_the_old_name_of_a_setting_is_refused_with_the_new_one(name: str) -> None:
    kind = system_named(name)
    for before, now in kind.renamed_settings.items():
        with pytest.raises(ValueError, match=f"{before} is now called {now}; write that"):
            override(kind.PRESETS["tiny"], [f"{before}=0.1"], renamed=kind.renamed_settings)
        assert hasattr(kind.PRESETS["tiny"], now)


def test_the_old_name_of_an_option_is_refused_with_the_new_one() -> None:
    with pytest.raises(ValueError, match="the sampling option 'texture' is now called 'residual_noise'; write that"):
        load("drums").generate(count=1, options={"texture": 0})


def test_a_request_file_with_the_old_name_of_an_option_makes_the_same_sounds(tmp_path: Path) -> None:
    first, again = tmp_path / "first", tmp_path / "again"
    assert (
        main(["generate", "drums", "-n", "1", "--seed", "3", "--option", "residual_noise=0", "--out", str(first)]) == 0
    )
    request = json.loads((first / "request.json").read_text())
    request["request"]["options"] = {"texture": request["request"]["options"].pop("residual_noise")}
    (first / "request.json").write_text(json.dumps(request))
    assert main(["generate", "--again", str(first), "--out", str(again)]) == 0
    (made,) = again.glob("*.wav")
    assert made.read_bytes() == (first / made.name).read_bytes()
    assert made.read_bytes() != _noisy(load("drums"), tmp_path)


def _noisy(model: Model, folder: Path) -> bytes:
    """The file of the same seed with residual noise."""
    from soundloom.generation.writing import render

    render(model, Request(count=1, seed=3), folder / "noisy")
    (made,) = (folder / "noisy").glob("*.wav")
    return made.read_bytes()
