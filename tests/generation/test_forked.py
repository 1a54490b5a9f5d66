"""Sounds are made in forked processes too, after their parent has made some."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

PROGRAM = """
import multiprocessing
import soundloom

model = soundloom.load("drums")

def peak(seed):
    return model.generate(count=2, seed=seed)[0].peak

if __name__ == "__main__":
    before = peak(2)
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert pool.map_async(peak, [2, 3]).get(timeout=120)[0] == before
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_pool_makes_the_sounds_that_its_parent_makes(tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM)
    environment = {**os.environ, "OMP_NUM_THREADS": "2"}
    done = subprocess.run(
        [sys.executable, "program.py"], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
