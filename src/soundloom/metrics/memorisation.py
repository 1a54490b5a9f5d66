"""Is a generated sound memorised, that is, does it repeat a training clip? A nearest-neighbour test that knows how
often it is wrong.

How near is too near depends on the data: takes of one drum lie nearer to each other than words of two speakers do. So
the threshold is fitted to the data. Positives are synthetic: training clips, changed in ways that do not make a new
sound. Negatives are unseen sounds: held-out ones, or training clips compared with the other groups. Real collections
often hold near-duplicates, one recording at several gains; a negative that has one is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from soundloom.metrics import fingerprints as prints
from soundloom.metrics.clips import Clips, mono
from soundloom.metrics.estimate import Estimate, TooFew
from soundloom.metrics.intervals import share
from soundloom.metrics.near_duplicates import near_duplicates
from soundloom.metrics.synthetic_positives import transforms

CANDIDATES = 16  # compared in full, out of all that are compared coarsely
POSITIVES = 60  # synthetic ones, of each kind
NEGATIVES = 400  # unseen sounds, at most
FEWEST = 20  # training clips, and negatives: with fewer a rate of 2 % means nothing
MISSES, FALSE_ALARMS = 0.05, 0.02  # the rates that a threshold aims at
HALFWAY, NEAR = 0.5, 0.0  # where the threshold lies between positives and negatives: held-out ones, or other groups
BLOCK = 64  # clips that are read in one go
SEARCH = "the search for memorised sounds"


class NearestClips(NamedTuple):
    """The training clip nearest to each sound, and whether the sound counts as memorised from it."""

    nearest: NDArray[np.int64]  # (sound,), -1 for silence
    distance_db: NDArray[np.float32]  # (sound,), 0 for the same sound; infinite for silence
    memorised: NDArray[np.bool_]  # (sound,)


@dataclass(frozen=True)
class Rates:
    """How often a detector is right, measured on sounds that did not take part in the choice of its threshold."""

    detection: Estimate  # share of synthetic positives that it finds, all kinds alike
    detection_by_kind: dict[str, Estimate]
    false_alarms: Estimate  # share of unseen sounds that it calls memorised
    positives: int
    unseen: int
    unseen_are_held_out: bool  # else they are training clips, compared with the other groups
    near_duplicates: int  # sounds left out of `unseen`: their recording is among the training clips

    @property
    def within_limits(self) -> bool:
        """At least 95 % found, at most 2 % false alarms."""
        return self.detection.value >= 1 - MISSES and self.false_alarms.value <= FALSE_ALARMS

    def sentence(self) -> str:
        """For a report."""
        source = "held-out sounds" if self.unseen_are_held_out else "training sounds, compared with the other groups"
        return (
            f"On this data the memorisation detector finds {self.detection.value:.1%} of {self.positives} synthetic "
            f"positives (changed training sounds); its false-alarm rate is {self.false_alarms.value:.1%} of "
            f"{self.unseen} unseen sounds ({source})."
        )


@dataclass(frozen=True, eq=False)
class MemorisationDetector:
    """Fingerprints of a training set, and the distance up to which a sound counts as memorised."""

    stored: prints.Prints
    sample_rate: int
    samples: int  # of a clip
    threshold_db: float
    rates: Rates

    @classmethod
    def fit(cls, training: Clips, held_out: Clips | None = None, seed: int = 0) -> MemorisationDetector:
        """Compute the fingerprints of a training set and fit the threshold.

        A clip takes 5 kB for each second; audio is read in blocks.

        Args:
            training: clips that a sound could repeat.
            held_out: unseen sounds from the same source. If fewer than 20 of them have no near-duplicate in the
                training set, training clips are compared with the other groups instead, and the threshold stays closer
                to the positives.
            seed: draws the synthetic positives.

        Raises:
            TooFew: fewer than 20 training clips that are not silent, or 20 unseen sounds without a near-duplicate.
            ValueError: another rate or length on the held-out side, see also `fingerprints`.
        """
        stored = _fingerprints(training)
        audible = np.flatnonzero(stored.any(axis=(1, 2)))
        if len(audible) < FEWEST:
            raise TooFew(SEARCH, len(audible), FEWEST, "training clips that are not silent")
        rng = np.random.default_rng([seed, len(training)])
        positives = _positives(training, stored, audible, rng)
        negatives = _negatives(training, stored, audible, held_out, rng)
        if len(negatives.distances) < FEWEST:
            needed = "sounds without a near-duplicate among the training clips"
            raise TooFew(SEARCH, len(negatives.distances), FEWEST, needed)
        threshold = choose_threshold(
            np.concatenate(list(positives.values())), negatives.distances, negatives.threshold_place
        )
        samples = training.audio(audible[:1]).shape[-1]
        return cls(stored, training.sample_rate, samples, threshold, _rates(positives, negatives))

    def search(self, audio: np.ndarray, sample_rate: int) -> NearestClips:
        """Find the nearest training clip of each of (sound, sample).

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
        return NearestClips(np.where(np.isfinite(distance), nearest, -1), distance, distance <= self.threshold_db)


def choose_threshold(positives: np.ndarray, unseen: np.ndarray, place: float = HALFWAY) -> float:
    """A distance between those of positives and those of unseen sounds, in dB.

    97.5 % of the positives lie below it and 99 % of the unseen sounds above it: half of the error rates aimed at. Where
    these two bounds cross, both are relaxed in proportion until they meet.

    Args:
        positives: distances of synthetic positives.
        unseen: distances of sounds that are not memorised.
        place: from 0, as near as the positives allow, to 1, as far as the unseen sounds allow.
    """
    for part in np.geomspace(0.5, 1 / MISSES, 200):
        near = float(np.quantile(positives, max(0.0, 1 - MISSES * part)))
        far = float(np.quantile(unseen, min(1.0, FALSE_ALARMS * part)))
        if near <= far:
            break
    return near + place * (far - near)


