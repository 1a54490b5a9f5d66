"""From a folder of sounds to training clips: `walk`, `scan`, `labels` and `clips` build on one another."""
