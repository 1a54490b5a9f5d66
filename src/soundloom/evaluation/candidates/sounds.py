"""Sounds from anywhere as a candidate: a folder that another tool wrote, or sounds in memory.

They are cut and trimmed as the reference sounds are. Every file counts: a silent one as silence, and one that repeats
another once more.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from soundloom.audio import Audio, SoundFault
from soundloom.audio.encoders import encode
from soundloom.data.clips import ClipSettings, ClipStore, open_clips
from soundloom.data.provenance import short
from soundloom.data.skips import SkipCode, in_words
from soundloom.evaluation.candidates.protocol import BLOCK, Block
from soundloom.evaluation.monitor import Monitor
from soundloom.evaluation.results import Role
from soundloom.evaluation.terms import Terms

NO_FAULT = (SkipCode.SILENT, SkipCode.DUPLICATE, SkipCode.LABEL_TABLE, SoundFault.NOT_A_SOUND)
SILENT_FILE = "a silent file"
HASH_DIGITS = 12


@dataclass(frozen=True)
class SoundsCandidate:
    """A set of sounds on disk, opened at common terms."""

    name: str
    store: ClipStore
    terms: Terms
    monitor: Monitor = field(default_factory=Monitor)
    role: Role = "model"

    @classmethod
    def from_folder(
        cls, folder: Path | str, settings: ClipSettings, terms: Terms, monitor: Monitor | None = None
    ) -> SoundsCandidate:
        """Read every file of a folder.

        Raises:
            ValueError: none of them can be used; says why.
        """
        return cls(str(folder), open_clips(Path(folder), settings), terms, monitor or Monitor())

    @classmethod
    def from_memory(
        cls, sounds: Sequence[Audio], settings: ClipSettings, terms: Terms, monitor: Monitor | None = None
    ) -> SoundsCandidate:
        """Take sounds in memory, as if each were a float wav file in a folder; their name is `hashed_name`.

        Raises:
            ValueError: none of them can be used; says why.
        """
        name = hashed_name(sounds)
        with tempfile.TemporaryDirectory(prefix="soundloom-") as place:
            folder = Path(place) / name
            folder.mkdir()
            for number, sound in enumerate(sounds):
                (folder / f"{number:06d}.wav").write_bytes(encode(sound.samples, sound.sample_rate, "wav", 32))
            try:
                contents = open_clips(folder, settings, cache=Path(place) / "cache").contents
            except ValueError as error:
                raise ValueError(str(error).replace(str(folder), name)) from None  # the folder goes away
            contents = replace(contents, integers=np.array(contents.integers))  # and so does what is mapped from it
        return cls(name, ClipStore(contents, settings), terms, monitor or Monitor())

    def blocks(self, terms: Terms) -> Iterator[Block]:
        rows = np.array(self._rows())[self._chosen(terms)]
        for at in range(0, len(rows), BLOCK):
            self.monitor.check()
            some = rows[at : at + BLOCK]
            audible, audio = some >= 0, np.zeros((len(some), terms.samples), np.float32)
            audio[audible] = self.store.audio(some[audible])[:, 0]
            entries = [self.store.entries[row] if row >= 0 else None for row in some]
            labels = [dict(entry.labels) if entry else {} for entry in entries]
            yield Block(audio, labels, [entry.path if entry else SILENT_FILE for entry in entries])

    def facts(self) -> dict[str, Any]:
        return {"sounds there": len(self._rows())}

    @property
    def digests(self) -> set[str]:
        """Short digests of the sounds that are compared."""
        rows = np.array(self._rows())[self._chosen(self.terms)]
        return {short(self.store.entries[row].digest) for row in rows if row >= 0}

    def _chosen(self, terms: Terms) -> np.ndarray:
        return np.random.default_rng([terms.seed, 2]).permutation(len(self._rows()))[: terms.count]

    def _rows(self) -> list[int]:
        """Rows of the store, some of them twice where files repeat others, and -1 for each silent file."""
        rows = list(range(len(self.store)))
        places: dict[str, list[int]] = {}
        for row, path in enumerate(self.store.files):
            places.setdefault(path, []).append(row)
        for skipped in self.store.index.skipped:
            if skipped.code == SkipCode.SILENT:
                rows.append(-1)
            elif skipped.code == SkipCode.DUPLICATE:
                rows += places.get(skipped.original, [])
        return rows

    @property
    def remarks(self) -> list[str]:
        """Files that are left out or repeated, too few sounds, lower rates."""
        found = []
        reasons = self.store.index.reasons()
        if repeated := reasons[SkipCode.DUPLICATE]:
            found.append(f"{self.name}: {repeated} files repeat the sound of another file; each counts")
        left = [f"{count} {in_words(code)}" for code, count in reasons.most_common() if code not in NO_FAULT]
        if left:
            found.append(f"{self.name}: files that are left out: {', '.join(left[:4])}")
        files = len(self._rows())
        if files < self.terms.count:
            found.append(f"{self.name}: holds {files} sounds, fewer than the {self.terms.count} of the others")
        rates = [entry.sample_rate for entry in self.store.entries if entry.sample_rate < self.terms.sample_rate]
        if rates:
            found.append(
                f"{self.name}: {len(rates)} of its sounds have a lower rate ({min(rates)} Hz) than the comparison "
                f"({self.terms.sample_rate} Hz), so their highest frequencies are missing"
            )
        return found


def hashed_name(sounds: Sequence[Audio]) -> str:
    """A name for sounds in memory, by which a report records them: it depends on all samples, rates and the order.

    Raises:
        ValueError: no sounds, or something else than `Audio` among them.
    """
    if isinstance(sounds, Audio):
        raise ValueError("a candidate is one Audio; give a list of them, as one candidate")
    if not len(sounds):
        raise ValueError("a candidate holds no sounds; give at least one Audio")
    content = hashlib.blake2b(digest_size=HASH_DIGITS // 2)
    for number, sound in enumerate(sounds):
        if not isinstance(sound, Audio):
            raise ValueError(f"sound {number} of a candidate is {sound!r:.80}; give Audio(samples, sample_rate)")
        content.update(repr((sound.samples.shape, sound.sample_rate)).encode())
        content.update(np.ascontiguousarray(sound.samples).data)
    return f"sounds-{content.hexdigest()}"
