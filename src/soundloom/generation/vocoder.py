"""Phase methods by name, among them trained vocoders: `wavenet:RUN` makes sound from a spectrogram.

A vocoder is a system that was trained to make samples from the frames of a mel spectrogram. For any other spectrogram,
the frames are computed from a draft: the sound that the spectrogram's own phase method makes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import ClassVar

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Generator, Tensor

from soundloom.audio import Audio, resample
from soundloom.checkpoints.checkpoint import CONFIG, WEIGHTS, load, locate
from soundloom.contract import System
from soundloom.representations import MelSpectrogram
from soundloom.representations.clip_by_clip import own_memory
from soundloom.representations.protocol import Representation
from soundloom.representations.spectral import Logarithmic, Spectral
from soundloom.runtime.files import read_json
from soundloom.runtime.generators import child, generator
from soundloom.runtime.progress import Progress
from soundloom.systems.discovery import system_names


@dataclass(frozen=True)
class Vocoder:
    """A trained system that makes the sound of mel frames."""

    name: str  # of its run
    system: System
    mel: MelSpectrogram  # whose frames it was trained on
    digest: str  # of config and weights: two with the same digest make the same sounds


@dataclass(frozen=True)
class Vocoded(Spectral):
    """Another spectrogram, encoded as it is, whose sound is made by a vocoder.

    The sound is as loud as the frames are; nothing is normalised.
    """

    kind: ClassVar[str] = "vocoded"

    spectrogram: Spectral = field(kw_only=True)
    vocoder: Vocoder = field(kw_only=True)

    @classmethod
    def of(cls, spectrogram: Spectral, vocoder: Vocoder) -> Vocoded:
        """The spectrogram with its sound made by the vocoder."""
        return cls(
            spectrogram.sample_rate,
            spectrogram.n_fft,
            spectrogram.hop,
            spectrogram=spectrogram,
            vocoder=vocoder,
        )

    @property
    def sampling_batch_size(self) -> int:
        return self.vocoder.system.sampling_batch_size

    @property
    def direct(self) -> bool:
        """Whether the vocoder was trained on this spectrogram, except perhaps for the range of its levels."""
        return isinstance(self.spectrogram, MelSpectrogram) and _bands(self.spectrogram) == _bands(self.vocoder.mel)

    @property
    def remark(self) -> str | None:
        """What is done to a spectrogram that the vocoder was not trained on."""
        if self.direct:
            return None
        mel, phase = self.vocoder.mel, getattr(self.spectrogram, "phase", "none")
        lost = mel.sample_rate < self.sample_rate
        return (
            f"{self.vocoder.name} takes {mel.bands} mel bands at {mel.sample_rate} Hz, which were computed from a "
            f"draft by {phase}{f'; nothing above {mel.sample_rate / 2:g} Hz is left' if lost else ''}"
        )

    def encode(self, audio: Tensor) -> Tensor:
        return self.spectrogram.encode(audio)

    def decode(self, x: Tensor, rng: Generator | None = None) -> Tensor:
        return self.decode_each(x, [rng or generator(0)] * len(x))

    def decode_each(self, x: Tensor, rngs: Sequence[Generator], progress: Progress | None = None) -> Tensor:
        """As `decode`, each clip with its own generator; a batch takes less time than its clips one by one."""
        samples, (clips, channels) = self.samples(x.shape[-1]), x.shape[:2]
        frames_of_clips, own = [], []
        for clip, rng in zip(x.detach().cpu(), rngs, strict=True):
            frames_of_clips.append(self._frames(own_memory(clip[None]), rng))
            own += [child(rng) for _ in range(channels)]
        mel = self.vocoder.mel
        frames = rearrange(torch.cat(frames_of_clips), "clip channel band frame -> (clip channel) band frame")
        length = math.ceil(samples * mel.sample_rate / self.sample_rate)

        def vocoding(fraction: float, done: int, /) -> bool:
            return progress is None or progress(fraction, done * self.sample_rate // mel.sample_rate)

        made = self.vocoder.system.vocode(frames, length, own, vocoding)
        sound = _resampled(made, mel.sample_rate, self.sample_rate)[..., :samples]
        if made.shape[-1] == length:  # not stopped
            sound = F.pad(sound, (0, samples - sound.shape[-1]))
        return rearrange(sound, "(clip channel) 1 time -> clip channel time", clip=clips).to(x.device)

    def _frames(self, x: Tensor, rng: Generator) -> Tensor:
        """The vocoder's frames for one spectrogram."""
        mel = self.vocoder.mel
        if self.direct and isinstance(self.spectrogram, Logarithmic):
            return mel.to_level(self.spectrogram.from_level(x))  # its floor and range may be others
        draft = self.spectrogram.decode(x, rng)
        return mel.encode(_resampled(draft[0], self.sample_rate, mel.sample_rate)[None])


