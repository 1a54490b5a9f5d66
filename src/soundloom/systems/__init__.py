"""Systems: one folder for each model family, found by its name; each has a `SYSTEM`, and none imports another.

In: settings, a representation and a schema of conditions. Out: a `System` to train in stages and to sample.
"""
