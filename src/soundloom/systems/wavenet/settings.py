"""Settings of the WaveNet, and its presets.

The paper publishes the structure of the network and its receptive fields, but no widths, no numbers of layers for a
task and no optimizer; the widths here are ours unless a preset's comment gives a source.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any

from soundloom.contract import Augmentation, DataSettings

PREDICTABLE = ("mulaw", "pcm")  # kinds of representation
BITS = 16  # of pcm
MOST_LAYERS = 16  # of a cycle: the last one's dilation is 32,768
GENTLE = Augmentation(gain_db=6.0)


def mulaw(sample_rate: int) -> dict[str, Any]:
    """256 classes, as in the paper."""
    return {"kind": "mulaw", "sample_rate": sample_rate, "levels": 256}


def read_representation(before: dict[str, Any], given: Any) -> dict[str, Any]:
    """Complete the settings of a representation, from its name or from some of them, at the previous sample rate.

    Raises:
        ValueError: an unknown name or setting, or neither mu-law classes nor 16-bit levels.
    """
    from soundloom.representations import PCM, build, describe

    if isinstance(given, str):
        given = {"kind": given}
    if not isinstance(given, dict) or given.get("kind") not in PREDICTABLE:
        kind = given.get("kind") if isinstance(given, dict) else given
        raise ValueError(
            f"representation is {kind!r} but wavenet predicts samples: use mulaw (256 classes) or pcm (16-bit levels)"
        )
    made = build({"sample_rate": before["sample_rate"], **given})
    if isinstance(made, PCM) and made.bits != BITS:
        raise ValueError(f"bits is {made.bits} but must be {BITS} for the mixture; use mulaw with fewer levels instead")
    return describe(made)


def read_frames(before: dict[str, Any] | None, given: Any) -> dict[str, Any] | None:
    """Complete the settings of the mel spectrogram that conditions a vocoder, or None for no vocoder.

    Levels are always 0 at the floor and 1 at the peak, as the network takes them.

    Raises:
        ValueError: not a mel spectrogram.
    """
    from soundloom.representations import MelSpectrogram, build, describe, named

    if given is None:
        return None
    kind = given.get("kind", "mel") if isinstance(given, dict) else given
    if not isinstance(kind, str) or not kind.startswith("mel"):
        raise ValueError(f"frames is {kind!r} but a vocoder here takes mel spectrograms; try frames=mel, or null")
    if isinstance(given, dict):
        made = build({**(before or {}), "kind": "mel", **given})
    else:
        made = named(kind, (before or {}).get("sample_rate", 16000))
    assert isinstance(made, MelSpectrogram)
    return describe(replace(made, output="unit"))


@dataclass(frozen=True)
class Context:
    """A second stack, narrower and slower, whose output conditions the first (paper, section 2.6).

    It sees one frame for each `stride` samples, so a few layers reach far back.
    """

    stride: int = 128  # samples of a frame
    cycles: int = 1
    layers_per_cycle: int = 6
    channels: int = 32

    def __post_init__(self) -> None:
        for name, least, usual in (
            ("stride", 2, 128),
            ("cycles", 1, 1),
            ("layers_per_cycle", 1, 6),
            ("channels", 1, 32),
        ):
            if getattr(self, name) < least:
                raise ValueError(
                    f"context.{name} is {getattr(self, name)} but must be at least {least}; {usual} is usual"
                )
        if self.layers_per_cycle > MOST_LAYERS:
            raise ValueError(
                f"context.layers_per_cycle is {self.layers_per_cycle} but must be at most {MOST_LAYERS}; raise "
                f"context.cycles or context.stride"
            )

    @property
    def dilations(self) -> tuple[int, ...]:
        return tuple(2**layer for layer in range(self.layers_per_cycle)) * self.cycles

    @property
    def frames(self) -> int:
        """Frames in the receptive field of one output."""
        return sum(self.dilations) + 1

    @property
    def reach(self) -> int:
        """The most samples before a sample that can matter to its conditioning by this stack."""
        return (self.frames + 1) * self.stride - 1


@dataclass(frozen=True, kw_only=True)
class WaveNetConfig(DataSettings):
    """A dilated stack: dilation doubles with each layer and starts again with each cycle."""

    representation: dict[str, Any] = field(default_factory=lambda: mulaw(16000), metadata={"read": read_representation})
    fit_range: bool = False  # nothing to fit: the range of samples is -1 to 1

    cycles: int = 2
    layers_per_cycle: int = 10
    kernel: int = 2
    first_kernel: int = 1  # kernel size of the first layer
    residual: int = 32  # channels between layers
    gate: int = 32  # channels of the gated activation
    skip: int = 64  # channels of the sum over layers
    end: int = 128  # channels before the last layer
    logistics: int = 10  # components of the mixture for 16-bit levels; mu-law has classes instead
    context: Context | None = None
    frames: dict[str, Any] | None = field(
        default=None, metadata={"read": read_frames}
    )  # mel spectrogram that conditions a vocoder
    frame_channels: int = 64  # of the layers over frames

    crop: int = 16000  # samples of a clip that a training step predicts
    quiet: float = 0.25  # of a crop: silence after a sound that is trained on; later silence is ignored
    batch_size: int = 4
    learning_rate: float = 4e-3
    weight_decay: float = 0.0
    unknown_share: float = 0.1  # of rows: each condition, all together, and frames are hidden in training
    augment: Augmentation = GENTLE

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, least, usual in (
            ("cycles", 1, 2),
            ("layers_per_cycle", 1, 10),
            ("kernel", 2, 2),
            ("first_kernel", 1, 1),
            ("residual", 1, 32),
            ("gate", 1, 32),
            ("skip", 1, 64),
            ("end", 1, 128),
            ("logistics", 1, 10),
            ("frame_channels", 1, 64),
            ("crop", 16, 16000),
        ):
            if getattr(self, name) < least:
                raise ValueError(f"{name} is {getattr(self, name)} but must be at least {least}; {usual} is usual")
        if self.layers_per_cycle > MOST_LAYERS:
            raise ValueError(
                f"layers_per_cycle is {self.layers_per_cycle} but must be at most {MOST_LAYERS}, a dilation of 32,768 "
                f"samples; raise cycles, or use a context stack"
            )
        if self.context is not None and self.crop < self.context.stride:
            raise ValueError(
                f"crop is {self.crop} but must be at least context.stride, {self.context.stride}, since crops begin "
                f"with a frame; raise crop or lower context.stride"
            )
        for name, usual_share in (("unknown_share", 0.1), ("quiet", 0.25)):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(
                    f"{name} is {getattr(self, name):g} but must be a share from 0 to 1; {usual_share:g} is usual"
                )
        if not 0 <= self.weight_decay < math.inf:
            raise ValueError(f"weight_decay is {self.weight_decay:g} but must be at least 0 and finite; 0 is usual")
        if self.frames is not None:
            object.__setattr__(self, "frames", read_frames(None, self.frames))  # complete, also in a preset
        if self.frames is not None and self.frames["sample_rate"] != self.representation["sample_rate"]:
            raise ValueError(
                f"frames are at {self.frames['sample_rate']} Hz and samples at {self.representation['sample_rate']} "
                f"Hz; set both to one rate"
            )

    @property
    def dilations(self) -> tuple[int, ...]:
        return tuple(2**layer for layer in range(self.layers_per_cycle)) * self.cycles

    @property
    def classes(self) -> bool:
        """Whether samples are classes, each with a probability; else a mixture of logistics covers 16-bit levels."""
        return bool(self.representation["kind"] == "mulaw")

    @property
    def stack_field(self) -> int:
        """Receptive field of the stack itself, in samples."""
        return (self.kernel - 1) * sum(self.dilations) + (self.first_kernel - 1) + 1

    @property
    def gates_before(self) -> int:
        """The most samples before a predicted one at which conditioning of a gate can matter to it."""
        return (self.kernel - 1) * (sum(self.dilations) - self.dilations[0])

    @property
    def tail(self) -> int:
        """Samples of silence after a sound that are trained on."""
        return round(self.quiet * self.crop)

    @property
    def receptive_field(self) -> int:
        """Samples before the predicted one that can matter to it; with a context stack, the most over positions."""
        if self.context is None:
            return self.stack_field
        return max(self.stack_field, self.gates_before + self.context.reach)

    @property
    def history(self) -> int:
        """Samples before the first predicted one in training: the receptive field, in whole frames."""
        stride = self.context.stride if self.context else 1
        return -(-self.receptive_field // stride) * stride


SPEECH_MEL = {"kind": "mel", "sample_rate": 16000, "n_fft": 1024, "hop": 256, "bands": 80, "floor_db": -80.0}

PRESETS = {
    "sounds": WaveNetConfig(),  # any short sounds; a receptive field of 2,047 samples, 128 ms at 16 kHz
    "drums": WaveNetConfig(conditions=("kind",), augment=Augmentation(gain_db=6.0, speed_semitones=1.0)),
    "speech": WaveNetConfig(  # telephone bandwidth, for laptops; a receptive field of 512 ms
        representation=mulaw(8000), layers_per_cycle=11, seconds=0.8, crop=6400,
        augment=Augmentation(gain_db=3.0),
    ),
    "music": WaveNetConfig(  # a receptive field of 192 ms, and of 4 s with the context stack
        seconds=6.0, cut="windows", trim=False, conditions=(), cycles=3, residual=48, gate=48, skip=128,
        context=Context(stride=128, cycles=4, layers_per_cycle=7, channels=48), crop=8192, learning_rate=2e-3,
    ),
    "vocoder": WaveNetConfig(  # mel frames to samples
        seconds=1.0, cut="windows", trim=False, conditions=(), layers_per_cycle=8, cycles=2, kernel=3,
        frames=SPEECH_MEL, augment=Augmentation(gain_db=12.0),
    ),
    "tiny": WaveNetConfig(  # trains in seconds; the tests use it
        representation=mulaw(8000), seconds=0.5, cycles=1, layers_per_cycle=6, residual=16, gate=16, skip=16, end=16,
        crop=512, learning_rate=1e-2,
    ),
    "paper": WaveNetConfig(  # published: 3 x dilations 1 to 512, a receptive field of about 240 ms; the widths are ours
        seconds=2.0, cycles=3, residual=64, gate=64, skip=256, end=256, crop=8192, learning_rate=2e-3,
    ),
    # wavenet_params.json of github.com/ibab/tensorflow-wavenet, where classes enter by a filter of 2: the initial one
    # of 32 is for samples as numbers. Crops have 100,000 samples there.
    "ibab": WaveNetConfig(
        seconds=4.0, cut="windows", cycles=5, first_kernel=2, residual=32, gate=32, skip=512, end=512, conditions=(),
        crop=16384, batch_size=1, learning_rate=1e-3, augment=Augmentation(),
    ),
}  # fmt: skip
