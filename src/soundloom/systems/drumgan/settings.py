"""Settings of the DrumGAN, and its presets."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from soundloom.contract import Augmentation, DataSettings
from soundloom.systems.drumgan.changes import Change

GENTLE = Change(shift=0.03, gain_db=6.0)
RENAMED = {"stray": "randomised_share"}  # settings of earlier versions
NOTHING = Augmentation()


def spectrum(sample_rate: int, n_fft: int = 1024, hop: int = 256, dropped: str = "nyquist") -> dict[str, Any]:
    """The complex STFT without one row, so that the number of frequencies can be halved at each level."""
    return {"kind": "complex", "sample_rate": sample_rate, "n_fft": n_fft, "hop": hop, "dropped": dropped}


def read_representation(before: dict[str, Any], given: Any) -> dict[str, Any]:
    """Complete the settings of a representation, from its name or from some of them, at the previous sample rate.

    Raises:
        ValueError: an unknown setting, an impossible value, or no complex STFT with one row dropped.
    """
    from soundloom.representations import build, describe, named

    kind = given.get("kind", "complex") if isinstance(given, dict) else given
    if kind != "complex":
        raise ValueError(
            f"representation is {kind!r} but drumgan generates complex spectra: write complex, or settings such as "
            f"representation.hop=128"
        )
    if isinstance(given, str):
        given = describe(named(given, before["sample_rate"])) | {"dropped": before["dropped"]}
    description = describe(build({**before, **given}))
    if description["dropped"] == "nothing":
        raise ValueError("dropped is nothing but drumgan drops one row; write nyquist, or dc as in the paper")
    return description


@dataclass(frozen=True, kw_only=True)
class DrumGANConfig(DataSettings):
    """A generator and a critic that grow together, from a coarse image of a sound to the full image."""

    representation: dict[str, Any] = field(
        default_factory=lambda: spectrum(16000), metadata={"read": read_representation}
    )
    labels: tuple[str, ...] = ("timbre",)  # descriptors that become conditions, unless these or conditions are named
    fit_range: bool = False  # the scale of images is measured instead
    power: float = 0.3  # exponent of magnitudes; 1 does not change them

    latent: int = 64
    widths: tuple[int, ...] = (96, 64, 48, 32, 16)  # channels of each level of both networks, coarse to fine
    patch: int = 1  # each position of the networks holds a patch x patch square of the image
    gated: bool = True  # the generator has a gate for each image value
    group: int = 4  # group size of the minibatch standard deviation
    shares: tuple[float, ...] = (0.04, 0.06, 0.12, 0.22, 0.56)  # of the training time, for each level
    fade: float = 0.3  # share of a level's own time in which it is faded in

    penalty: float = 10.0  # weight of the gradient penalty, a mean over the batch
    penalty_every: int = 4  # steps between gradient penalties; each counts for all of these steps
    drift: float = 1e-3  # weight of the square of the critic's score of real sounds
    category_weight: float = 2.0  # of the cross entropy of categories, in nats
    scalar_weight: float = 20.0  # of the squared error of scalars, on a range of 1
    randomised_share: float = 0.05  # of generated sounds in which a scalar is replaced by a uniform draw
    change: Change = GENTLE  # augmentation of real and generated images, before the critic sees them

    batch_size: int = 32
    learning_rate: float = 2e-3
    augment: Augmentation = NOTHING  # of real sounds only, so the generator learns it too

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.widths or min(self.widths) < 1:
            raise ValueError(
                f"widths is {list(self.widths)} but must be whole numbers of at least 1, one for each level, coarse to "
                f"fine; [96, 64, 48, 32, 16] is usual"
            )
        if len(self.shares) != len(self.widths) or min(self.shares) <= 0:
            raise ValueError(
                f"shares is {list(self.shares)} but must be {len(self.widths)} numbers above 0, one for each of widths"
            )
        for name, usual in (("latent", 64), ("group", 4), ("patch", 1), ("penalty_every", 4)):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)} but must be at least 1; {usual} is usual")
        for name, usual_weight in (
            ("penalty", 10.0),
            ("drift", 1e-3),
            ("category_weight", 2.0),
            ("scalar_weight", 20.0),
        ):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(
                    f"{name} is {getattr(self, name):g} but must be at least 0 and finite; {usual_weight:g} is usual"
                )
        for name, usual_share in (("fade", 0.3), ("randomised_share", 0.05)):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(
                    f"{name} is {getattr(self, name):g} but must be a share from 0 to 1; {usual_share:g} is usual"
                )
        if not 0.1 <= self.power <= 1:
            raise ValueError(f"power is {self.power:g} but must be 0.1 to 1; 0.3 is usual, 1 is no compression")
        frequencies, parts = self.representation["n_fft"] // 2, self.patch * 2 ** (len(self.widths) - 1)
        if frequencies % parts:
            raise ValueError(
                f"widths has {len(self.widths)} levels and patch is {self.patch}, which divide {frequencies} "
                f"frequencies by {parts}, which leaves a remainder; set representation.n_fft to a power of 2, "
                f"or give fewer widths"
            )

    @property
    def levels(self) -> int:
        return len(self.widths)


PRESETS = {
    "small": DrumGANConfig(  # for two CPU cores: 2 x 256 x 64, 0.3 G multiply-adds, 0.8 M parameters
        representation=spectrum(16000, 512, 256), batch_size=16, widths=(128, 96, 80, 56, 40), patch=2,
    ),
    "drums": DrumGANConfig(  # 16 kHz, for a GPU: 2 x 512 x 64, 1.0 G multiply-adds, 3.1 M parameters in the generator
        conditions=None, latent=128, widths=(256, 192, 128, 96, 48, 24), shares=(0.04, 0.04, 0.06, 0.1, 0.2, 0.56),
    ),
    "tiny": DrumGANConfig(  # trains in seconds; the tests use it
        representation=spectrum(8000, 256, 128), seconds=0.5, latent=8, widths=(16, 16, 12, 8),
        shares=(0.2, 0.2, 0.2, 0.4), batch_size=8, penalty_every=1, labels=(),
    ),
    "paper": DrumGANConfig(  # Nistal et al. 2020: widths and latent as published, magnitudes as they are
        representation=spectrum(16000, dropped="dc"), latent=128, widths=(256, 128, 128, 128, 128, 64),
        shares=(1, 1, 1, 1, 1, 2), power=1.0, gated=False, learning_rate=1e-3, randomised_share=0.0,
        scalar_weight=10.0, category_weight=10.0, penalty_every=1, change=Change(), batch_size=16,
    ),
}  # fmt: skip
