"""How a training ended, and what to do next."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from soundloom.runtime.units import duration

if TYPE_CHECKING:
    from soundloom.training.loop import Outcome
    from soundloom.training.measurement import Measurement


def training_summary(outcome: Outcome, again: str) -> dict[str, Any]:
    """How a training ended, and what to do next."""
    from soundloom.training.validation import BEST

    done = f"trained {outcome.steps} steps in {duration(outcome.seconds)}"
    if not outcome.steps:
        done += " (all the time went into preparing: give more --minutes, and go on with --resume)"
    if outcome.best and outcome.last:
        done += f"; distance to the held-out sounds {outcome.last.distance.value:.0f}"
        if outcome.best.step < outcome.last.step:
            done += f" ({outcome.best.distance.value:.0f} at step {outcome.best.step}, kept in {outcome.run / BEST})"
    generate = shlex.join(["soundloom", "generate", str(outcome.run)])
    if outcome.finished:
        next_move = f"{done}; now: {generate}"
    else:
        next_move = f"{done}, then stopped and saved; go on with: {again}, or: {generate}"
    return {
        "run": str(outcome.run),
        "steps": outcome.steps,
        "seconds": round(outcome.seconds, 1),
        "finished": outcome.finished,
        "losses": outcome.losses,
        "held_out": outcome.held_out,
        "best": _distance(outcome.best),
        "last": _distance(outcome.last),
        "next": next_move,
    }


def _distance(found: Measurement | None) -> dict[str, Any] | None:
    return None if found is None else {"step": found.step, "distance": found.distance.value}
