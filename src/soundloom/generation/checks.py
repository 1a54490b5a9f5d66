"""What a system can do, and what is asked of it: one check for every request."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

from soundloom.audio import Audio
from soundloom.conditions.sweep import Sweep
from soundloom.generation.request import Request

if TYPE_CHECKING:
    from soundloom.contract import System

LONGEST_COUNT = 1_000_000


def length_of(system: System, request: Request) -> int:
    """Samples of each sound of a request."""
    return system.samples if request.seconds is None else round(request.seconds * system.representation.sample_rate)


def check(system: System, request: Request) -> None:
    """Refuse what the system cannot do.

    Raises:
        ValueError: it cannot; the message states what it can do.
    """
    longest = system.longest / system.representation.sample_rate
    if system.unfinished is not None:
        raise ValueError(
            f"this model was stopped in its stage {system.unfinished!r}, before it can make sounds; go on training it "
            f"with --resume"
        )
    if not (_is_number(request.count, Integral) and 1 <= request.count <= LONGEST_COUNT):
        raise ValueError(f"count is {request.count!r} but must be 1 to {LONGEST_COUNT}; give a whole number")
    if request.seconds is not None and not (_is_number(request.seconds) and 0.01 <= request.seconds <= longest + 1e-9):
        raise ValueError(
            f"{_shown(request.seconds)} s was asked for but this model makes 0.01 to {longest:g} s; ask within it"
        )
    if not (_is_number(request.temperature) and 0 <= request.temperature <= 2):
        raise ValueError(
            f"temperature is {_shown(request.temperature)} but must be 0 to 2; 1 is the model's own variety"
        )
    if not (_is_number(request.distance) and 0 <= request.distance <= 2):
        raise ValueError(f"distance is {_shown(request.distance)} but must be 0 to 2; 0 is the sound itself")
    if not (_is_number(request.seed, Integral) and 0 <= request.seed < 2**63):
        raise ValueError(f"seed is {request.seed!r} but must be a whole number from 0 to 2^63 - 1; give one")
    if request.sweep is not None and not isinstance(request.sweep, Sweep):
        raise ValueError(f"sweep is {request.sweep!r} but must be a Sweep; Sweep.read makes one of a text")
    for name, named in (("conditions", request.conditions), ("options", request.options)):
        if not isinstance(named, Mapping):
            raise ValueError(f"{name} is {named!r} but must be names with values; give a dict")
    if not isinstance(request.like, tuple):
        raise ValueError(
            f"like is {request.like!r} but must be one sound or two; give a path, Audio or a tuple of them"
        )
    for sound in (*request.like, *(() if request.prompt is None else (request.prompt,))):
        if not isinstance(sound, Audio | Path | str):
            raise ValueError(f"{sound!r} was given as a sound but is not one; give the path of a file, or Audio")
    if request.prompt is not None and not system.continues:
        raise ValueError("this model cannot carry on from a prompt; leave --prompt out, or vary a sound with --like")
    if request.like and not system.resembles:
        raise ValueError("this model cannot vary a given sound; leave --like out")
    if len(request.like) > 2:
        raise ValueError(f"{len(request.like)} sounds to be like; give one to vary or two to go between")
    if request.like and request.prompt is not None:
        raise ValueError("a request carries on from a prompt or is like a sound, not both; leave one out")
    system.check_options(request.options)
    system.schema.check(request.conditions)
    if request.sweep is not None:
        request.sweep.check(system.schema, request.conditions)
    with_phase_of(system, request)


def check_jobs(jobs: int | None) -> None:
    """Refuse what is not a number of threads.

    Raises:
        ValueError: not a whole number from 1.
    """
    if jobs is not None and not (_is_number(jobs, Integral) and jobs >= 1):
        raise ValueError(f"jobs is {jobs!r} but must be a whole number from 1; leave it out for all processors")


def with_phase_of(system: System, request: Request) -> System:
    """The system, its weights shared, with the phase method that a request asks for.

    Raises:
        ValueError: it makes no spectrograms, or there is no such method.
    """
    if request.phase is None:
        return system
    from soundloom.generation.vocoder import with_phase

    if not isinstance(request.phase, str):
        raise ValueError(f"phase is {request.phase!r} but must be the name of a method; pghi is one")
    other = copy(system)  # other requests keep the system as it is
    other.representation = with_phase(system.representation, request.phase)
    if request.prompt is None:
        other.sampling_batch_size = max(system.sampling_batch_size, other.representation.sampling_batch_size)
    return other


def _is_number(value: Any, kind: type = Real) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool)


def _shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else repr(value)
