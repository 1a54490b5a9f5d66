"""The contract: what a system promises, and what training, generation and evaluation may ask of it.

In: nothing. Out: `System`, `Stage`, `Objective`, `Batch` and the values that pass between them.
"""
