"""What generating costs: time and memory of a model on one processor, measured in a process of its own."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Mapping
from typing import Any, NamedTuple

from soundloom.evaluation.monitor import Monitor
from soundloom.evaluation.results import Figure
from soundloom.metrics.estimate import Estimate

SOUNDS, TRIALS = 8, 5
LOOK_SECONDS = 0.2  # between looks whether to stop
PROGRAM = """
import json, pathlib, resource, sys, time
from soundloom.generation import Request, load
model = load(sys.argv[1])
count, trials, options = int(sys.argv[2]), int(sys.argv[3]), json.loads(sys.argv[4])
times = []
for trial in range(trials + 1):
    begun = time.perf_counter()
    made = sum(sound.audio.samples.shape[1] for sound in model.stream(Request(count, seed=trial, options=options), 1))
    times.append((time.perf_counter() - begun) / (made / model.sample_rate))
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
status = pathlib.Path("/proc/self/status")
if status.exists():  # on Linux ru_maxrss includes what the parent held before, VmHWM does not
    line = next((line for line in status.read_text().splitlines() if line.startswith("VmHWM")), "")
    peak = int(line.split()[1]) * 1024 if line else peak
print(json.dumps({"factors": sorted(times[1:]), "peak": peak}))
"""


class Cost(NamedTuple):
    """Of a model that generates eight sounds on one processor, batched if that is faster for it."""

    real_time_factor: float  # seconds of work for a second of sound: the median of 5 trials, after one to warm up
    fastest: float
    slowest: float
    peak_megabytes: float  # resident memory of the whole process


def cost_of(model: str, options: Mapping[str, Any] | None = None, monitor: Monitor | None = None) -> Cost | None:
    """Measure a model by its name or folder, with some sampling settings; None if the process fails.

    Raises:
        EvaluationStopped: by the monitor; the process is ended.
    """
    command = [sys.executable, "-c", PROGRAM, model, str(SOUNDS), str(TRIALS), json.dumps(dict(options or {}))]
    output = _output_of(command, monitor or Monitor())
    try:
        measured = json.loads(output.splitlines()[-1])
        factors = [float(factor) for factor in measured["factors"]]
        return Cost(statistics.median(factors), factors[0], factors[-1], float(measured["peak"]) / 1e6)
    except (IndexError, KeyError, ValueError):
        return None


def cost_figures(subject: str, cost: Cost) -> list[Figure]:
    """Speed and memory, for the table."""
    factor = Estimate(cost.real_time_factor, cost.fastest, cost.slowest)
    memory = Estimate(cost.peak_megabytes, float("nan"), float("nan"))
    return [
        Figure(subject, "real-time factor", factor, "lower", SOUNDS),
        Figure(subject, "peak memory", memory, "lower", SOUNDS, unit="MB"),
    ]


def _output_of(command: list[str], monitor: Monitor) -> str:
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            while True:
                try:
                    return process.communicate(timeout=LOOK_SECONDS)[0]
                except subprocess.TimeoutExpired:
                    monitor.check()
        except BaseException:
            process.kill()
            raise
