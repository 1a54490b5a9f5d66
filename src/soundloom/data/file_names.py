"""Which file of a folder a row of a label table means, also where it was written on another computer."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable
from pathlib import PurePosixPath

from soundloom.runtime.files import printable

ABSOLUTE = re.compile(r"(file://)?(/|~|[a-z]:/)", re.IGNORECASE)


class FileNames:
    """The files of a folder, found by the names that a table below it gives them."""

    def __init__(self, locations: Iterable[str]) -> None:
        self.exact = {_normal(location): location for location in locations}
        self.any_case: dict[str, str | None] = {}  # None where two files differ in case alone
        for name, location in self.exact.items():
            folded = name.casefold()
            self.any_case[folded] = None if folded in self.any_case else location

    def find(self, base: PurePosixPath, name: str) -> tuple[str | None, bool]:
        """The location of a file, and whether it was found only by guessing.

        Args:
            base: the folder of the table, relative to the folder that was walked.
            name: relative to `base`, with slashes or backslashes. Of an absolute name, as on another computer, the
                longest end that is a file below `base` counts. Letters may differ in case where that leaves no doubt.
        """
        name = name.replace("\\", "/")
        location = self.exact.get(_normal(str(base / name)))
        if location is not None:
            return location, False
        parts = PurePosixPath(name).parts
        firsts = range(1, len(parts)) if ABSOLUTE.match(name) else range(1)
        for first in firsts:
            end = _normal(str(base.joinpath(*parts[first:])))
            location = self.exact.get(end) or self.any_case.get(end.casefold())
            if location is not None:
                return location, True
        return None, False


def _normal(location: str) -> str:
    # macOS decomposes accents in file names, tables mostly do not
    text = unicodedata.normalize("NFC", printable(location))
    return str(PurePosixPath(os.path.normpath(text).replace(os.sep, "/")))
