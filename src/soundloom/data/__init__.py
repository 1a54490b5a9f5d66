"""Data: from a folder of sounds to training clips, every file accounted for.

In: a folder and how to cut clips. Out: an `Index` of used and skipped files with their labels, a `ClipStore` of clips.
`walk`, `scan`, `labels` and `clips` build on one another.
"""
