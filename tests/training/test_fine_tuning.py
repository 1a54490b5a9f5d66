"""Fine-tuning: weights of a trained model, condition columns rearranged for a folder with other labels."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from soundloom.conditions.schema import Category, Measured, Scalar, Schema
from soundloom.generation import load
from soundloom.training import train
from soundloom.training.fine_tuning import column_map
from soundloom.training.recipe import TRAINING
from sounds import RATE, sound

ASKED = {"precision": "float32", "preview_seconds": 0.0}
PITCHES = (40.0, 44.0, 58.0)
OLD = Schema(
    (Category("kind", ("hiss", "thump", "click")), Scalar("pitch", (36.0, 48.0, 60.0)), Category("kit", ("a",)))
)
NEW = Schema((Scalar("pitch", PITCHES), Category("kind", ("bell", "click", "hiss")), Category("room", ("x",))))


def outputs(weight: torch.Tensor, schema: Schema, **asked: object) -> torch.Tensor:
    return weight @ torch.from_numpy(schema.encode(asked)).double()


@settings(deadline=None)
@given(kind=st.sampled_from(["click", "hiss"]), pitch=st.sampled_from(PITCHES), seed=st.integers(0, 99))
def test_what_both_schemas_know_reaches_the_network_as_before(kind: str, pitch: float, seed: int) -> None:
    old = torch.randn(5, OLD.width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    new = old @ column_map(OLD, NEW, "rows").double().T
    expected = outputs(old, OLD, kind=kind, pitch=pitch)
    torch.testing.assert_close(outputs(new, NEW, kind=kind, pitch=pitch), expected, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(outputs(new, NEW, room="x"), torch.zeros(5, dtype=torch.float64))


def test_a_value_that_is_new_begins_as_the_mean_of_those_that_are_known() -> None:
    old = torch.randn(5, OLD.width, dtype=torch.float64)
    new = old @ column_map(OLD, NEW, "rows").double().T
    known = torch.stack([outputs(old, OLD, kind=kind) for kind in ("hiss", "thump", "click")])
    torch.testing.assert_close(outputs(new, NEW, kind="bell"), known.mean(dim=0), rtol=1e-5, atol=1e-5)


@settings(deadline=None)
@given(value=st.floats(0, 1))
def test_a_slider_of_another_training_set_means_the_same_measured_value(value: float) -> None:
    ends = (0.0, 1.0)
    old, new = (Scalar("depth", ends, measured=Measured(zero, one)) for zero, one in ((20.0, 60.0), (30.0, 40.0)))
    weight = torch.tensor([[3.0, 0.5]])  # of the value from -1 to 1, and of the flag
    mapped = weight @ column_map(Schema((old,)), Schema((new,)), "values").T
    measured = 30 + 10 * value
    expected = 3 * (2 * (measured - 20) / 40 - 1) + 0.5
    assert float(mapped[0] @ torch.tensor([2 * value - 1, 1.0])) == pytest.approx(expected, abs=1e-5)


def folder_of(folder: Path, kinds: dict[str, str], count: int = 24) -> Path:
    """Sounds of the two kinds, called as `kinds` says, with a label of no earlier folder."""
    folder.mkdir()
    rows = []
    for number in range(count):
        kind = ("hiss", "thump")[number % 2]
        soundfile.write(folder / f"{number:03d}.wav", sound(100 + number, kind, 40 + number % 12), RATE)
        rows.append({"file_name": f"{number:03d}.wav", "kind": kinds[kind], "room": f"room{number // 2 % 3}"})
    with (folder / "metadata.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return folder


class Messages(list[str]):
    def step(self, report: object) -> None: ...

    def message(self, text: str) -> None:
        self.append(text)


@pytest.mark.parametrize("system", ["vae", "wavenet", "drumgan"])
def test_training_from_a_model_keeps_conditions_of_both_and_drops_the_rest(
    system: str, trained: Callable[[str], Path], tmp_path: Path
) -> None:
    source, messages = trained(system), Messages()
    folder = folder_of(tmp_path / "mine", {"hiss": "hiss", "thump": "drum"})
    run = train(system, folder, out=tmp_path / "run", start_from=source, steps=2, watcher=messages, **ASKED).run
    model = load(run)
    assert set(model.system.schema.names) == {"kind"}
    assert model.system.schema["kind"].values == ("drum", "hiss")
    assert any("pitch of" in text and "no such labels" in text for text in messages), messages
    assert any("kind kept, new: drum" in text for text in messages)
    assert model.system.representation == load(source).system.representation
    assert model.generate(count=1, conditions={"kind": "drum"})[0].peak > 0
    assert json.loads((run / TRAINING).read_text())["start_from"]["digest"] == load(source).digest
    assert train(system, folder, out=run, resume=True, steps=4).steps == 4


def test_with_no_step_a_model_decodes_codes_of_known_values_as_its_source(
    trained: Callable[[str], Path], tmp_path: Path
) -> None:
    source = trained("vae")
    folder = folder_of(tmp_path / "mine", {"hiss": "hiss", "thump": "drum"})
    run = train("vae", folder, out=tmp_path / "run", start_from=source, steps=0, **ASKED).run
    before, after = (load(path).system for path in (source, run))
    rows = [torch.from_numpy(system.schema.encode({"kind": "hiss"}))[None] for system in (before, after)]
    z = torch.randn(1, before.config.latent, generator=torch.Generator().manual_seed(1))
    ours, theirs = (system.network.decode(z, row).mean for system, row in zip((after, before), rows[::-1], strict=True))
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


def test_a_few_steps_from_a_model_reach_a_lower_held_out_loss_than_from_nothing(
    trained: Callable[[str], Path], tmp_path: Path
) -> None:
    folder = folder_of(tmp_path / "mine", {"hiss": "hiss", "thump": "thump"}, count=40)
    for seed in (0, 1, 2):
        bits = []
        for start in ({"start_from": trained("wavenet")}, {"preset": "tiny"}):
            out = tmp_path / f"run{seed}{len(bits)}"
            outcome = train("wavenet", folder, out=out, steps=8, seed=seed, held_out=0.3, **start, **ASKED)
            bits.append(outcome.held_out["likelihood.loss"])
        assert bits[0] < bits[1] - 0.5  # of 8 bits; 60 steps came before


def test_what_contradicts_the_model_is_refused_with_a_sentence(trained: Callable[[str], Path], tmp_path: Path) -> None:
    folder, source = folder_of(tmp_path / "mine", {"hiss": "hiss", "thump": "thump"}), trained("vae")
    for asked, sentence in (
        ({"preset": "drums"}, "brings its own representation and network, so leave the preset drums out"),
        ({"set": ["latent=9"]}, "--set latent=9 contradicts .*; leave latent out, or train without --from"),
        ({"set": ["representation.bands=40"]}, "--set representation.bands=40 contradicts"),
        ({"set": ["seconds=0.25"]}, "--set seconds=0.25 contradicts"),
        ({"system": "wavenet"}, "is no wavenet, so its weights fit no wavenet"),
    ):
        system = str(asked.pop("system", "vae"))
        with pytest.raises(ValueError, match=sentence):
            train(system, folder, out=tmp_path / "run", start_from=source, steps=1, **asked, **ASKED)
    assert not (tmp_path / "run").exists()
    run = train("vae", folder, out=tmp_path / "run", start_from=source, steps=1, set=["beta=2"], **ASKED).run
    assert load(run).system.config.beta == 2


def test_numbers_keep_their_meaning_on_another_range(trained: Callable[[str], Path]) -> None:
    old = load(trained("vae")).system.schema["pitch"]
    assert isinstance(old, Scalar)
    new = Scalar("pitch", tuple(np.linspace(old.low + 1, old.high - 1, 7)))
    weight = torch.randn(3, old.width + 1, dtype=torch.float64)
    mapped = weight @ column_map(Schema((old,)), Schema((new,)), "rows").double().T
    for knot in new.knots:
        expected = outputs(weight, Schema((old,)), pitch=knot)
        torch.testing.assert_close(outputs(mapped, Schema((new,)), pitch=knot), expected, rtol=1e-5, atol=1e-5)
