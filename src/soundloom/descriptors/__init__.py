"""Descriptors: numbers for how a sound sounds, measured in it.

Seven are what AudioCommons' models of timbre predict of listeners' ratings; five can be read off the sound itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from soundloom.runtime.settings import nearest

if TYPE_CHECKING:
    import numpy as np

    from soundloom.descriptors.sounds import Sounds

VERSION = 2  # changes when any descriptor gives other numbers, so that none is taken from a cache
BATCH = 8  # sounds, so that they fit into the cache of a processor
TIMBRE = "timbre"


@dataclass(frozen=True)
class Descriptor:
    """What a descriptor is.

    `low` and `high` are what most sounds lie between; a score of listeners' ratings can leave 0 to 100 a little.
    """

    name: str
    unit: str
    low: float
    high: float
    meaning: str
    module: str
    follows_gain: bool = False  # else a louder copy of a sound has the same value


def _rated(name: str, meaning: str) -> Descriptor:
    return Descriptor(name, "of 100", 0.0, 100.0, meaning, name)


DESCRIPTORS = {
    each.name: each
    for each in (
        _rated("boominess", "low loudness that outweighs the rest"),
        _rated("brightness", "power above 2 kHz and a high spectral centre"),
        _rated("depth", "low frequencies that last"),
        _rated("hardness", "a sudden, wide and bright attack"),
        _rated("roughness", "partials so close that they beat"),
        _rated("sharpness", "loudness in the highest critical bands"),
        _rated("warmth", "loudness below 400 Hz over little, even treble"),
        Descriptor("loudness", "LUFS", -70.0, 0.0, "how loud it is on the whole", "physical", follows_gain=True),
        Descriptor("log_attack_time", "log10 s", -4.6, 0.0, "how long the attack takes", "physical"),
        Descriptor("decay_time", "s", 0.0, 10.0, "from the peak to 40 dB below", "physical"),
        Descriptor("temporal_centroid", "s", 0.0, 5.0, "where the centre of its level is", "physical"),
        Descriptor("spectral_flatness", "", 0.0, 1.0, "0 for a pure tone, 1 for white noise", "physical"),
    )
}
SEVEN = tuple(name for name, each in DESCRIPTORS.items() if each.module == name)  # of timbre, in the usual order


def named(names: Sequence[str]) -> tuple[str, ...]:
    """Descriptors by name, each once; `timbre` stands for the seven.

    Raises:
        ValueError: no such descriptor; the nearest is named.
    """
    found: dict[str, None] = {}
    for name in names:
        if name != TIMBRE and name not in DESCRIPTORS:
            raise ValueError(f"{name!r} cannot be measured in a sound; {nearest(name, [*DESCRIPTORS, TIMBRE])}")
        found |= dict.fromkeys(SEVEN if name == TIMBRE else (name,))
    return tuple(found)


def measure(audio: np.ndarray, rate: int, names: Sequence[str] = tuple(DESCRIPTORS)) -> dict[str, np.ndarray]:
    """Measure descriptors in sounds; silence around a sound is no part of it.

    Args:
        audio: (sound, time).
        rate: Hz; everything is measured at 44.1 kHz.
        names: which, or "timbre" for the seven.

    Returns:
        float64 (sound,) by name, finite for every finite sound, see `DESCRIPTORS` for units.

    Raises:
        ValueError: an unknown name, an array of another shape, samples that are NaN or infinite.
    """
    import numpy as np

    from soundloom.descriptors.sounds import Sounds, checked

    asked, audio = named(names), checked(audio, rate)
    functions = {name: _function(name) for name in asked}
    parts: dict[str, list[np.ndarray]] = {name: [np.zeros(0)] for name in asked}
    for at in range(0, len(audio), BATCH):
        sounds = Sounds(audio[at : at + BATCH], rate)
        for name, function in functions.items():
            parts[name].append(function(sounds))
    return {name: np.concatenate(values) for name, values in parts.items()}


def summary(measured: Mapping[str, np.ndarray]) -> dict[str, dict[str, str | float]]:
    """Of each descriptor its unit, its meaning, and the 1, 50 and 99 % quantiles of values (sound,)."""
    import numpy as np

    found: dict[str, dict[str, str | float]] = {}
    for name, values in measured.items():
        low, middle, high = (float(value) for value in np.quantile(values, (0.01, 0.5, 0.99)))
        about = DESCRIPTORS[name]
        found[name] = {"unit": about.unit, "says": about.meaning, "1 %": low, "median": middle, "99 %": high}
    return found


def _function(name: str) -> Callable[[Sounds], np.ndarray]:
    from importlib import import_module

    function: Callable[[Sounds], np.ndarray] = getattr(import_module(f"{__name__}.{DESCRIPTORS[name].module}"), name)
    return function
