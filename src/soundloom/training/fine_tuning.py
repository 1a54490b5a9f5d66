"""Fine-tuning: a training that begins with the weights of a trained model, on sounds with other labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from soundloom.checkpoints.checkpoint import load
from soundloom.conditions.schema import Category, Scalar, Schema, measured_names
from soundloom.contract import ConditionInput, DataSettings, System
from soundloom.data.index import Index
from soundloom.runtime.settings import override
from soundloom.systems.discovery import system_named
from soundloom.training.watcher import Watcher

Dense = Category | Scalar


@dataclass(frozen=True)
class Source:
    """The trained model that a training takes its weights from."""

    name: str
    digest: str
    system: System

    @classmethod
    def load(cls, model: str | Path, system: str) -> Source:
        """A shipped model or a run.

        Raises:
            ValueError: no such model, or one of another system.
        """
        found = load(model)
        if not isinstance(found.system, system_named(system)):
            raise ValueError(f"{model} is no {system}, so its weights fit no {system}; name the system that it is of")
        return cls(str(model), found.digest, found.system)

    @property
    def provenance(self) -> dict[str, str]:
        return {"name": self.name, "digest": self.digest}

    def settings(self, changes: Sequence[str]) -> DataSettings:
        """The model's settings with changes that leave representation and network as they are.

        Raises:
            ValueError: a change that contradicts the model.
        """
        config: DataSettings = self.system.config
        for change in changes:
            changed = override(config, [change], renamed=self.system.renamed_settings)
            other = type(self.system)(changed, self.system.representation, self.system.schema)
            same_clips = changed.representation == config.representation and other.samples == self.system.samples
            if not same_clips or _shapes(other) != _shapes(self.system):
                name = change.partition("=")[0]
                raise ValueError(
                    f"--set {change} contradicts {self.name}, whose representation and network stay as they are; "
                    f"leave {name} out, or train without --from"
                )
            config = changed
        return config

    def conditions_in(
        self, index: Index, config: DataSettings, watcher: Watcher
    ) -> tuple[tuple[str, ...] | None, tuple[str, ...]]:
        """Which conditions a folder can give: names for `propose_conditions`, and descriptors to measure.

        Those that were asked for; else those of the model that the folder has too.
        """
        if config.conditions != self.system.config.conditions:
            return config.conditions, ()
        measured = measured_names(self.system.schema)
        kept, dropped = [], []
        for condition in self.system.schema.conditions:
            if condition.name in measured:
                continue
            column = index.column(condition.name)
            if column is not None and len(index.values(column.name)) > 1:
                kept.append(f"{condition.name}:{condition.type}")
            else:
                dropped.append(condition.name)
        if dropped:
            watcher.message(f"{', '.join(dropped)} of {self.name} is no condition here: the folder has no such labels")
        return tuple(kept), measured

    @torch.no_grad()
    def copy_into(self, system: System) -> str:
        """Give a new system the model's weights, condition columns rearranged; returns what was kept, as a sentence."""
        new, old = system.state_dict(), self.system.state_dict()
        ours, theirs = ({each.weight: each for each in one.condition_inputs()} for one in (system, self.system))
        fresh = 0
        for name, value in new.items():
            if name.startswith("joint_distribution.") or not value.is_floating_point():
                continue
            if name in ours and name in theirs:
                before = old[name].to(value.dtype)
                value.copy_(rearranged(before, theirs[name], self.system.schema, value, ours[name], system.schema))
            elif name in old and old[name].shape == value.shape:
                value.copy_(old[name])
            elif name in old and (one := ours.get(name) or theirs.get(name)) is not None:  # one shortens its rows
                value.movedim(one.axis, -1)[..., : one.first] = old[name].movedim(one.axis, -1)[..., : one.first]
            elif not name.startswith(system.training_only or ("\0",)):
                fresh += value.numel()
        system.load_state_dict(new)
        weights = sum(value.numel() for value in new.values())
        kept = _kept(self.system.schema, system.schema)
        return f"weights of {self.name} ({1 - fresh / max(1, weights):.0%} of all); {kept}"


