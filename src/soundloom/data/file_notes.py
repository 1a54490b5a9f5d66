"""Remarks on single files, few enough to read: the first ones of each kind in words, the others counted."""

from __future__ import annotations

SHOWN = 5


class FileNotes:
    """Sentences by the kind of remark, in the order in which kinds first came up."""

    def __init__(self) -> None:
        self.by_kind: dict[str, list[str]] = {}

    def add(self, kind: str, sentence: str) -> None:
        """Keep a sentence about a file.

        Args:
            kind: what such files have in common, to follow "files": "with a constant offset".
            sentence: names the file and what is the matter.
        """
        self.by_kind.setdefault(kind, []).append(sentence)

    def sentences(self) -> list[str]:
        """At most 6 for each kind: up to 5 of those that were added, and how many more there are."""
        found = []
        for kind, sentences in self.by_kind.items():
            found += sentences[:SHOWN]
            more = len(sentences) - SHOWN
            if more > 0:
                found.append(f"{more} more files {kind}")
        return found
