"""Text conditions: a sentence as token ids, one for each character of a learned or given alphabet."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

SHOWN = 60  # characters of an alphabet or a text that an error shows
SPELLINGS = str.maketrans(  # of characters that have no decomposition in Unicode
    dict(zip("‘’‚‹›“”„«»–—−", "'''''\"\"\"\"\"---", strict=True))
    | {"…": "...", "æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "ł": "l", "ı": "i", "þ": "th"}
)
DAMAGE = ("Cc", "Cs", "Cn")  # Unicode categories of learned texts: control, surrogate, not assigned
CONTROLS = (*DAMAGE, "Cf")  # and format, which some scripts need: a learned alphabet may hold them


class Tokens(NamedTuple):
    """Texts of one condition as token ids; 0 fills up after a text, and a text of length 0 is unknown."""

    ids: Tensor  # int64, (rows, longest)
    lengths: Tensor  # int64, (rows,)


@dataclass(frozen=True)
class Text:
    """A sentence. Its code is one token id for each character: the character's index in `alphabet`, from 1.

    Texts are normalised before they are encoded: Unicode NFC, white space as single spaces, none at the ends, and with
    `fold_case` lower-case letters.
    """

    name: str
    alphabet: str
    longest: int  # characters
    fold_case: bool = True
    type: Literal["text"] = "text"

    def __post_init__(self) -> None:
        if not self.alphabet or len(set(self.alphabet)) < len(self.alphabet):
            raise ValueError(f"{self.name}: alphabet is {self.alphabet!r} but must hold characters, each of them once")
        if self.longest < 1:
            raise ValueError(f"{self.name}: longest is {self.longest} but must be at least 1 character")

    @classmethod
    def learned(cls, name: str, texts: Iterable[str], fold_case: bool = True) -> Text:
        """The condition for the texts of a training set: all of their characters, as long as the longest of them.

        Texts with control characters, which files get by accident, are left out.

        Raises:
            ValueError: fewer than two different texts.
        """
        found = {normalised(text, fold_case) for text in texts} - {""}
        found = {text for text in found if not any(unicodedata.category(letter) in DAMAGE for letter in text)}
        if len(found) < 2:
            raise ValueError(f"{name} has {len(found)} different texts; a condition needs at least 2, leave it out")
        alphabet = "".join(sorted({letter for text in found for letter in text}))
        return cls(name, alphabet, max(map(len, found)), fold_case)

    def check(self, value: Any) -> str:
        """The text as the model reads it. A number becomes its digits.

        Raises:
            ValueError: no text, empty, too long, or with a character that the model does not know; names a text that
                the model can read.
        """
        text = normalised(self._spelt(value), self.fold_case)
        if not text:
            raise ValueError(f"{self.name} is empty; write a text, or leave the condition out")
        unknown = next((letter for letter in text if letter not in self.alphabet), None)
        if unknown is not None and unicodedata.category(unknown) in CONTROLS:
            raise ValueError(f"{self.name} holds the control character {_named(unknown)}; write it without")
        if unknown is not None:
            raise ValueError(f"{self.name}: the model knows no {unknown!r} ({_named(unknown)}); {self._advice(text)}")
        if len(text) > self.longest:
            raise ValueError(
                f"{self.name} has {len(text)} characters but the model knows texts of up to {self.longest}; "
                f"shorten it, or ask for its parts one by one"
            )
        return text

    def encode(self, value: Any) -> np.ndarray:
        """Token ids of a text that `check` accepts, int64 (longest,), 0 after its end."""
        ids = np.zeros(self.longest, np.int64)
        text = normalised(str(value), self.fold_case)
        ids[: len(text)] = [self.alphabet.index(letter) + 1 for letter in text]
        return ids

    def knows(self, value: str) -> bool:
        """Whether `check` accepts a text."""
        text = normalised(value, self.fold_case)
        return 0 < len(text) <= self.longest and set(text) <= set(self.alphabet)

    def to_dict(self) -> dict[str, Any]:
        """As JSON values, for a program that lets people write. Left out of a request, it is drawn: no default."""
        return {
            "name": self.name,
            "kind": self.type,
            "alphabet": self.alphabet,
            "longest": self.longest,
            "unit": "",
            "default": None,
            "measured": None,
        }

    def _spelt(self, value: Any) -> str:
        if isinstance(value, str):
            return value
        if isinstance(value, bool) or not isinstance(value, Real):
            raise ValueError(f"{self.name} is {value!r} but must be a text; put it in quotes")
        number = float(value)
        return str(int(number)) if number.is_integer() else str(value)

    def _advice(self, text: str) -> str:
        nearest = normalised("".join(map(self._nearest, text)), self.fold_case)
        letters = sum(letter.isalnum() for letter in text)
        kept = sum(letter.isalnum() for letter in nearest)
        if nearest and kept > letters / 2:
            return f"try {_short(nearest)!r}"
        return f"it reads {_short(self.alphabet)!r}"

    def _nearest(self, letter: str) -> str:
        """A known spelling of a character: in the other case, without its accent, in ASCII; else empty."""
        decomposed = unicodedata.normalize("NFKD", letter)
        unaccented = "".join(part for part in decomposed if not unicodedata.combining(part))
        forms = (letter, unaccented, letter.lower().translate(SPELLINGS), letter.casefold())
        spellings = (spelling for form in forms for spelling in (form, form.lower(), form.upper()))
        return next((spelling for spelling in spellings if spelling and set(spelling) <= set(self.alphabet)), "")


def normalised(text: str, fold_case: bool = True) -> str:
    """A text in Unicode NFC with single spaces and, with `fold_case`, in lower case."""
    text = " ".join(unicodedata.normalize("NFC", text).split())
    return unicodedata.normalize("NFC", text.lower()) if fold_case else text


def _named(letter: str) -> str:
    return f"U+{ord(letter):04X} {unicodedata.name(letter, '')}".strip()


def _short(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 3]}..."
