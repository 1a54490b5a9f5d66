"""Is a generated sound a copy of a training clip? A nearest-neighbour test that knows how often it is wrong.

What counts as near differs from data to data: takes of one drum lie nearer to each other than words of two speakers.
So the threshold comes from the data itself: copies of training clips are planted, and sounds that are no copies
(held out, or training clips against the other groups) are searched for as well. Many clips of real collections have
a twin, the same recording at another gain or velocity; what has a twin is no example of an unseen sound.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from soundloom.metrics import fingerprints as prints
from soundloom.metrics.estimate import Estimate, TooFew
from soundloom.metrics.intervals import share
from soundloom.metrics.synthetic_positives import SHIFT_SECONDS, kinds

CANDIDATES = 16  # compared closely, of all that are compared roughly
PLANTED = 60  # of each kind
UNSEEN = 400  # at most, sounds that are no copies
LEAST = 20  # training clips, and sounds that are no copies: with fewer a rate of 2 % means nothing
TWIN = 0.95  # correlation of waveforms from which on two are one recording; shared samples reach 0.96, words 0.93
TWIN_CANDIDATES = 4
MISSES, FALSE_ALARMS = 0.05, 0.02  # what is asked for
HALFWAY, NEAR = 0.5, 0.0  # where the threshold lies between copies and sounds that are held out, or of other groups
BLOCK = 64  # clips read at once


class Clips(Protocol):
    """Sounds of one rate and length; a `ClipStore` is one, and so is `Sounds`."""

    def __len__(self) -> int: ...

    @property
    def sample_rate(self) -> int: ...

    @property
    def files(self) -> Sequence[str]:
        """Which file each was cut from."""
        ...

    @property
    def groups(self) -> Sequence[str]:
        """What belongs together, such as a kit: sounds of one group are not asked to differ."""
        ...

    def audio(self, indices: np.ndarray) -> np.ndarray:
        """Float samples (sound, channel, time)."""
        ...


@dataclass(frozen=True, eq=False)
class Sounds:
    """Sounds in memory, (sound, sample), each a file and a group of its own."""

    samples: np.ndarray
    sample_rate: int

    def __len__(self) -> int:
        return len(self.samples)

    @cached_property
    def files(self) -> list[str]:
        return [str(number) for number in range(len(self))]

    @property
    def groups(self) -> list[str]:
        return self.files

    def audio(self, indices: np.ndarray) -> np.ndarray:
        return np.asarray(self.samples[indices][:, None])


class Copies(NamedTuple):
    """The training clip that is nearest to each sound, and whether the sound is a copy of it."""

    nearest: NDArray[np.int64]  # (sound,), -1 for silence
    distance_db: NDArray[np.float32]  # (sound,), 0 for the same sound; infinite for silence
    copied: NDArray[np.bool_]  # (sound,)


@dataclass(frozen=True)
class Rates:
    """How often a detector is right, on copies and on unseen sounds that did not choose its threshold."""

    detection: Estimate  # share of planted copies that it finds, all kinds alike
    detection_by_kind: dict[str, Estimate]
    false_alarms: Estimate  # share of unseen sounds that it accuses
    planted: int
    unseen: int
    unseen_are_held_out: bool  # else they are training clips, searched for in the other groups
    twins: int  # sounds left out of `unseen`: their recording is among the training clips

    @property
    def keeps_its_promise(self) -> bool:
        """At least 95 % found, at most 2 % accused."""
        return self.detection.value >= 1 - MISSES and self.false_alarms.value <= FALSE_ALARMS

    def sentence(self) -> str:
        """For a report."""
        whose = "held-out sounds" if self.unseen_are_held_out else "training sounds against the other groups"
        return (
            f"On this data the detector finds {self.detection.value:.1%} of {self.planted} planted copies and accuses "
            f"{self.false_alarms.value:.1%} of {self.unseen} unseen sounds ({whose})."
        )


@dataclass(frozen=True, eq=False)
class CopyDetector:
    """Fingerprints of a training set, and the distance up to which a sound is called a copy."""

    stored: prints.Prints
    sample_rate: int
    samples: int  # of a clip
    threshold_db: float
    rates: Rates

    @classmethod
    def fit(cls, training: Clips, held_out: Clips | None = None, seed: int = 0) -> CopyDetector:
        """Take the fingerprints of a training set and find the threshold.

        A clip takes 5 kB for each second; audio is read in pieces.

        Args:
            training: clips of which a copy would be one.
            held_out: sounds that are none, of the same source; without 20 of them that have no twin in the training
                set, training clips are searched for in the other groups, and the threshold keeps closer to copies.
            seed: draws what is planted.

        Raises:
            TooFew: fewer than 20 training clips that can be heard, or unseen sounds without a twin.
            ValueError: another rate or length on the held-out side, see also `fingerprints`.
        """
        stored = _fingerprints(training)
        heard = np.flatnonzero(stored.any(axis=(1, 2)))
        if len(heard) < LEAST:
            raise TooFew("the search for copies", len(heard), LEAST, "training clips that can be heard")
        rng = np.random.default_rng([seed, len(training)])
        planted = _planted(training, stored, heard, rng)
        unseen, twins, aside = _unseen(training, stored, heard, held_out, rng)
        if len(unseen) < LEAST:
            raise TooFew("the search for copies", len(unseen), LEAST, "sounds without a twin among the training clips")
        threshold = choose_threshold(np.concatenate(list(planted.values())), unseen, HALFWAY if aside else NEAR)
        samples = training.audio(heard[:1]).shape[-1]
        return cls(stored, training.sample_rate, samples, threshold, _rates(planted, unseen, twins, aside))

    def search(self, audio: np.ndarray, sample_rate: int) -> Copies:
        """Look for each sound of (sound, sample) among the training clips.

        Sounds shorter than a clip are padded with silence.

        Raises:
            ValueError: another sample rate, sounds longer than a clip, or see `fingerprints`.
        """
        if sample_rate != self.sample_rate:
            raise ValueError(f"sounds have {sample_rate} Hz, training clips {self.sample_rate} Hz; resample the sounds")
        if audio.ndim == 2 and audio.shape[1] > self.samples:
            raise ValueError(
                f"sounds have {audio.shape[1]} samples, training clips {self.samples}; cut the sounds, or fit the "
                f"detector to longer clips"
            )
        padded = np.pad(audio, ((0, 0), (0, self.samples - audio.shape[1]))) if audio.ndim == 2 else audio
        places, apart = _nearest(prints.fingerprints(padded, sample_rate), self.stored)
        nearest, distance = places[:, 0], apart[:, 0]
        return Copies(np.where(np.isfinite(distance), nearest, -1), distance, distance <= self.threshold_db)


def choose_threshold(planted: np.ndarray, unseen: np.ndarray, place: float = HALFWAY) -> float:
    """A distance between those of copies and those of unseen sounds, in dB.

    On one side lie 97.5 % of the copies, on the other 99 % of the unseen sounds: half of what may go wrong. Where the
    two cross, both give way in proportion until they meet.

    Args:
        planted: distances of copies.
        unseen: distances of sounds that are none.
        place: from 0, as near as the copies allow, to 1, as far as the unseen sounds do.
    """
    for part in np.geomspace(0.5, 1 / MISSES, 200):
        near = float(np.quantile(planted, max(0.0, 1 - MISSES * part)))
        far = float(np.quantile(unseen, min(1.0, FALSE_ALARMS * part)))
        if near <= far:
            break
    return near + place * (far - near)


def _rates(planted: dict[str, np.ndarray], unseen: np.ndarray, twins: int, aside: bool) -> Rates:
    """Each half is judged by the threshold that the other half gives."""
    place = HALFWAY if aside else NEAR
    thresholds = [
        choose_threshold(np.concatenate([distances[half::2] for distances in planted.values()]), unseen[half::2], place)
        for half in (0, 1)
    ]

    def within(distances: np.ndarray) -> Estimate:
        hits = sum(int((distances[1 - half :: 2] <= thresholds[half]).sum()) for half in (0, 1))
        return share(hits, len(distances))

    # an even number of each kind, so that halves stay halves when they are joined
    everything = np.concatenate([distances[: len(distances) // 2 * 2] for distances in planted.values()])
    return Rates(
        detection=within(everything),
        detection_by_kind={kind: within(distances) for kind, distances in planted.items()},
        false_alarms=within(unseen),
        planted=len(everything),
        unseen=len(unseen),
        unseen_are_held_out=aside,
        twins=twins,
    )


def _planted(
    training: Clips, stored: prints.Prints, heard: np.ndarray, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Distances of planted copies to the nearest training clip, by kind."""
    found = {}
    for kind, change in kinds(training.sample_rate).items():
        chosen = rng.permutation(heard)[:PLANTED]
        copies = change(_mono(training.audio(chosen)), training.sample_rate, rng)
        found[kind] = _nearest(prints.fingerprints(copies, training.sample_rate), stored)[1][:, 0]
    return found


