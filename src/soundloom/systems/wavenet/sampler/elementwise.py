"""Functions of one number, in single precision, which a loop over arrays runs in vector registers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from soundloom.systems.wavenet.sampler.compilation import compiled
from soundloom.systems.wavenet.sampler.vectors import FLOAT, INT, instruction

LOG2_E = np.float32(1.44269504)
LN_2_HIGH = np.float32(0.693359375)  # few bits: a product with an integer is exact
LN_2_LOW = np.float32(-2.12194440e-4)  # ln 2 = high + low
ROUND = np.float32(1.5 * 2**23)  # adding it rounds to an integer
LARGEST = np.float32(88.0)  # exp of it is finite
STEEPEST = np.float32(40.0)  # exp of it squared is finite
ONE = np.float32(1.0)
MINUS_TWO = np.float32(-2.0)
# e^r = 1 + r + r^2 (C2 + C3 r + ...), a minimax fit: relative error below 4e-9 for |r| <= ln 2 / 2
C2 = np.float32(0.49999994)
C3 = np.float32(0.166665211)
C4 = np.float32(0.041668389)
C5 = np.float32(0.00836871658)
C6 = np.float32(0.00138145988)


@instruction
def multiply_add(typing: Any, a: Any, b: Any, c: Any) -> Any:
    """a * b + c, rounded once."""
    signature = types.float32(types.float32, types.float32, types.float32)

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.fma(*values)

    return signature, emit


@instruction
def scale_by_power(typing: Any, x: Any, rounded: Any) -> Any:
    """x * 2^n for normal numbers, where `rounded` = ROUND + n: its lowest bits are added to the exponent of x."""
    signature = types.float32(types.float32, types.float32)

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        x, rounded = (builder.bitcast(value, INT) for value in values)
        return builder.bitcast(builder.add(x, builder.shl(rounded, x.type(23))), FLOAT)

    return signature, emit


@compiled()
def exp(x: np.float32) -> np.float32:
    """e^x with a relative error below 1e-7 for x from -87 to 88; x is clamped to that range."""
    x = min(max(x, -LARGEST + ONE), LARGEST)
    whole = multiply_add(x, LOG2_E, ROUND)
    n = whole - ROUND
    r = multiply_add(n, -LN_2_LOW, multiply_add(n, -LN_2_HIGH, x))
    tail = multiply_add(multiply_add(multiply_add(multiply_add(C6, r, C5), r, C4), r, C3), r, C2)
    raised: np.float32 = scale_by_power(multiply_add(r * r, tail, r) + ONE, whole)
    return raised


@compiled()
def gate(filtered: np.float32, gated: np.float32) -> np.float32:
    """tanh(filtered) * sigmoid(gated), with a single division."""
    u = exp(min(max(MINUS_TWO * filtered, -STEEPEST), STEEPEST))
    v = exp(min(max(-gated, -STEEPEST), STEEPEST))
    return (ONE - u) / ((ONE + u) * (ONE + v))
