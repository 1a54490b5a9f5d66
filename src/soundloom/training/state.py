"""Everything that training needs to go on exactly where it was: one file, replaced whole."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.optim import Optimizer

from soundloom.checkpoints.checkpoint import tensors
from soundloom.contract import System
from soundloom.runtime.files import write_atomically

STATE = Path("progress") / "state.safetensors"


class State(NamedTuple):
    """What a state file holds."""

    path: Path
    kept: dict[str, Tensor]
    position: dict[str, Any]  # step, stage, seconds, precision, ...


def save(
    run: Path, system: System, average: System, optimizers: Mapping[str, Optimizer], position: Mapping[str, Any]
) -> None:
    """Write weights, their average, the state of the optimizers (by stage and objective) and `position`."""
    from safetensors.torch import save as to_bytes

    kept: dict[str, Tensor] = {}
    for part, owner in (("system", system), ("average", average)):
        kept |= {f"{part}.{key}": value for key, value in tensors(owner).items()}
    for name, optimizer in optimizers.items():
        for number, values in optimizer.state_dict()["state"].items():
            for key, value in values.items():
                kept[f"optimizer.{name}.{number}.{key}"] = torch.as_tensor(value).detach().cpu().clone().contiguous()
    write_atomically(run / STATE, to_bytes(kept, metadata={"position": json.dumps(position)}))


def read(run: Path) -> State:
    """The state in a run folder.

    Raises:
        ValueError: there is none, it is damaged, or an earlier version wrote it.
    """
    from safetensors import SafetensorError, safe_open

    path = run / STATE
    if not path.is_file():
        raise ValueError(f"{run} has no {STATE} to go on from; train without --resume")
    kept: dict[str, Tensor] = {}
    try:
        with safe_open(str(path), framework="pt") as file:
            position: dict[str, Any] = json.loads((file.metadata() or {}).get("position", "{}"))
            for key in file.keys():  # noqa: SIM118 - not a dictionary
                kept[key] = file.get_tensor(key)
    except (SafetensorError, json.JSONDecodeError, OSError) as error:
        raise ValueError(f"{path} is damaged ({error}), so training cannot go on; start a new --out") from None
    if "stage" not in position:
        raise ValueError(
            f"{path} was written by an earlier version, so training cannot go on exactly; generate from {run} as it "
            f"is, or train further into a new --out with --from {run}"
        )
    return State(path, kept, position)


def restore(state: State, system: System, average: System, optimizers: Mapping[str, Optimizer]) -> None:
    """Put a saved state back.

    Raises:
        ValueError: it is of another training.
    """
    try:
        for part, owner in (("system", system), ("average", average)):
            owner.load_state_dict(_below(state.kept, f"{part}."))
        for name, optimizer in optimizers.items():
            values: dict[int, dict[str, Tensor]] = {}
            for key, value in _below(state.kept, f"optimizer.{name}.").items():
                number, _, what = key.partition(".")
                values.setdefault(int(number), {})[what] = value
            optimizer.load_state_dict({**optimizer.state_dict(), "state": values})
    except (RuntimeError, ValueError, KeyError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(
            f"{state.path} is of another training ({reason}); name its own run, or start a new --out"
        ) from None


def _below(kept: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {key.removeprefix(prefix): value for key, value in kept.items() if key.startswith(prefix)}
