"""Candidates: whatever generated the sounds that are evaluated. A model, a baseline, a folder, or sounds in memory.

In: a name, or sounds. Out: blocks of sounds on common terms.
"""
