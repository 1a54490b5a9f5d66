"""One folder per model family; each has a `SYSTEM`, and none imports another."""
