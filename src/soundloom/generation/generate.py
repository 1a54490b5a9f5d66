"""One door for all generation: a request is checked, completed and sampled, a few clips in each call of the system.

The command, the Python API, previews and tests all come through here. Clip i of a request draws from its own stream
(seed, i), on one thread: the same request gives the same bytes, whatever the number of clips, groups or workers.
"""

from __future__ import annotations

import hashlib
import math
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from copy import copy
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import groupby, islice
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from soundloom.audio import Audio, mix_down, read, resample
from soundloom.checkpoints.checkpoint import Checkpoint
from soundloom.checkpoints.checkpoint import load as load_checkpoint
from soundloom.conditions.schema import Value
from soundloom.conditions.sweep import Sweep
from soundloom.generation.batching import Pace, group_sizes, groups_ahead, make_in_order, most_together
from soundloom.runtime.files import printable
from soundloom.runtime.generators import stream
from soundloom.runtime.processors import available_processors
from soundloom.runtime.settings import from_json

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from soundloom.contract.system import System

Sounds = Audio | Path | str
OnProgress = Callable[[float, float], None]  # told (seconds of sound made, seconds to make)
LONGEST_COUNT = 1_000_000


@dataclass(frozen=True)
class Request:
    """What a person asks of a model.

    Args:
        count: sounds to make.
        seconds: length of each; None is the model's own.
        conditions: what to ask for; what is left out is drawn as the training set has it.
        prompt: a sound to carry on from; its samples stay as they are.
        like: one sound to vary, or two to go between in `count` steps; one need not be in a tuple.
        distance: how far variations go: 0 is the sound itself, 1 as far as training sounds lie apart.
        temperature: 1 is the model's own variety, less is safer, 0 gives the most typical.
        seed: another seed, other sounds.
        options: settings that only one system has, see `Model.options`.
        phase: how a model that makes spectrograms finds their phase, such as "pghi" or "wavenet:runs/voice", a vocoder
            of yours; None is the model's own way.
        sweep: each of the `count` sounds is made once for every step of it, with the same draws and all other
            conditions the same.
    """

    count: int = 8
    seconds: float | None = None
    conditions: dict[str, Value] = field(default_factory=dict)
    prompt: Sounds | None = None
    like: tuple[Sounds, ...] = ()
    distance: float = 0.5
    temperature: float = 1.0
    seed: int = 0
    options: dict[str, Any] = field(default_factory=dict)
    phase: str | None = None
    sweep: Sweep | None = None

    @property
    def sounds(self) -> int:
        """How many are made: those of `count`, each with every step of a sweep."""
        return self.count * self.steps

    @property
    def steps(self) -> int:
        """Of a sweep, that each sound is made with; 1 without one."""
        return 1 if self.sweep is None else self.sweep.steps

    def __post_init__(self) -> None:
        if isinstance(self.like, Audio | Path | str):
            object.__setattr__(self, "like", (self.like,))
        elif isinstance(self.like, list):
            object.__setattr__(self, "like", tuple(self.like))


class Made(NamedTuple):
    """A generated sound, the conditions it was made with, and what the caller should know about it."""

    audio: Audio
    conditions: dict[str, Value]
    remarks: tuple[str, ...]


