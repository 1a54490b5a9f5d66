"""The sounds of a report as cards with a picture and a player, those that belong together side by side."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

import numpy as np

from soundloom.evaluation.report import media
from soundloom.evaluation.report.markup import Markup, element
from soundloom.evaluation.report.wording import number
from soundloom.evaluation.results import Example

LARGEST = 10_000_000  # bytes of all sounds and pictures in the page
SECTIONS = {
    "generated": ("Generated", "Beside each, if known, the nearest training sound: the more similar, the less is new."),
    "reconstructed": ("Reconstructed", "Held-out sounds, and what a model reconstructs from its encoding of them."),
    "real": ("Real", "Held-out sounds, which no model was trained on; generated sounds are compared with them."),
    "memorised": ("Suspected memorisation", "Generated sounds nearer to a training sound than unseen sounds are."),
}


class Row(NamedTuple):
    """Examples that belong together, with their pictures; None for what cannot be shown."""

    section: str
    number: int
    examples: tuple[Example, ...]
    pictures: tuple[bytes | None, ...]


class Choice(NamedTuple):
    """The rows that the page has room for, and the format of their sounds."""

    rows: list[Row]
    sounds: dict[int, bytes]  # by id of the example
    kind: str


def gallery(examples: Sequence[Example], largest: int = LARGEST) -> Markup:
    """All sections that have examples, in at most about `largest` bytes."""
    rows = _rows(examples)
    chosen = _fitting(rows, largest)
    parts = [element("p", " ".join(_notes(rows, chosen)), class_="note")]
    for section, (title, meaning) in SECTIONS.items():
        mine = [row for row in chosen.rows if row.section == section]
        if mine:
            parts += [element("h3", title), element("p", meaning)]
            parts.append(element("div", *(_shown(row, chosen) for row in mine), class_="rows"))
    return Markup("".join(parts))


def _rows(examples: Sequence[Example]) -> list[Row]:
    """Rows in the order of the page; all pictures on one scale of levels, those of a row on one scale of time."""
    sections = list(SECTIONS)

    def key(example: Example) -> tuple[int, int]:
        return sections.index(example.section), example.row

    grouped = [(where, tuple(members)) for where, members in groupby(sorted(examples, key=key), key)]
    levels = [_levels(members) for _, members in grouped]
    peak = max((float(level.max()) for row in levels for level in row if level is not None), default=0.0)
    return [
        Row(sections[section], number, members, tuple(None if x is None else media.picture(x, peak) for x in drawn))
        for ((section, number), members), drawn in zip(grouped, levels, strict=True)
    ]


def _levels(members: Sequence[Example]) -> list[np.ndarray | None]:
    shown = [example.audio for example in members if media.can_be_shown(example.audio)]
    seconds = max((audio.seconds for audio in shown), default=0.0)
    return [
        media.decibels(example.audio, round(seconds * example.audio.sample_rate))
        if media.can_be_shown(example.audio)
        else None
        for example in members
    ]


def _fitting(rows: Sequence[Row], largest: int) -> Choice:
    """Lossless if they fit, else mp3, and then as many rows of each section as fit."""
    everything = [example for row in rows for example in row.examples if media.can_be_shown(example.audio)]
    drawn = [picture for row in rows for picture in row.pictures if picture is not None]
    room = largest - media.size_in_page(drawn)
    sounds: dict[int, bytes] = {}
    for example in everything:
        sounds[id(example)] = media.sound(example.audio, "flac")
        room -= media.size_in_page([sounds[id(example)]])
        if room < 0:
            break
    else:
        return Choice(list(rows), sounds, "flac")
    sounds = {id(example): media.sound(example.audio, "mp3") for example in everything}
    kept: set[tuple[str, int]] = set()
    room = largest
    for row in sorted(rows, key=lambda row: row.number):  # the first of each section before the second of any
        held = [sounds[id(example)] for example in row.examples if id(example) in sounds]
        room -= media.size_in_page([*held, *(picture for picture in row.pictures if picture is not None)])
        if room < 0 and kept:
            break
        kept.add((row.section, row.number))
    return Choice([row for row in rows if (row.section, row.number) in kept], sounds, "mp3")


def _notes(rows: Sequence[Row], chosen: Choice) -> list[str]:
    notes = [
        "Pictures: time across, frequency up (mel scale, to half the sample rate); one scale of levels for all, from "
        f"the loudest (bright) to {media.RANGE_DB:g} dB below it (black); one scale of time within a row."
    ]
    if chosen.kind == "flac":
        notes.append("Sounds are stored without loss (FLAC, 16 bit), so no codec adds artefacts.")
    else:
        notes.append(
            "Sounds are stored as MP3, because lossless ones would make this page too large; the codec may add "
            "artefacts, above all before sharp attacks."
        )
    if len(chosen.rows) < len(rows):
        notes.append(f"{len(chosen.rows)} of {len(rows)} rows are shown, so that this page stays small enough to send.")
    return notes


def _shown(row: Row, chosen: Choice) -> Markup:
    cards = [_card(e, p, chosen) for e, p in zip(row.examples, row.pictures, strict=True)]
    return element("div", *cards, class_="row")


def _card(example: Example, picture: bytes | None, chosen: Choice) -> Markup:
    length = f"{number(example.audio.seconds)} s"
    words: list[str] = [element("strong", example.caption)]
    words.append(element("span", ", ".join(part for part in (length, example.detail) if part)))
    caption = element("figcaption", *words)
    if picture is None:
        why = "holds no samples" if not example.audio.samples.shape[1] else "holds samples that are NaN or infinite"
        return element("figure", element("div", why, class_="unplayable"), caption, class_="card")
    drawn = element(
        "img",
        src=media.data_uri(picture, "png"),
        alt=f"Spectrogram: {example.caption}, {length}",
        width=240,
        height=120,
    )
    source = media.data_uri(chosen.sounds[id(example)], chosen.kind)
    player = element("audio", controls=True, preload="none", src=source, aria_label=f"Play: {example.caption}")
    return element("figure", drawn, player, caption, class_="card")
