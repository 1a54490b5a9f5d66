"""The one call that trains: a new run, one that starts from a trained model, or one that is resumed."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from soundloom.runtime.lock import exclusive
from soundloom.runtime.settings import from_json
from soundloom.training.settings import TrainSettings
from soundloom.training.watcher import Silent, Watcher

if TYPE_CHECKING:
    from soundloom.training.loop import Outcome

LOCK = "training.lock"


def train(
    system: str,
    folder: str | Path,
    *,
    out: str | Path,
    preset: str | None = None,
    start_from: str | Path | None = None,
    minutes: float | None = None,
    steps: int | None = None,
    set: Sequence[str] = (),
    where: Mapping[str, str] | None = None,
    conditions: Sequence[str] | None = None,
    labels: Sequence[str] = (),
    seed: int = 0,
    resume: bool = False,
    watcher: Watcher | None = None,
    stop: threading.Event | None = None,
    **more: Any,
) -> Outcome:
    """Train a system on a folder of sounds.

    Args:
        system: the name of a model family, such as "vae".
        folder: the sounds; with metadata.csv or folder names for labels.
        out: the run folder; made if need be. One that holds a run is refused, unless `resume`.
        preset: named settings of the system; None takes its default for any sounds.
        start_from: a trained model of the system, a shipped one's name or a run: its weights are trained further on
            these sounds. Representation and network come from it; conditions that the folder has too are kept.
        minutes: stop after so long, from this call on; the schedule adapts. Or
        steps: stop after so many steps; then an interrupted and resumed training ends with the same weights.
        set: changes to the preset, as "latent=32".
        where: use only files whose labels have these values, as {"permissive": "yes"}.
        conditions: labels that the model can be asked for; None takes the preset's, or what the data offers.
        labels: descriptors to measure in the clips, which the model can then also be asked for: "brightness" and so
            on, or "timbre" for seven of them, see `soundloom.descriptors`. Without them and without conditions, the
            preset's.
        seed: of weights, order and draws.
        resume: continue the run in `out`, under its own settings; only minutes or steps may be given again.
        watcher: its methods are called at each step and for each message.
        stop: set it to end early, as Ctrl-C does: everything is saved, and `resume` continues.
        more: other fields of `TrainSettings`.

    Raises:
        ValueError: an unknown name or value, no usable sound, a folder that holds another run, or one in which another
            process trains.
    """
    from soundloom.training.begin import begin, settings_of
    from soundloom.training.distributed import device_for, team
    from soundloom.training.resume import Asked, resumed_training

    started_at = time.monotonic()
    run, length = Path(out), {"steps": steps, "minutes": minutes}
    with team(device_for(str(more.get("device", "auto")))) as us, exclusive(run / LOCK) if us.leads else nullcontext():
        watching = watcher if watcher is not None and us.leads else Silent()
        if resume:
            asked = Asked(preset, tuple(set), where, conditions, tuple(labels), start_from)
            training = resumed_training(system, Path(folder), run, length, asked, us, watching, started_at, stop)
        else:
            start = settings_of(system, preset, set, conditions, labels, start_from)
            settings = from_json(TrainSettings, {**length, "seed": seed, **more}, where="training")
            training = begin(start, Path(folder), run, settings, where, us, watching, started_at, stop)
        outcome: Outcome = training.train()
        return outcome
