"""Numbers and names as text: three significant digits, a dash for a missing value, no unprintable characters."""

from __future__ import annotations

import math
from typing import Any

from soundloom.metrics.estimate import Estimate
from soundloom.runtime.files import printable

MISSING = "–"
DIGITS = 3
SHORT = 6  # letters of a fact that needs no rounding
LARGE = ((1e9, " G"), (1e6, " M"))


def number(value: float, like: float | None = None) -> str:
    """A value in three significant digits; whole numbers keep all of theirs up to a million.

    Args:
        value: NaN and infinity are shown as a dash.
        like: take as many decimals as this larger value needs, so that both line up.
    """
    if not math.isfinite(value):
        return MISSING
    scale = max(abs(value), abs(like) if like is not None and math.isfinite(like) else 0.0)
    if value == 0:
        return "0"
    if not 1e-3 <= scale < 1e12:
        return f"{value:.{DIGITS - 1}e}".replace("e-0", "e-").replace("e+0", "e").replace("e+", "e")
    for size, suffix in LARGE:
        if scale >= size:
            return number(value / size, scale / size) + suffix
    places = max(0, DIGITS - 1 - math.floor(math.log10(scale)))
    text = f"{value:,.{places}f}".replace(",", " ")
    if float(value).is_integer() and like is None:
        text = text.split(".")[0]
    return text if any(digit in text for digit in "123456789") else text.lstrip("-")


def interval(estimate: Estimate) -> tuple[str, str]:
    """The value and its 95 % interval ("0.11 to 0.14"), with equal decimals; "" where there is no interval."""
    value, low, high = estimate
    ends = [end for end in (low, high) if math.isfinite(end)]
    if not math.isfinite(value) or len(ends) < 2 or (low == value == high):
        return number(value), ""
    largest = max(abs(end) for end in (value, low, high))
    return number(value, largest), f"{number(low, largest)} to {number(high, largest)}"


def as_text(value: Any) -> str:
    """Any value as text without control characters or bytes that a page, a terminal or UTF-8 cannot hold."""
    text = str(value)
    try:
        text = printable(text)
    except UnicodeEncodeError:  # half of a surrogate pair, which no file name gives
        text = text.encode("utf-8", "backslashreplace").decode()
    return text if text.isprintable() else "".join(_visible(letter) for letter in text)


def fact(value: Any) -> str:
    """A fact of any type as text: numbers short, lists with commas, None as a dash."""
    if value is None or value == "":
        return MISSING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}".replace(",", " ") if abs(value) >= 10_000 else str(value)
    if isinstance(value, float):
        short = f"{value:g}"
        return short if len(short) <= SHORT and math.isfinite(value) else number(value)
    if isinstance(value, dict):
        return ", ".join(f"{as_text(key)}: {fact(part)}" for key, part in value.items()) or MISSING
    if isinstance(value, list | tuple):
        return ", ".join(fact(part) for part in value) or MISSING
    return as_text(value)


def label(key: str) -> str:
    """The key of a fact as words: `sample_rate` is "sample rate (Hz)"."""
    units = {"sample_rate": " (Hz)", "loudness_lufs": "", "seconds": " (each sound)"}
    words = {"loudness_lufs": "loudness (LUFS)", "held_out": "held-out sounds", "training": "training sounds"}
    return words.get(key, as_text(key).replace("_", " ") + units.get(key, ""))


def _visible(letter: str) -> str:
    code = ord(letter)
    if letter in "\n\t" or (code >= 0x20 and not 0x7F <= code < 0xA0):
        return letter
    return f"\\x{code:02x}"