def rearranged(
    old: Tensor, old_input: ConditionInput, old_schema: Schema, new: Tensor, new_input: ConditionInput, schema: Schema
) -> Tensor:
    """A weight with its condition columns in the order of another schema.

    Values that both know keep their columns; a new value begins as the mean of the known ones; a number's columns are
    interpolated, since its code is linear; a condition that was not there before begins without effect.
    """
    matrix = column_map(old_schema, schema, new_input.layout).to(old)
    axis, made = new_input.axis, new.clone().movedim(new_input.axis, -1)
    before = old.movedim(old_input.axis, -1)
    columns, had = matrix.shape
    made[..., : new_input.first] = before[..., : old_input.first]
    made[..., new_input.first : new_input.first + columns] = (
        before[..., old_input.first : old_input.first + had] @ matrix.T
    )
    made[..., new_input.first + columns :] = before[..., old_input.first + had :]
    return made.movedim(-1, axis)


def column_map(old: Schema, new: Schema, layout: str) -> Tensor:
    """What each column of a new schema takes of each column of an old one, (new columns, old columns)."""
    widths = [sum(_width(condition, layout) for condition in schema.dense) for schema in (new, old)]
    matrix = torch.zeros(widths[0], widths[1])
    places, at = {}, 0
    for condition in old.dense:
        places[condition.name] = (condition, at)
        at += _width(condition, layout)
    row = 0
    for condition in new.dense:
        width = _width(condition, layout)
        before, column = places.get(condition.name, (None, 0))
        if before is not None and _same_kind(before, condition):
            block = _block(before, condition, layout)
            matrix[row : row + width, column : column + block.shape[1]] = block
        row += width
    return matrix


def _width(condition: Dense, layout: str) -> int:
    values = condition.width if layout == "rows" or isinstance(condition, Category) else 1
    return values if layout == "readings" else values + 1


def _same_kind(old: Dense, new: Dense) -> bool:
    if isinstance(old, Scalar) and isinstance(new, Scalar):
        return (old.measured is None) == (new.measured is None)
    return type(old) is type(new)


def _block(old: Dense, new: Dense, layout: str) -> Tensor:
    """The columns of one condition, (new, old), its flag last."""
    block = torch.zeros(_width(new, layout), _width(old, layout))
    if layout != "readings":
        block[-1, -1] = 1.0
    if isinstance(old, Category) and isinstance(new, Category):
        for row, value in enumerate(new.values):
            known = value in old.values
            block[row, : old.width] = torch.from_numpy(old.encode(value)) if known else 1 / old.width
    elif isinstance(old, Scalar) and isinstance(new, Scalar) and layout == "rows":
        for row, knot in enumerate(new.knots):
            block[row, : old.width] = torch.from_numpy(old.encode(_as_old(old, new, knot)))
    elif isinstance(old, Scalar) and isinstance(new, Scalar):  # from -1 at the low end to 1 at the high end
        low, high = (2 * (_as_old(old, new, end) - old.low) / (old.high - old.low) - 1 for end in (new.low, new.high))
        block[0, 0] = (high - low) / 2
        if layout == "values":
            block[1, 0] = (high + low) / 2
    return block


def _as_old(old: Scalar, new: Scalar, value: float) -> float:
    """A number of the new condition as the old one writes it: sliders of two training sets have two scales."""
    if old.measured is None or new.measured is None:
        return value
    return float(old.measured.slider(new.measured.zero + value * (new.measured.one - new.measured.zero)))


def _shapes(system: System) -> dict[str, torch.Size]:
    moved = {id(parameter) for stage in system.stages() for each in stage.objectives for parameter in each.moves()}
    return {name: weight.shape for name, weight in system.named_parameters() if id(weight) in moved}


def _kept(old: Schema, new: Schema) -> str:
    parts = []
    before = {condition.name: condition for condition in old.conditions}
    for condition in new.conditions:
        known = before.get(condition.name)
        if known is None:
            parts.append(f"{condition.name} is new")
        elif isinstance(condition, Category) and isinstance(known, Category):
            fresh = [value for value in condition.values if value not in known.values]
            parts.append(f"{condition.name} kept" + (f", new: {', '.join(fresh)}" if fresh else ""))
        else:
            parts.append(f"{condition.name} kept")
    return "; ".join(parts) or "no conditions"