def _unseen(
    training: Clips, stored: prints.Prints, heard: np.ndarray, held_out: Clips | None, rng: np.random.Generator
) -> tuple[np.ndarray, int, bool]:
    """Distances of sounds that are no copies, how many were twins, and whether they were held out."""
    if held_out is not None and len(held_out):
        distances, twins = _held_out(training, stored, held_out, rng)
        if len(distances) >= LEAST:
            return distances, twins, True
    distances, twins = _among_themselves(training, stored, heard, rng)
    return distances, twins, False


def _held_out(
    training: Clips, stored: prints.Prints, held_out: Clips, rng: np.random.Generator
) -> tuple[np.ndarray, int]:
    if held_out.sample_rate != training.sample_rate:
        raise ValueError(
            f"held-out sounds have {held_out.sample_rate} Hz, training clips {training.sample_rate} Hz; "
            f"resample one side"
        )
    audio = _mono(held_out.audio(np.sort(rng.permutation(len(held_out))[:UNSEEN])))
    asked = prints.fingerprints(audio, training.sample_rate)
    if asked.shape[1] != stored.shape[1]:
        raise ValueError(
            f"held-out sounds last {audio.shape[1] / training.sample_rate:.2f} s, which is not the length of a "
            f"training clip; cut or pad one side"
        )
    places, apart = _nearest(asked, stored)
    audible = np.isfinite(apart[:, 0])
    twin = _have_twins(audio, training, places)
    return rng.permutation(apart[audible & ~twin, 0]), int((audible & twin).sum())