class Model:
    """A trained model, ready to make sounds."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self.checkpoint = checkpoint
        self.name, self.digest = checkpoint.name, checkpoint.digest

    @property
    def system(self) -> System:
        return self.checkpoint.system

    @property
    def sample_rate(self) -> int:
        """Of what it makes, in Hz."""
        return self.system.representation.sample_rate

    @property
    def seconds(self) -> float:
        """Length of a clip; a sound has it unless another is asked for."""
        return self.system.samples / self.sample_rate

    @property
    def longest_seconds(self) -> float:
        """The longest that a sound can be."""
        return self.system.longest / self.sample_rate

    @property
    def conditions(self) -> dict[str, str]:
        """What can be asked for, with its values or range."""
        return {condition.name: condition.describe() for condition in self.system.schema.conditions}

    @property
    def options(self) -> dict[str, str]:
        """Sampling settings that only this system has, with a sentence each."""
        return self.system.sampling_options()

    def generate(self, request: Request | None = None, *, jobs: int | None = None, **asked: Any) -> list[Audio]:
        """Make sounds: `model.generate(count=4, conditions={"kind": "snare"}, seed=7)`.

        Raises:
            ValueError: the model cannot do what was asked; the message says what it can do.
            KeyboardInterrupt: Ctrl-C, at once; to keep what is done, give `stream` a `stop`.
        """
        if request is not None and asked:
            raise ValueError(
                f"a request and {', '.join(asked)} besides it were given, and only one can hold; "
                f"put all into the Request, or leave it out"
            )
        return [made.audio for made in self.stream(Request(**asked) if request is None else request, jobs)]

    def stream(
        self,
        request: Request | Sequence[Request],
        jobs: int | None = None,
        *,
        on_progress: OnProgress | None = None,
        stop: threading.Event | None = None,
    ) -> Generator[Made, None, None]:
        """As `generate`, one sound after another in order, few of them in memory at a time.

        Args:
            request: or several, whose sounds come one after another and are made together where that is quicker.
            jobs: threads; None takes all processors. The bytes do not depend on it.
            on_progress: told the seconds of sound that are made and those to make, over all sounds; from the threads
                that make them, one call at a time.
            stop: set it to end early: sounds under way come as far as they are, with a remark, and none is begun.

        Whoever does not read to the end closes what is returned, or lets go of it: work under way then ends too.
        """
        return stream_of(self.system, request, jobs, on_progress=on_progress, stop=stop)


def load(model: str | Path) -> Model:
    """A shipped model by name, or a run folder."""
    return Model(load_checkpoint(model))


def stream_of(
    system: System,
    request: Request | Sequence[Request],
    jobs: int | None = None,
    *,
    on_progress: OnProgress | None = None,
    stop: threading.Event | None = None,
) -> Generator[Made, None, None]:
    """Check requests against a system, then make their sounds, in order; see `Model.stream`."""
    requests = (request,) if isinstance(request, Request) else tuple(request)
    if not requests:
        raise ValueError("no requests were given; give one or more")
    for each in requests:
        check(system, each)
    if jobs is not None and not (_is_number(jobs, Integral) and jobs >= 1):
        raise ValueError(f"jobs is {jobs!r} but must be a whole number from 1; leave it out for all processors")
    works = [_Work.prepare(system, each) for each in requests]
    rate = system.representation.sample_rate
    tell = None if on_progress is None else lambda done, everything: on_progress(done / rate, everything / rate)
    return _made(works, jobs, Pace(sum(work.samples for work in works), tell, stop))


def length_of(system: System, request: Request) -> int:
    """Samples of each sound of a request."""
    return system.samples if request.seconds is None else round(request.seconds * system.representation.sample_rate)


def check(system: System, request: Request) -> None:
    """Refuse what the system cannot do.

    Raises:
        ValueError: says what it can do.
    """
    longest = system.longest / system.representation.sample_rate
    if not (_is_number(request.count, Integral) and 1 <= request.count <= LONGEST_COUNT):
        raise ValueError(f"count is {request.count!r} but must be 1 to {LONGEST_COUNT}; give a whole number")
    if request.seconds is not None and not (_is_number(request.seconds) and 0.01 <= request.seconds <= longest + 1e-9):
        raise ValueError(
            f"{_said(request.seconds)} s was asked for but this model makes 0.01 to {longest:g} s; ask within it"
        )
    if not (_is_number(request.temperature) and 0 <= request.temperature <= 2):
        raise ValueError(
            f"temperature is {_said(request.temperature)} but must be 0 to 2; 1 is the model's own variety"
        )
    if not (_is_number(request.distance) and 0 <= request.distance <= 2):
        raise ValueError(f"distance is {_said(request.distance)} but must be 0 to 2; 0 is the sound itself")
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
            raise ValueError(f"{sound!r} was given as a sound but is none; give the path of a file, or Audio")
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
    _sounding(system, request)


def _sounding(system: System, request: Request) -> System:
    """The system, its weights shared, with the way from spectrograms to sounds that a request asks for.

    Raises:
        ValueError: it makes no spectrograms, or there is no such way.
    """
    if request.phase is None:
        return system
    from soundloom.generation.vocoder import with_phase

    if not isinstance(request.phase, str):
        raise ValueError(f"phase is {request.phase!r} but must be the name of a method; pghi is one")
    other = copy(system)  # whoever else has the system goes on as before
    other.representation = with_phase(system.representation, request.phase)
    if request.prompt is None:
        other.together = max(system.together, getattr(other.representation, "together", 1))
    return other


def _is_number(value: Any, kind: type = Real) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool)


def _listed(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value:.2g}" for name, value in values.items())


def _said(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else repr(value)


class _Work(NamedTuple):
    """A request made ready: sounds read and resampled, conditions in the model's spelling."""

    system: System
    request: Request
    asked: dict[str, Value]
    length: int
    prompt: Tensor | None
    like: tuple[Tensor, ...]
    remarks: tuple[str, ...]

    @classmethod
    def prepare(cls, system: System, request: Request) -> _Work:
        rate = system.representation.sample_rate
        length = length_of(system, request)
        system = _sounding(system, request)
        said = getattr(system.representation, "remark", None)
        remarks: list[str] = [] if said is None else [said]
        prompt = None if request.prompt is None else _heard(request.prompt, rate, remarks)
        if prompt is not None and prompt.shape[1] >= length:
            longer = f", or ask for more --seconds (up to {system.longest / rate:g})" if length < system.longest else ""
            raise ValueError(
                f"the prompt lasts {prompt.shape[1] / rate:.2f} s and the sound {length / rate:.2f} s, so nothing is "
                f"left to add; cut the prompt{longer}"
            )
        like = tuple(_fitted(_heard(sound, rate, remarks), system.samples) for sound in request.like)
        asked = system.schema.check(request.conditions)
        nearest = system.joint.far_from(asked)
        if nearest:
            remarks.append(
                f"no training sound is near {_listed({name: asked[name] for name in nearest})} together, so the model "
                f"is on its own; the nearest has {_listed(nearest)}"
            )
        return cls(system, request, asked, length, prompt, like, tuple(remarks))

    @property
    def samples(self) -> int:
        """To make in all: without those of the prompt."""
        return self.request.sounds * (self.length - (0 if self.prompt is None else self.prompt.shape[1]))

    def complete(self, rng: torch.Generator, step: int) -> dict[str, Value]:
        """The conditions of a clip: those that were asked for, a draw of the rest, and a step of a sweep."""
        given = self.like or self.prompt is not None  # then the sound says the rest, not the training set
        whole = dict(self.asked) if given else self.system.joint.complete(self.asked, rng)
        sweep = self.request.sweep
        return whole if sweep is None else {**whole, sweep.name: sweep.values[step]}


