"""Time from the command to the first preview, and the time and memory that training takes.

    python benchmarks/training.py [FOLDER [MINUTES]]      default: $SOUNDLOOM_DATA/drums, 10 minutes

Starts `soundloom train vae FOLDER --preset drums` with an empty cache, as for a new user.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table


def main() -> None:
    if len(sys.argv) < 2 and "SOUNDLOOM_DATA" not in os.environ:
        sys.exit("name a folder of labelled drums, or set SOUNDLOOM_DATA to the folder that holds drums/")
    folder = sys.argv[1] if len(sys.argv) > 1 else str(Path(os.environ["SOUNDLOOM_DATA"]) / "drums")
    minutes = sys.argv[2] if len(sys.argv) > 2 else "10"
    with tempfile.TemporaryDirectory() as temporary:
        run = Path(temporary) / "run"
        command = [sys.executable, "-m", "soundloom", "train", "vae", folder, "--preset", "drums"]
        begun = time.monotonic()
        process = subprocess.Popen(
            [*command, "--minutes", minutes, "--out", str(run)],
            env={**os.environ, "SOUNDLOOM_CACHE": str(Path(temporary) / "cache")},
            stderr=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        first = None
        while process.poll() is None:
            if first is None and (run / "previews" / "step-000000" / "spectrograms.png").exists():
                first = time.monotonic() - begun
            time.sleep(0.2)
        spent = time.monotonic() - begun
        lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
        steps = [line for line in lines if "elbo.loss" in line]
        last = [line for line in lines if "held_out.elbo.error" in line]
        settings = json.loads((run / "config.json").read_text())["settings"]
    table = Table(
        "what", "measured", title=f"train vae --preset drums --minutes {minutes}, {os.cpu_count()} processors"
    )
    table.add_row("first preview after", f"{first:.0f} s" if first else "none")
    table.add_row("the whole command", f"{spent:.0f} s")
    table.add_row("steps", f"{len(steps)} of {settings['batch_size']} clips")
    table.add_row(
        "held-out error", f"{last[0]['held_out.elbo.error']:.4f} at the start, {last[-1]['held_out.elbo.error']:.4f}"
    )
    table.add_row("peak memory", f"{resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6:.2f} GB")
    Console().print(table)


if __name__ == "__main__":
    main()
