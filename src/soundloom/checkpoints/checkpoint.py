"""A checkpoint: config.json and weights.safetensors, all that generation needs. Nothing in it is executed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from soundloom.checkpoints.hub import HUB, download
from soundloom.runtime.files import read_json, write_atomically, write_json
from soundloom.runtime.settings import from_json, nearest, to_json

if TYPE_CHECKING:
    from torch import Tensor

    from soundloom.contract import System

CONFIG, WEIGHTS, CARD = "config.json", "weights.safetensors", "README.md"
FORMAT = 1
SHIPPED = Path(__file__).parent.parent / "models"


@dataclass(frozen=True)
class Checkpoint:
    """A trained system and where it came from."""

    name: str
    path: Path
    system: System
    digest: str  # of config and weights: two models with the same digest make the same sounds


def shipped() -> tuple[str, ...]:
    """Names of the models that come with the package."""
    return tuple(sorted(path.parent.name for path in SHIPPED.glob(f"*/{WEIGHTS}")))


def locate(model: str | Path) -> Path:
    """The folder of a model: a run folder, a shipped model's name, or hf://owner/name on the Hugging Face hub.

    Raises:
        ValueError: none of these.
    """
    if str(model).startswith(HUB):
        return download(str(model), (CONFIG, WEIGHTS, CARD))
    path = Path(model)
    if (path / CONFIG).is_file():
        return path
    if str(model) in shipped():
        return SHIPPED / str(model)
    if path.is_dir():
        raise ValueError(f"{path} holds no {CONFIG}, so it is no run folder; train into it, or name another")
    raise ValueError(
        f"no model {str(model)!r}: neither a run folder nor a shipped model; {nearest(str(model), shipped())}"
    )


def describe(system: System, name: str) -> dict[str, Any]:
    """Everything about a system except its weights, as JSON values."""
    from soundloom import __version__
    from soundloom.representations import describe as describe_representation

    unfinished = {} if system.unfinished is None else {"unfinished": system.unfinished}
    return {
        "format": FORMAT,
        "soundloom": __version__,
        "system": name,
        "settings": to_json(system.config),
        "representation": describe_representation(system.representation),
        "schema": to_json(system.schema),
        **unfinished,
    }


def build(description: Mapping[str, Any], where: str = CONFIG) -> System:
    """The untrained system that `describe` described.

    Raises:
        ValueError: written by a newer version, or not by soundloom at all.
    """
    from soundloom.conditions.schema import Schema
    from soundloom.representations import build as build_representation
    from soundloom.systems.discovery import system_named

    try:
        version, name = description["format"], description["system"]
        settings, representation = description["settings"], description["representation"]
        schema = from_json(Schema, description["schema"], where=where)
    except (KeyError, TypeError, AttributeError):
        raise ValueError(f"{where} does not describe a soundloom model; name a folder that soundloom trained") from None
    if version != FORMAT:
        raise ValueError(f"{where} has format {version} but this version reads {FORMAT}; update soundloom")
    try:
        kind = system_named(str(name))
        renamed = {kind.renamed_settings.get(key, key): value for key, value in settings.items()}
        system = kind(from_json(kind.Config, renamed), build_representation(representation), schema)
        system.unfinished = description.get("unfinished")
        return system
    except (ValueError, TypeError, LookupError, ArithmeticError, AttributeError, RuntimeError, MemoryError) as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(
            f"{where} describes no model that can be built ({reason}); restore it or train again"
        ) from None


def save(folder: Path, system: System, name: str, half: bool = False) -> None:
    """Write a checkpoint; each file is replaced whole. `half` stores the weights in 16 bits, at half the size."""
    from safetensors.torch import save as to_bytes

    write_json(folder / CONFIG, describe(system, name))
    kept = {key: value for key, value in tensors(system, half).items() if not key.startswith(system.training_only)}
    write_atomically(folder / WEIGHTS, to_bytes(kept))


def _renamed(key: str, renamed: Mapping[str, str]) -> str:
    """The name of a weight now, where it begins with a name of an earlier version."""
    for before, now in renamed.items():
        if key.startswith(before):
            return now + key.removeprefix(before)
    return key


def tensors(system: System, half: bool = False) -> dict[str, Tensor]:
    """The state of a system as tensors that share no memory."""
    kept = {}
    for key, value in system.state_dict().items():
        tensor = value.detach().cpu().clone().contiguous()
        kept[key] = tensor.half() if half and tensor.is_floating_point() and tensor.numel() > 4096 else tensor
    return kept


def load(model: str | Path) -> Checkpoint:
    """Read a checkpoint, ready to sample.

    Raises:
        ValueError: no such model, or one that is damaged, incomplete or not ours; the message names the file.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load as from_bytes

    folder = locate(model)
    config = read_json(folder / CONFIG)
    system = build(config, where=str(folder / CONFIG))
    weights = folder / WEIGHTS
    try:
        content = weights.read_bytes()
        state = {
            _renamed(key, system.renamed_weights): value.float() if value.is_floating_point() else value
            for key, value in from_bytes(content).items()
        }
    except OSError:
        raise ValueError(f"{folder} holds no readable {WEIGHTS}; training had not saved yet, or it was moved") from None
    except SafetensorError as error:
        raise ValueError(f"{weights} is damaged ({error}); copy it again, or go on training with --resume") from None
    unread = {key: value for key, value in system.state_dict().items() if key.startswith(system.training_only)}
    try:
        system.load_state_dict(unread | state)
    except RuntimeError as error:
        first = (str(error).splitlines()[1:2] or [str(error)])[0].strip()
        raise ValueError(
            f"{weights} does not fit {folder / CONFIG} ({first[:120]}); both must be of one run: copy them again"
        ) from None
    text = json.dumps(config, sort_keys=True).encode()
    digest = hashlib.sha256(text + hashlib.sha256(content).digest()).hexdigest()[:16]
    return Checkpoint(folder.resolve().name, folder, system.eval(), digest)