def with_phase(representation: Representation, method: str) -> Representation:
    """The same representation with another phase method, or with a vocoder in its place.

    Args:
        representation: a spectrogram that does not keep the phase.
        method: see `representations/phase/`; or SYSTEM:RUN, as wavenet:runs/voice.

    Raises:
        ValueError: it keeps the phase, the method is unknown, or the run is no vocoder.
    """
    if not is_dataclass(representation) or "phase" not in {each.name for each in fields(representation)}:
        kind = getattr(representation, "kind", type(representation).__name__)
        raise ValueError(f"representation {kind!r} keeps the phase, so none has to be found; leave --phase out")
    if names_vocoder(method):
        assert isinstance(representation, Spectral)
        return Vocoded.of(representation, vocoder_named(method))
    changed: Representation = replace(representation, phase=method)
    return changed


def names_vocoder(method: str) -> bool:
    """Whether a phase method's name is that of a trained system."""
    return method.partition(":")[0] in system_names()


def vocoder_named(method: str) -> Vocoder:
    """The vocoder that SYSTEM:RUN names; read again only when its files have changed.

    Raises:
        ValueError: no such run, one of another system, or one that takes no spectrogram.
    """
    system, _, run = method.partition(":")
    if not run:
        raise ValueError(f"phase method {method!r} does not name a vocoder; give its run, as {system}:runs/vocoder")
    folder = locate(run)
    stamps = tuple((folder / name).stat().st_mtime_ns for name in (CONFIG, WEIGHTS) if (folder / name).exists())
    return _loaded(system, folder, stamps)


@lru_cache(maxsize=2)
def _loaded(system: str, folder: Path, stamps: tuple[int, ...]) -> Vocoder:
    found = load(folder)
    trained = str(read_json(folder / CONFIG)["system"])
    if trained != system:
        raise ValueError(
            f"{folder} is a run of {trained}, not of {system}; name a run of {system}, or leave --phase out"
        )
    mel = found.system.vocodes
    preset = found.system.vocoder_preset
    if mel is None and preset is None:
        raise ValueError(
            f"{folder} is a run of {system}, which takes no spectrogram; name a phase method, such as pghi"
        )
    if mel is None:
        raise ValueError(
            f"{folder} was trained without frames, so it takes no spectrogram; train one with --preset {preset}"
        )
    assert isinstance(mel, MelSpectrogram)
    return Vocoder(found.name, found.system, mel, found.digest)


def _bands(mel: MelSpectrogram) -> tuple[object, ...]:
    return (mel.stft, mel.bands, mel.scale, mel.norm, mel.low_hz, mel.top_hz)


def _resampled(sound: Tensor, rate: int, wanted: int) -> Tensor:
    """Sounds (..., time) at another rate, each by itself."""
    if rate == wanted:
        return sound
    rows = [resample(Audio(row.numpy(), rate), wanted).samples[0] for row in sound.flatten(0, -2)]
    return torch.stack([torch.from_numpy(row) for row in rows]).reshape(*sound.shape[:-1], -1)
