"""What a model costs, measured in a process of its own."""

from __future__ import annotations

import numpy as np

from soundloom.evaluation.cost import cost_of


def test_memory_is_that_of_the_model_and_not_of_the_calling_process(trained):
    ballast = np.ones(250_000_000, np.float32)  # 1 GB, which a child of this process would seem to have held
    cost = cost_of(str(trained("vae")))
    assert cost is not None
    assert 100 < cost.peak_megabytes < 900
    assert ballast.nbytes == 1e9
    assert 0 < cost.fastest <= cost.real_time_factor <= cost.slowest < 60


def test_what_cannot_be_measured_has_no_cost():
    assert cost_of("nowhere") is None