class _Clip(NamedTuple):
    """One clip of a request: depends on nothing but the request and its number."""

    work: _Work
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


def _made(works: Sequence[_Work], jobs: int | None, pace: Pace) -> Generator[Made, None, None]:
    """The clips of all works in order, made in groups and threads."""
    count = sum(work.request.sounds for work in works)
    workers = min(count, jobs or available_processors())
    longest = max(work.length for work in works)
    most = most_together(max(work.system.at_once(work.request.options) for work in works), longest, workers)
    clips = (_Clip(work, number) for work in works for number in range(work.request.sounds))
    groups = (
        list(alike)
        for size in group_sizes(count, workers, most)
        for _, alike in groupby(islice(clips, size), key=lambda clip: clip.kind)
    )
    ahead = groups_ahead(most, longest, workers)
    return make_in_order(partial(_make, pace), groups, workers, ahead, pace)


def _make(pace: Pace, clips: Sequence[_Clip]) -> list[Made]:
    """Make clips of one kind in one call; none where the system was stopped before it made anything."""
    work = clips[0].work
    system, rate = work.system, work.system.representation.sample_rate
    rngs = [stream(clip.work.request.seed, clip.sound) for clip in clips]
    conditions = [clip.work.complete(rng, clip.step) for clip, rng in zip(clips, rngs, strict=True)]
    given = 0 if work.prompt is None else work.prompt.shape[1]
    progress = pace.progress(len(clips), given)
    remarks = list(work.remarks)
    made = system.sample(
        work.length,
        conditions=conditions,
        prompt=work.prompt,
        like=work.like,
        distance=clips[0].distance,
        temperature=work.request.temperature,
        rngs=rngs,
        report=remarks.append,
        progress=progress,
        options=work.request.options,
    )
    samples = made.shape[-1]
    progress(samples)
    assert samples == work.length or not pace.goes_on, "a system may deliver less only when it was told to stop"
    if samples <= given:
        return []
    if samples < work.length:
        remarks.append(cut_short(samples, work.length, rate))
    return [
        Made(Audio(clip.numpy(), rate), asked, tuple(remarks)) for clip, asked in zip(made, conditions, strict=True)
    ]


