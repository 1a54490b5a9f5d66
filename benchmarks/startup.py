"""Startup time of the command: whole processes, median of seven."""

from __future__ import annotations

import subprocess
import sys
import time
from statistics import median

from rich.console import Console
from rich.table import Table

COMMANDS = {
    "python (for comparison)": ["-c", "pass"],
    "import soundloom": ["-c", "import soundloom"],
    "soundloom --help": ["-m", "soundloom", "--help"],
    "soundloom generate --help": ["-m", "soundloom", "generate", "--help"],
    "soundloom generate --bogus": ["-m", "soundloom", "generate", "--bogus"],
    "soundloom models": ["-m", "soundloom", "models"],
    "import torch (for comparison)": ["-c", "import torch"],
}


def main() -> None:
    table = Table("process", "median", "slowest of 7")
    for name, arguments in COMMANDS.items():
        spent = []
        for _ in range(8):
            begun = time.perf_counter()
            subprocess.run([sys.executable, *arguments], capture_output=True, check=False)
            spent.append(time.perf_counter() - begun)
        table.add_row(name, f"{median(spent[1:]):.2f} s", f"{max(spent[1:]):.2f} s")
    Console().print(table)


if __name__ == "__main__":
    main()
