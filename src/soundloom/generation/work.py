"""A request made ready for its system, and the clips that it consists of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from soundloom.conditions.schema import Value
from soundloom.generation.checks import length_of, with_phase_of
from soundloom.generation.given_sounds import at_rate, cut_or_padded
from soundloom.generation.request import Request

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from soundloom.contract import System


class Work(NamedTuple):
    """A request made ready: sounds read and resampled, conditions in the model's spelling."""

    system: System
    request: Request
    asked: dict[str, Value]
    length: int
    prompt: Tensor | None
    like: tuple[Tensor, ...]
    remarks: tuple[str, ...]

    @classmethod
    def prepare(cls, system: System, request: Request) -> Work:
        rate = system.representation.sample_rate
        length = length_of(system, request)
        system = with_phase_of(system, request)
        remarks = [] if system.representation.remark is None else [system.representation.remark]
        prompt = None if request.prompt is None else at_rate(request.prompt, rate, remarks)
        if prompt is not None and prompt.shape[1] >= length:
            longer = f", or ask for more --seconds (up to {system.longest / rate:g})" if length < system.longest else ""
            raise ValueError(
                f"the prompt lasts {prompt.shape[1] / rate:.2f} s and the sound {length / rate:.2f} s, so nothing is "
                f"left to add; cut the prompt{longer}"
            )
        like = tuple(cut_or_padded(at_rate(sound, rate, remarks), system.samples) for sound in request.like)
        asked = system.schema.check(request.conditions)
        nearest = system.joint_distribution.far_from(asked)
        if nearest:
            remarks.append(
                f"no training sound is near the combination {_listed({name: asked[name] for name in nearest})}, so the "
                f"model has to guess; the nearest has {_listed(nearest)}"
            )
        return cls(system, request, asked, length, prompt, like, tuple(remarks))

    @property
    def samples(self) -> int:
        """To make in all, without those of the prompt."""
        return self.request.sounds * (self.length - (0 if self.prompt is None else self.prompt.shape[1]))

    def complete(self, rng: torch.Generator, step: int) -> dict[str, Value]:
        """The conditions of a clip: those that were asked for, a draw of the rest, and a step of a sweep."""
        given = self.like or self.prompt is not None  # then the sound decides the rest, not the training set
        whole = dict(self.asked) if given else self.system.joint_distribution.complete(self.asked, rng)
        sweep = self.request.sweep
        return whole if sweep is None else {**whole, sweep.name: sweep.values[step]}


class Clip(NamedTuple):
    """One clip of a request: depends on nothing but the request and its number."""

    work: Work
    number: int

    @property
    def sound(self) -> int:
        """Which of the request's sounds it is: the steps of a sweep share their draws."""
        return self.number // self.work.request.steps

    @property
    def step(self) -> int:
        """Of a sweep, from 0."""
        return self.number % self.work.request.steps

    @property
    def kind(self) -> tuple[object, ...]:
        """Equal for clips that one call can make: they may differ in seed and conditions alone."""
        work = self.work
        if len(work.like) == 2:
            return (id(work), self.sound)  # each has its own place on the path
        if work.like or work.prompt is not None:
            return (id(work),)
        return (work.length, work.request.temperature, work.request.options, work.request.phase)

    @property
    def distance(self) -> float:
        """How far from the first of two sounds, as a share of the way; else as asked."""
        request = self.work.request
        return self.sound / max(1, request.count - 1) if len(self.work.like) == 2 else request.distance


def _listed(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value:.2g}" for name, value in values.items())
