"""NAME=VALUE arguments as dictionaries."""

from __future__ import annotations


def pairs(texts: list[str], option: str) -> dict[str, str]:
    """Split `name=value` texts.

    Raises:
        ValueError: no `=`, no name, or a name that comes twice; the message begins with `option`.
    """
    found: dict[str, str] = {}
    for text in texts:
        name, separator, value = (part.strip() for part in text.partition("="))
        if not separator or not name:
            raise ValueError(f"{option} {text}: write it as name=value")
        if name in found:
            raise ValueError(f"{option} {text}: {name} is already {found[name]} and takes one value; leave one out")
        found[name] = value
    return found


def filters(texts: list[str]) -> dict[str, str] | None:
    """What `--where` selects: None if it is not given, {} for all files after `--where ''`."""
    return pairs([text for text in texts if text.strip()], "--where") if texts else None


def values(texts: list[str], option: str) -> dict[str, float | str]:
    """As `pairs`, with numbers where the value reads as one; the model decides what they mean."""
    return {name: _number_or_text(value) for name, value in pairs(texts, option).items()}


def _number_or_text(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text
