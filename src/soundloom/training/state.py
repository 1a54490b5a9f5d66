"""Everything that training needs to go on exactly where it was: one file, replaced whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from soundloom.checkpoints.checkpoint import tensors
from soundloom.contract.system import System
from soundloom.runtime.files import write_atomically

STATE = Path("progress") / "state.safetensors"


def save(run: Path, system: System, average: System, optimizers: dict[str, Optimizer], facts: dict[str, Any]) -> None:
    """Write weights, their average, the optimizers' memories and `facts` (step, seconds, precision, ...)."""
    from safetensors.torch import save as to_bytes

    kept: dict[str, Tensor] = {}
    for part, owner in (("system", system), ("average", average)):
        kept |= {f"{part}.{key}": value for key, value in tensors(owner).items()}
    for name, optimizer in optimizers.items():
        for number, memory in optimizer.state_dict()["state"].items():
            for key, value in memory.items():
                kept[f"optimizer.{name}.{number}.{key}"] = torch.as_tensor(value).detach().cpu().clone().contiguous()
    write_atomically(run / STATE, to_bytes(kept, metadata={"facts": json.dumps(facts)}))


def load(run: Path, system: System, average: System, optimizers: dict[str, Optimizer]) -> dict[str, Any]:
    """Put a saved state back; returns its facts.

    Raises:
        ValueError: there is none, it is damaged, or it is of another training.
    """
    from safetensors import SafetensorError, safe_open

    path = run / STATE
    if not path.is_file():
        raise ValueError(f"{run} has no {STATE} to go on from; train without --resume")
    kept: dict[str, Tensor] = {}
    try:
        with safe_open(str(path), framework="pt") as file:
            facts: dict[str, Any] = json.loads((file.metadata() or {}).get("facts", "{}"))
            for key in file.keys():  # noqa: SIM118 - not a dictionary
                kept[key] = file.get_tensor(key)
    except (SafetensorError, json.JSONDecodeError, OSError) as error:
        raise ValueError(f"{path} is damaged ({error}), so training cannot go on; start a new --out") from None
    try:
        for part, owner in (("system", system), ("average", average)):
            owner.load_state_dict(_below(kept, f"{part}."))
        for name, optimizer in optimizers.items():
            memories: dict[int, dict[str, Tensor]] = {}
            for key, value in _below(kept, f"optimizer.{name}.").items():
                number, _, what = key.partition(".")
                memories.setdefault(int(number), {})[what] = value
            optimizer.load_state_dict({**optimizer.state_dict(), "state": memories})
    except (RuntimeError, ValueError, KeyError) as error:
        said = str(error).splitlines()[0]
        raise ValueError(f"{path} is of another training ({said}); name its own run, or start a new --out") from None
    return facts


def _below(kept: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {key.removeprefix(prefix): value for key, value in kept.items() if key.startswith(prefix)}
