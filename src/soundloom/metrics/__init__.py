"""Metrics: pure functions on sets of sounds or their embeddings, each figure with a 95 % interval.

In: samples, embeddings or labels of two sets. Out: an `Estimate`, or `TooFew` where there are not enough sounds.
Distances, coverage, memorisation, conditioning accuracy, reconstruction error; `embeddings/` maps sounds to vectors.
"""
