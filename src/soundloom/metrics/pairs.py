"""Sums over all pairs of sounds, block by block: a Gram matrix is never held as a whole."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Kernel = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Values (row, column) of all pairs of sounds out of (row, feature) and (column, feature)."""

BLOCK = 2048  # sounds a side: 32 MiB a matrix in float64


def squared_distances(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Squared Euclidean distances (row, column), at least 0; exact to about 1e-15 of the squared norms."""
    squares: np.ndarray = np.einsum("rf,rf->r", x, x)[:, None] + np.einsum("cf,cf->c", y, y)[None]
    squares -= 2 * (x @ y.T)
    np.maximum(squares, 0.0, out=squares)
    return squares


def distances(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Euclidean distances (row, column); those of equal sounds may come out as 1e-8 of their norms."""
    squares = squared_distances(x, y)
    np.sqrt(squares, out=squares)
    return squares


def sums_across(kernel: Kernel, x: np.ndarray, y: np.ndarray, block: int = BLOCK) -> tuple[np.ndarray, np.ndarray]:
    """Row sums (len(x),) and column sums (len(y),) of kernel(x, y)."""
    rows, columns = np.zeros(len(x)), np.zeros(len(y))
    for top in range(0, len(x), block):
        for left in range(0, len(y), block):
            values = kernel(x[top : top + block], y[left : left + block])
            rows[top : top + block] += values.sum(axis=1)
            columns[left : left + block] += values.sum(axis=0)
    return rows, columns


def sums_within(kernel: Kernel, x: np.ndarray, block: int = BLOCK) -> np.ndarray:
    """Row sums (len(x),) of kernel(x, x), a symmetric one, without the pairs of a sound with itself."""
    rows = np.zeros(len(x))
    for top in range(0, len(x), block):
        here = slice(top, top + block)
        values = kernel(x[here], x[here])
        np.fill_diagonal(values, 0.0)
        rows[here] += values.sum(axis=1)
        for left in range(top + block, len(x), block):
            there = slice(left, left + block)
            values = kernel(x[here], x[there])
            rows[here] += values.sum(axis=1)
            rows[there] += values.sum(axis=0)
    return rows
