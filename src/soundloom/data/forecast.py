"""An estimate of what training on a folder would cost, before it starts."""

from __future__ import annotations

from dataclasses import dataclass

from soundloom.data.coverage import Coverage, coverage
from soundloom.data.cut import ClipSettings
from soundloom.data.index import Index

PROCESS_BYTES = 900_000_000  # torch, a network of a few million weights, its optimiser and its EMA
WORKING_COPIES = 40  # of a batch of float32 samples: spectra, activations and their gradients
DECODED_SECONDS_PER_SECOND = 360.0  # on one core: 6 hours of sound a minute


@dataclass(frozen=True)
class Forecast:
    """Estimates; those of time hold for the speeds that were given."""

    clips: int
    coverage: Coverage
    disk_bytes: int  # the clip cache
    memory_bytes: int
    first_decode_seconds: float
    epoch_seconds: float
    training_seconds: float


def forecast(
    index: Index,
    settings: ClipSettings,
    *,
    clips_per_second: float = 300.0,
    epochs: float = 60.0,
    batch_size: int = 64,
    processors: int = 1,
) -> Forecast:
    """Clips, disk, memory and time that training on the used files of a scan takes.

    Args:
        index: a scan.
        settings: how the clips would be cut.
        clips_per_second: training speed of a preset, as its benchmark measured it on such a machine.
        epochs: times that training sees each clip.
        batch_size: clips per step.
        processors: that decode at the same time.

    Raises:
        ValueError: a speed, a size or a count is not above 0.
    """
    if min(clips_per_second, epochs, batch_size, processors) <= 0:
        raise ValueError("clips_per_second, epochs, batch_size and processors must be above 0")
    clips = sum(settings.count(entry.seconds) for entry in index.entries)
    clip_bytes = 2 * settings.channels * settings.samples
    seconds = sum(entry.seconds for entry in index.entries)
    return Forecast(
        clips=clips,
        coverage=coverage(index, settings),
        disk_bytes=clips * clip_bytes,
        memory_bytes=PROCESS_BYTES + WORKING_COPIES * batch_size * 2 * clip_bytes,
        first_decode_seconds=seconds / DECODED_SECONDS_PER_SECOND / processors,
        epoch_seconds=clips / clips_per_second,
        training_seconds=epochs * clips / clips_per_second,
    )
