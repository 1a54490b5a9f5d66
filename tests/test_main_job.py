"""The main job on real sounds: from a folder of drums to new drums."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from soundloom.cli.app import main

DATA = os.environ.get("SOUNDLOOM_DATA")
pytestmark = pytest.mark.skipif(DATA is None, reason="SOUNDLOOM_DATA does not name a folder of real sounds")


def test_a_model_trained_on_a_folder_of_drums_generates_the_kind_asked_for(tmp_path: Path, capsys):
    run, length = tmp_path / "run", ("--steps", "4", "--preview-seconds", "0")
    folder = str(Path(str(DATA)) / "drums")
    assert main(["train", "vae", folder, "--preset", "drums", *length, "--out", str(run), "--json"]) == 0
    trained = json.loads(capsys.readouterr().out)
    assert (trained["steps"], trained["finished"]) == (4, True)
    provenance = json.loads((run / "data.json").read_text())
    assert provenance["used"] + len(provenance["skipped"]) == provenance["found"]
    assert len(provenance["training"]) + len(provenance["held_out"]) == provenance["used"]
    generated = []
    for out in (tmp_path / "once", tmp_path / "twice"):
        options = ("-n", "4", "--with", "kind=snare", "--seed", "7", "--out", str(out), "--json")
        assert main(["generate", str(run), *options]) == 0
        generated.append([Path(file).read_bytes() for file in json.loads(capsys.readouterr().out)["files"]])
    assert generated[0] == generated[1]
    assert len(set(generated[0])) == 4
    errors = [
        json.loads(line)["held_out.elbo.error"]
        for line in (run / "log.jsonl").read_text().splitlines()
        if "held_out.elbo.error" in line
    ]
    assert errors
    assert errors[-1] < 0.06  # of 90 dB: it starts from principal components, so even the first step reconstructs drums
