"""The same bits without AVX-512, where vectors of 16 are split and fewer sums fit into registers."""

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
from test_against_torch import conditioning_of, run, weights

SAMPLE = """
import sys
import numpy as np
from test_against_torch import run, conditioning_of, weights
from soundloom.systems.wavenet.sampler.matvec import BLOCKS
network = weights("wide kernels")
found = {"blocks": BLOCKS}
for precision in ("float32", "int8"):
    for sequences in (1, 7):
        symbols, logits = run(network, conditioning_of(network, sequences), [90], precision=precision)
        found |= {f"symbols {precision} {sequences}": symbols, f"logits {precision} {sequences}": logits}
np.savez(sys.argv[1], **found)
"""


@pytest.mark.skipif(platform.machine() != "x86_64" or not config.ENABLE_AVX, reason="names features of x86 only")
def test_a_processor_without_avx_512_computes_the_same_bits(tmp_path: Path) -> None:
    older = {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": "+avx,+avx2,+fma,+bmi,+bmi2,+sse4.2"}
    paths = os.pathsep.join((str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")))
    environment = {**os.environ, **older, "PYTHONPATH": paths, "NUMBA_CACHE_DIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", SAMPLE, str(tmp_path / "found.npz")], env=environment, check=True)
    found_there = np.load(tmp_path / "found.npz")
    network = weights("wide kernels")
    assert found_there["blocks"] == 4
    for precision, sequences in product(("float32", "int8"), (1, 7)):
        symbols, logits = run(network, conditioning_of(network, sequences), [90], precision=precision)  # type: ignore[arg-type]
        assert np.array_equal(found_there[f"symbols {precision} {sequences}"], symbols)
        assert np.array_equal(found_there[f"logits {precision} {sequences}"], logits)
