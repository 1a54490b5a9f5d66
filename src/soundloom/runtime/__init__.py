"""What every room stands on and that knows nothing of sound: settings, files, generators, processors, signals.

In: plain values. Out: settings as JSON and back, atomic files, random generators, work in threads, compiled loops.
"""