class _Negatives(NamedTuple):
    """Distances of unseen sounds to the nearest training clip."""

    distances: np.ndarray
    near_duplicates: int  # left out
    held_out: bool

    @property
    def threshold_place(self) -> float:
        return HALFWAY if self.held_out else NEAR


def _rates(positives: dict[str, np.ndarray], negatives: _Negatives) -> Rates:
    """Cross-validated: each half is classified with the threshold that the other half gives."""
    unseen = negatives.distances
    thresholds = [
        choose_threshold(
            np.concatenate([distances[half::2] for distances in positives.values()]),
            unseen[half::2],
            negatives.threshold_place,
        )
        for half in (0, 1)
    ]

    def within(distances: np.ndarray) -> Estimate:
        hits = sum(int((distances[1 - half :: 2] <= thresholds[half]).sum()) for half in (0, 1))
        return share(hits, len(distances))

    # an even number of each kind, so that halves stay halves when they are joined
    everything = np.concatenate([distances[: len(distances) // 2 * 2] for distances in positives.values()])
    return Rates(
        detection=within(everything),
        detection_by_kind={kind: within(distances) for kind, distances in positives.items()},
        false_alarms=within(unseen),
        positives=len(everything),
        unseen=len(unseen),
        unseen_are_held_out=negatives.held_out,
        near_duplicates=negatives.near_duplicates,
    )


def _positives(
    training: Clips, stored: prints.Prints, audible: np.ndarray, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Distances of synthetic positives to the nearest training clip, by kind."""
    found = {}
    for kind, change in transforms(training.sample_rate).items():
        chosen = rng.permutation(audible)[:POSITIVES]
        changed = change(mono(training.audio(chosen)), training.sample_rate, rng)
        found[kind] = _nearest(prints.fingerprints(changed, training.sample_rate), stored)[1][:, 0]
    return found


def _negatives(
    training: Clips, stored: prints.Prints, audible: np.ndarray, held_out: Clips | None, rng: np.random.Generator
) -> _Negatives:
    if held_out is not None and len(held_out):
        negatives = _from_held_out(training, stored, held_out, rng)
        if len(negatives.distances) >= FEWEST:
            return negatives
    return _from_other_groups(training, stored, audible, rng)


def _from_held_out(training: Clips, stored: prints.Prints, held_out: Clips, rng: np.random.Generator) -> _Negatives:
    if held_out.sample_rate != training.sample_rate:
        raise ValueError(
            f"held-out sounds have {held_out.sample_rate} Hz, training clips {training.sample_rate} Hz; "
            f"resample one side"
        )
    audio = mono(held_out.audio(np.sort(rng.permutation(len(held_out))[:NEGATIVES])))
    queries = prints.fingerprints(audio, training.sample_rate)
    if queries.shape[1] != stored.shape[1]:
        raise ValueError(
            f"held-out sounds last {audio.shape[1] / training.sample_rate:.2f} s, which is not the length of a "
            f"training clip; cut or pad one side"
        )
    places, apart = _nearest(queries, stored)
    audible = np.isfinite(apart[:, 0])
    duplicate = near_duplicates(audio, training, places)
    return _Negatives(rng.permutation(apart[audible & ~duplicate, 0]), int((audible & duplicate).sum()), True)


def _from_other_groups(
    training: Clips, stored: prints.Prints, audible: np.ndarray, rng: np.random.Generator
) -> _Negatives:
    chosen = np.sort(rng.permutation(audible)[:NEGATIVES])
    queries, audio, own = stored[chosen], mono(training.audio(chosen)), np.arange(len(stored))
    families = (_numbered(names) for names in (training.groups, training.files))
    family = next((numbers for numbers in families if numbers.max() > 0), own)  # one group has no other to compare with
    places, apart = _nearest(queries, stored, (family[chosen], family))
    within, _ = _nearest(queries, stored, (own[chosen], own))  # near-duplicates in the same group count as well
    duplicate = near_duplicates(audio, training, places) | near_duplicates(audio, training, within)
    return _Negatives(rng.permutation(apart[~duplicate & np.isfinite(apart[:, 0]), 0]), int(duplicate.sum()), False)


def _nearest(
    queries: prints.Prints, stored: prints.Prints, kin: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Places and distances (query, candidate), nearest first."""
    places = prints.candidates(queries, stored, CANDIDATES, kin)
    apart = prints.decibels_apart(queries, stored, places)
    apart[~queries.any(axis=(1, 2))] = np.inf  # silence
    order = np.argsort(apart, axis=1, kind="stable")
    return np.take_along_axis(places, order, 1), np.take_along_axis(apart, order, 1)


def _fingerprints(clips: Clips) -> prints.Prints:
    stored = np.empty((0, 0, 0), np.uint8)
    for at in range(0, len(clips), BLOCK):
        block = prints.fingerprints(mono(clips.audio(np.arange(at, min(at + BLOCK, len(clips))))), clips.sample_rate)
        if at == 0:
            stored = np.empty((len(clips), *block.shape[1:]), np.uint8)
        stored[at : at + len(block)] = block
    return stored


def _numbered(names: Sequence[str]) -> NDArray[np.int64]:
    return np.unique(np.asarray(names), return_inverse=True)[1].astype(np.int64)
