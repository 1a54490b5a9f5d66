"""Settings of the spectrogram VAE, and its presets."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Literal

from soundloom.contract import Augmentation, DataSettings
from soundloom.systems.vae import course

GENTLE = Augmentation(gain_db=6.0, shift_seconds=0.02, tilt_db=3.0, decay_db_per_second=20.0)
RENAMED = {"grain": "residual_noise_gain"}  # settings of earlier versions
LAMBDA_OF_THE_COURSE = 1e6
COURSE_NOISE = (course.BINS * course.FRAMES / (2 * LAMBDA_OF_THE_COURSE)) ** 0.5
"""The course weights the mean squared error by 1e6: a Gaussian likelihood with this standard deviation, 0.0905."""

SPECTROGRAMS = ("mel", "mel-htk", "log", "log-frequency", "magnitude")  # names of representations
RATES = 4  # frame rates of the band network: full, half, quarter, eighth


def mel(sample_rate: int, bands: int, **more: Any) -> dict[str, Any]:
    """A mel spectrogram over 90 dB, decoded by PGHI and 8 iterations; decoded levels gain nothing from more."""
    levels = {"floor_db": -70.0, "peak_db": 20.0, "phase": "pghi+fast-griffin-lim:8"}
    return {"kind": "mel", "sample_rate": sample_rate, "bands": bands, **levels, **more}


def read_representation(before: dict[str, Any], given: Any) -> dict[str, Any]:
    """Complete the settings of a representation, from its name or from some of them, at the previous sample rate.

    Raises:
        ValueError: an unknown name or setting (the nearest is named), an impossible value, or no spectrogram.
    """
    from soundloom.representations import build, describe, named

    names = ", ".join(SPECTROGRAMS)
    if not isinstance(given, str | dict):
        raise ValueError(f"representation is {given!r} but must be a name or settings; choose one of {names}")
    rate = before.get("sample_rate", 22050)
    made = named(given, rate) if isinstance(given, str) else build({"sample_rate": rate, **given})
    description = describe(made)
    if description["kind"] not in SPECTROGRAMS:
        raise ValueError(
            f"representation is {description['kind']!r} but the vae learns spectrograms; use one of {names}"
        )
    return description


@dataclass(frozen=True, kw_only=True)
class VAEConfig(DataSettings):
    """One Gaussian code per clip, decoded to a spectrogram."""

    representation: dict[str, Any] = field(
        default_factory=lambda: mel(22050, 80), metadata={"read": read_representation}
    )
    fit_range: bool = True  # set the representation's global range by the training set

    network: Literal["bands", "course"] = "bands"
    latent: int = 64
    widths: tuple[int, ...] = (96, 128, 160, 160)  # channels at the full, half, quarter and eighth frame rate
    blocks: int = 1  # residual blocks at each rate

    variational: bool = True  # False: an autoencoder, whose codes are points
    beta: float = 1.0  # weight of the divergence from the prior
    noise: float | None = None  # standard deviation of x given its code; None learns it
    kl_warmup: float = 0.1  # share of the training over which the weight of the divergence rises
    free_bits: float = 0.0  # nats of each dimension that cost nothing
    components: int = 20  # of the mixture fitted to the codes of the training set
    residual_noise_gain: float = 1.0  # of the residual noise; 1 gives decoded sounds the median contrast of real ones
    smoothing: float = 0.6  # of the prior: 0 draws codes of training sounds, 1 from the mixture alone

    batch_size: int = 64
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    unknown_share: float = 0.1  # of the conditions hidden in training, so that unlabelled sounds can be encoded
    augment: Augmentation = GENTLE

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.widths) != RATES or min(self.widths) < 1:
            raise ValueError(
                f"widths is {list(self.widths)} but must be {RATES} whole numbers of at least 1, one for each frame "
                f"rate; [96, 128, 160, 160] is usual"
            )
        for name, least, usual in (("latent", 1, 64), ("blocks", 0, 1), ("components", 1, 20)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} is {getattr(self, name)} but must be at least {least}; {usual} is usual")
        for name, advice in (
            ("residual_noise_gain", "1 is usual"),
            ("beta", "1 is usual"),
            ("free_bits", "0 is usual"),
            ("weight_decay", "0.01 is usual"),
        ):
            value = getattr(self, name)
            if not 0 <= value < math.inf:
                raise ValueError(f"{name} is {value:g} but must be at least 0 and finite; {advice}")
        for name, usual_share in (("kl_warmup", 0.1), ("unknown_share", 0.1), ("smoothing", 0.6)):
            value = getattr(self, name)
            if not 0 <= value <= 1:
                raise ValueError(f"{name} is {value:g} but must be a share from 0 to 1; {usual_share:g} is usual")
        if self.noise is not None and not 0 < self.noise < math.inf:
            raise ValueError(f"noise is {self.noise:g} but must be above 0 and finite; null learns it")
        if self.augment.shift_seconds > self.seconds / 2:
            raise ValueError(
                f"augment.shift_seconds is {self.augment.shift_seconds:g} but must be at most {self.seconds / 2:g}, "
                f"half of a clip; lower it or raise seconds"
            )


PRESETS = {
    "sounds": VAEConfig(),  # any short sounds; the default
    "drums": VAEConfig(
        widths=(96, 128, 152, 152),
        components=8,
        smoothing=0.5,
        residual_noise_gain=1.6,
        conditions=("kind",),
        augment=Augmentation(
            gain_db=6.0, shift_seconds=0.02, tilt_db=4.0, decay_db_per_second=30.0, speed_semitones=1.5
        ),
    ),
    "notes": VAEConfig(  # no change of speed, as pitch is a condition
        representation=mel(16000, 128, n_fft=1280, hop=320),
        seconds=1.2,
        widths=(96, 128, 144, 144),
        smoothing=0.9,
        residual_noise_gain=0.6,
        conditions=("pitch", "family"),
        weight_decay=0.05,
        augment=Augmentation(gain_db=6.0, shift_seconds=0.01, tilt_db=5.0, decay_db_per_second=20.0),
    ),
    "digits": VAEConfig(
        representation=mel(8000, 64, n_fft=512, hop=128),
        seconds=0.8,
        smoothing=0.4,
        residual_noise_gain=0.5,
        conditions=("digit", "speaker"),
        augment=Augmentation(gain_db=6.0, shift_seconds=0.03, tilt_db=2.0, speed_semitones=0.5),
    ),
    "tiny": VAEConfig(  # trains in seconds; the tests use it
        representation=mel(8000, 32, n_fft=512, hop=256),
        seconds=0.5,
        latent=8,
        widths=(16, 16, 24, 24),
        components=2,
        batch_size=8,
    ),
    "course": VAEConfig(
        representation={"kind": "log", "sample_rate": 22050, "n_fft": 512, "hop": 256, "floor_db": -40.0},
        seconds=0.74,
        conditions=(),
        network="course",
        latent=course.LATENT,
        noise=COURSE_NOISE,
        kl_warmup=0.0,
        learning_rate=5e-4,
        weight_decay=0.0,
        augment=Augmentation(),
    ),
}
