"""What all other packages use and that knows nothing of sound: settings, files, generators, processors, signals.

In: values, paths and functions. Out: settings as JSON, atomic files, locks, random generators, work in threads,
compiled loops.
"""