def cut_short(samples: int, length: int, rate: int) -> str:
    """What is said of a sound that was stopped before it was whole."""
    return f"stopped at {samples / rate:.2f} of {length / rate:g} s"


def _heard(sound: Sounds, rate: int, remarks: list[str]) -> Tensor:
    """A given sound, mono at the model's rate, (1, time); what had to be changed is said."""
    import torch

    audio = sound if isinstance(sound, Audio) else read(Path(sound))
    name = "the given sound" if isinstance(sound, Audio) else printable(Path(sound).name)
    if not audio.samples.size or not math.isfinite(audio.peak):
        raise ValueError(f"{name}: no samples, or some that are no numbers; give another prompt or sound to be like")
    if audio.channels != 1:
        remarks.append(f"{name}: {audio.channels} channels mixed down to one")
        audio = mix_down(audio)
    if audio.sample_rate != rate:
        remarks.append(f"{name}: resampled from {audio.sample_rate} to {rate} Hz, the model's rate")
        audio = resample(audio, rate)
    return torch.from_numpy(audio.samples.copy())


def _fitted(sound: Tensor, samples: int) -> Tensor:
    import torch

    return torch.nn.functional.pad(sound[:, :samples], (0, max(0, samples - sound.shape[1])))


def fingerprint(path: Path | str) -> str:
    """A short hash of a file's bytes, so that a request knows whether its prompt is still the same."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:16]


def plain(request: Request) -> dict[str, Any]:
    """A request as JSON values, with the fingerprints of the sounds that it names.

    Raises:
        ValueError: it holds audio that is in no file.
    """
    given: tuple[Sounds, ...] = (*request.like, *(() if request.prompt is None else (request.prompt,)))
    if any(isinstance(sound, Audio) for sound in given):
        raise ValueError("a request that holds audio in memory cannot be written down; name a file instead")
    return {
        "count": int(request.count),
        "seconds": None if request.seconds is None else float(request.seconds),
        "conditions": dict(request.conditions),
        "prompt": None if request.prompt is None else str(request.prompt),
        "like": [str(sound) for sound in request.like],
        "distance": float(request.distance),
        "temperature": float(request.temperature),
        "seed": int(request.seed),
        "options": dict(request.options),
        "sounds": {str(sound): fingerprint(str(sound)) for sound in given},
        **_plain_phase(request.phase),
        **({} if request.sweep is None else {"sweep": asdict(request.sweep)}),
    }


def _plain_phase(phase: str | None) -> dict[str, Any]:
    """Nothing where none is asked for, as before there was a choice; of a vocoder also its digest."""
    if phase is None:
        return {}
    from soundloom.generation.vocoder import names_vocoder, vocoder_named

    return {"phase": phase, **({"vocoder": vocoder_named(phase).digest} if names_vocoder(phase) else {})}


def unplain(data: Mapping[str, Any], where: str) -> Request:
    """The request that `plain` wrote.

    Raises:
        ValueError: not a request, or a sound or a vocoder that it names has changed or gone.
    """
    try:
        request = Request(
            count=int(data["count"]),
            seconds=None if data["seconds"] is None else float(data["seconds"]),
            conditions=dict(data["conditions"]),
            prompt=None if data["prompt"] is None else _text(data["prompt"]),
            like=tuple(_text(sound) for sound in data["like"]),
            distance=float(data["distance"]),
            temperature=float(data["temperature"]),
            seed=int(data["seed"]),
            options=dict(data["options"]),
            phase=None if data.get("phase") is None else _text(data["phase"]),
            sweep=None if data.get("sweep") is None else from_json(Sweep, data["sweep"]),
        )
        sounds = dict(data["sounds"])
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{where} is not a request that soundloom wrote ({error}); name a request.json") from None
    for path, expected in sounds.items():
        if not Path(path).is_file():
            raise ValueError(f"{where} names the sound {path}, which is not there; run it where it was made")
        if fingerprint(path) != expected:
            raise ValueError(f"{path} has changed since {where} was written, so the sounds would differ; put it back")
    if _plain_phase(request.phase).get("vocoder") != data.get("vocoder"):
        raise ValueError(
            f"{request.phase} has changed since {where} was written, so the sounds would differ; put it back"
        )
    return request


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value
