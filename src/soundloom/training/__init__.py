"""Training: from a folder of sounds to a run folder, whose checkpoint is all that generation needs.

In: the name of a system, a folder, settings. Out: a run folder with checkpoint, log, previews and all that resuming
needs.
"""

from soundloom.data.provenance import FILE as DATA
from soundloom.training.call import train
from soundloom.training.settings import TrainSettings
from soundloom.training.watcher import StepReport, Watcher

__all__ = ["DATA", "StepReport", "TrainSettings", "Watcher", "train"]
