"""What a sound costs: time and memory of a model on one processor, measured in a process of its own."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Mapping
from typing import Any, NamedTuple

SOUNDS, TRIALS = 8, 5
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
if status.exists():  # Linux counts what the parent held before in ru_maxrss, but not here
    line = next((line for line in status.read_text().splitlines() if line.startswith("VmHWM")), "")
    peak = int(line.split()[1]) * 1024 if line else peak
print(json.dumps({"factors": sorted(times[1:]), "peak": peak}))
"""


class Cost(NamedTuple):
    """Of a model on one processor, that makes eight sounds: together where it is quicker so, else one after another."""

    real_time_factor: float  # seconds of work for a second of sound: the median of 5 trials, after one to warm up
    quickest: float
    slowest: float
    peak_megabytes: float  # resident memory of the whole process


def cost_of(model: str, options: Mapping[str, Any] | None = None) -> Cost | None:
    """Measure a model by its name or folder, with some settings of sampling; None where the process fails."""
    command = [sys.executable, "-c", PROGRAM, model, str(SOUNDS), str(TRIALS), json.dumps(dict(options or {}))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        said = json.loads(done.stdout.splitlines()[-1])
        factors = [float(factor) for factor in said["factors"]]
        return Cost(statistics.median(factors), factors[0], factors[-1], float(said["peak"]) / 1e6)
    except (IndexError, KeyError, ValueError):
        return None
