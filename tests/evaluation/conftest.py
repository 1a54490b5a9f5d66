"""What the tests of evaluation share: enough sounds for every figure, and one comparison of many candidates."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from stand_ins import drawn

from soundloom.data.clips import ClipSettings
from soundloom.evaluation.reference_data import ReferenceData, open_reference
from soundloom.evaluation.results import Results
from sounds import RATE

COUNT, SECONDS, SOUNDS = 80, 0.5, 800
SETTINGS = ClipSettings(RATE, SECONDS)


@pytest.fixture(scope="session")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """800 sounds in 40 kits; not to be changed."""
    return drawn(tmp_path_factory.mktemp("many") / "many", range(SOUNDS))


@pytest.fixture(scope="session")
def data(many: Path) -> ReferenceData:
    """Both sides of `many`, at the rate of its files."""
    return open_reference(many, [], SETTINGS)


@pytest.fixture(scope="session")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a perfect model would generate: other sounds of the same source."""
    return drawn(tmp_path_factory.mktemp("fresh") / "fresh", range(2000, 2000 + COUNT))


@pytest.fixture(scope="session")
def again(fresh: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same sounds in another folder."""
    return Path(shutil.copytree(fresh, tmp_path_factory.mktemp("again") / "again"))


@pytest.fixture(scope="session")
def flawed(many: Path, data: ReferenceData, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """12 held-out and 3 training sounds, 4 silent files, 2 with NaN, a sound twice more, a text."""
    folder = tmp_path_factory.mktemp("flawed") / "flawed"
    folder.mkdir()
    for name in (*data.held_out.files[:12], *data.training.files[:3]):
        shutil.copy(many / name, folder)
    first = many / data.held_out.files[0]
    for number in range(2):
        shutil.copy(first, folder / f"same-{number}.wav")
        soundfile.write(folder / f"nan-{number}.wav", np.full(4000, np.nan), RATE, subtype="FLOAT")
    for number in range(4):
        soundfile.write(folder / f"silent-{number}.wav", np.zeros(4000 + number), RATE)
    (folder / "request.json").write_text("{}")
    return folder


@pytest.fixture(scope="session")
def compared(many: Path, fresh: Path, again: Path, flawed: Path) -> Results:
    """Two folders of the same fresh sounds, one of flawed ones, and three baselines side by side."""
    from soundloom.evaluation.comparison import compare

    names = [str(fresh), str(again), str(flawed), "baseline:pca", "baseline:mixture", "baseline:nearest"]
    return compare(names, many, count=COUNT, seconds=SECONDS)
