"""The same bits without AVX-512, where vectors of 16 are halved and fewer sums are held in registers at once."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from numba.core import config
from test_against_plain_torch import run, starts_of, weights

SAMPLE = """
import sys
import numpy as np
from test_against_plain_torch import run, starts_of, weights
from soundloom.systems.wavenet.sampler.weighing import BLOCKS
network = weights("wide kernels")
found = {"blocks": BLOCKS}
for precision in ("float32", "int8"):
    for sequences in (1, 7):
        symbols, logits = run(network, starts_of(network, sequences), [90], precision=precision)
        found |= {f"symbols {precision} {sequences}": symbols, f"logits {precision} {sequences}": logits}
np.savez(sys.argv[1], **found)
"""


@pytest.mark.skipif(platform.machine() != "x86_64" or not config.ENABLE_AVX, reason="knows the names of x86 only")
def test_a_processor_without_avx_512_computes_the_same_bits(tmp_path: Path) -> None:
    lesser = {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": "+avx,+avx2,+fma,+bmi,+bmi2,+sse4.2"}
    paths = os.pathsep.join((str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")))
    told = {**os.environ, **lesser, "PYTHONPATH": paths, "NUMBA_CACHE_DIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", SAMPLE, str(tmp_path / "said.npz")], env=told, check=True)
    said = np.load(tmp_path / "said.npz")
    network = weights("wide kernels")
    assert said["blocks"] == 4
    for precision, sequences in product(("float32", "int8"), (1, 7)):
        symbols, logits = run(network, starts_of(network, sequences), [90], precision=precision)  # type: ignore[arg-type]
        assert np.array_equal(said[f"symbols {precision} {sequences}"], symbols)
        assert np.array_equal(said[f"logits {precision} {sequences}"], logits)
