"""Generation: the one door through which sounds are made.

In: a `Request`. Out: sounds in order, or files with the request that makes them again.
"""