def _among_themselves(
    training: Clips, stored: prints.Prints, heard: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, int]:
    chosen = np.sort(rng.permutation(heard)[:UNSEEN])
    asked, audio, own = stored[chosen], _mono(training.audio(chosen)), np.arange(len(stored))
    families = (_numbered(names) for names in (training.groups, training.files))
    family = next((numbers for numbers in families if numbers.max() > 0), own)  # one family has nobody to differ from
    places, apart = _nearest(asked, stored, (family[chosen], family))
    within, _ = _nearest(asked, stored, (own[chosen], own))  # a twin in the same group is one as well
    twin = _have_twins(audio, training, places) | _have_twins(audio, training, within)
    return rng.permutation(apart[~twin & np.isfinite(apart[:, 0]), 0]), int(twin.sum())


def _nearest(
    asked: prints.Prints, stored: prints.Prints, kin: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Places and distances (query, candidate), nearest first."""
    places = prints.candidates(asked, stored, CANDIDATES, kin)
    apart = prints.decibels_apart(asked, stored, places)
    apart[~asked.any(axis=(1, 2))] = np.inf  # silence
    order = np.argsort(apart, axis=1, kind="stable")
    return np.take_along_axis(places, order, 1), np.take_along_axis(apart, order, 1)


def _have_twins(audio: np.ndarray, training: Clips, places: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which of (sound, sample) have their waveform among their nearest training clips, at any gain."""
    twins = np.zeros(len(audio), bool)
    most = round(1.5 * SHIFT_SECONDS * training.sample_rate)
    for row, sound in enumerate(audio):
        near = places[row, :TWIN_CANDIDATES]
        others = _mono(training.audio(near[near >= 0]))
        twins[row] = bool((correlation(sound, others, most) >= TWIN).any())
    return twins


def correlation(sound: np.ndarray, others: np.ndarray, most: int) -> np.ndarray:
    """The greatest correlation of a waveform (time,) with each of (other, time), of either sign, within `most` samples.

    Returns:
        0 to 1, (other,); 0 with silence.
    """
    size = fft.next_fast_len(len(sound) + most, real=True)
    both = fft.irfft(np.conj(fft.rfft(others, size)) * fft.rfft(sound, size), size)
    near = np.abs(np.concatenate([both[:, : most + 1], both[:, -most:]], axis=1)).max(axis=1)
    energy = np.linalg.norm(sound) * np.linalg.norm(others, axis=1)
    return np.asarray(np.where(energy > 0, near / np.maximum(energy, 1e-20), 0.0))


def _fingerprints(clips: Clips) -> prints.Prints:
    stored = np.empty((0, 0, 0), np.uint8)
    for at in range(0, len(clips), BLOCK):
        block = prints.fingerprints(_mono(clips.audio(np.arange(at, min(at + BLOCK, len(clips))))), clips.sample_rate)
        if at == 0:
            stored = np.empty((len(clips), *block.shape[1:]), np.uint8)
        stored[at : at + len(block)] = block
    return stored


def _mono(audio: np.ndarray) -> np.ndarray:
    return np.asarray(audio[:, 0] if audio.shape[1] == 1 else audio.mean(axis=1))


def _numbered(names: Sequence[str]) -> NDArray[np.int64]:
    return np.unique(np.asarray(names), return_inverse=True)[1].astype(np.int64)
