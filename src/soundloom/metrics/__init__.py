"""Figures: distances between sets of sounds, copies, obedience and pairs, each with its interval."""
