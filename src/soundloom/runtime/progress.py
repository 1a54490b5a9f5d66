"""Progress of long work: a callback that learns how far it is and answers whether to go on."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Called now and then while work goes on; returning False ends it early."""

    def __call__(self, fraction: float, samples: int, /) -> bool:
        """Note how far the work is.

        Args:
            fraction: of the work, 0 to 1; never less than before.
            samples: of each sound that are there, from its start.

        Returns:
            Whether to go on.
        """
        ...


def undisturbed(fraction: float, samples: int, /) -> bool:
    """Progress of work that nobody watches or stops."""
    return True
