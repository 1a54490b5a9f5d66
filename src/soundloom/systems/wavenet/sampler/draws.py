"""Draw the next symbol from a network's outputs, of one sequence or of 16 lanes (output, lane)."""

from __future__ import annotations

from math import log

import numpy as np
from numpy.typing import NDArray

from soundloom.systems.wavenet.sampler.compilation import compiled
from soundloom.systems.wavenet.sampler.elementwise import exp
from soundloom.systems.wavenet.sampler.weights import Floats

BELOW_ONE = np.float32(1 - 2**-23)  # times a positive number: less than that number
ZERO = np.float32(0.0)
HIGHEST = 65535  # the largest symbol where symbols embed as numbers
EDGE = 1e-12  # uniform numbers are kept this far from 0 and 1, so that the logistic stays finite


@compiled()
def most_likely(logits: Floats, lane: int, lanes: int, classes: int) -> int:
    """The class with the largest logit, the first of equals."""
    best = 0
    for c in range(1, classes):
        if logits[c * lanes + lane] > logits[best * lanes + lane]:
            best = c
    return best


@compiled(reorder=True)
def largest(logits: Floats, classes: int) -> np.float32:
    """The largest logit; the comparisons may be reordered, as their result does not depend on the order."""
    peak: np.float32 = logits[0]
    for c in range(1, classes):
        peak = max(peak, logits[c])
    return peak


@compiled()
def accumulate_masses(
    logits: Floats, masses: Floats, lanes: int, classes: int, temperature: float, top_p: float
) -> None:
    """Replace masses by cumulative sums of unnormalised probabilities.

    Args:
        logits: (class, lane).
        masses: (class, lane); on entry each is the largest logit of its lane.
    """
    sharpness = np.float32(1 / temperature)
    for n in range(classes * lanes):
        masses[n] = exp((logits[n] - masses[n]) * sharpness)
    if top_p < 1:
        for lane in range(lanes):
            keep_nucleus(masses, lane, lanes, classes, top_p)
    for n in range((classes - 1) * lanes):
        masses[n + lanes] += masses[n]


@compiled()
def keep_nucleus(masses: Floats, lane: int, lanes: int, classes: int, top_p: float) -> None:
    """Set the masses of all but the most likely classes to 0; those kept hold at least `top_p` of the total.

    Classes that are as likely as the least likely of those kept are kept too.
    """
    total = 0.0
    for c in range(classes):
        total += masses[c * lanes + lane]
    low, high = ZERO, np.float32(1.0)  # thresholds that keep enough, and too little (the peak's own aside)
    while True:
        middle = (low + high) * np.float32(0.5)
        if middle <= low or middle >= high:
            break
        kept = 0.0
        for c in range(classes):
            if masses[c * lanes + lane] >= middle:
                kept += masses[c * lanes + lane]
        if kept >= top_p * total:
            low = middle
        else:
            high = middle
    for c in range(classes):
        if masses[c * lanes + lane] < low:
            masses[c * lanes + lane] = ZERO


@compiled()
def draw_class(sums: Floats, lane: int, lanes: int, classes: int, uniform: float) -> int:
    """The first class whose cumulative mass exceeds `uniform` of the total; its own mass is above 0."""
    bound = min(np.float32(uniform), BELOW_ONE) * sums[(classes - 1) * lanes + lane]
    low, high = 0, classes - 1
    while low < high:
        middle = (low + high) // 2
        if sums[middle * lanes + lane] > bound:
            high = middle
        else:
            low = middle + 1
    return low


@compiled()
def draw_logistic(
    outputs: Floats,
    lane: int,
    lanes: int,
    components: int,
    least_log_scale: np.float32,
    temperature: float,
    uniforms: NDArray[np.float64],
) -> int:
    """Draw a symbol of 0 to HIGHEST from a mixture of logistics over [-1, 1], with two uniform numbers.

    Args:
        outputs: logits, means and log scales of the components.
        temperature: divides the logits and multiplies the scales; 0 takes the mean of the most likely component.
    """
    chosen = most_likely(outputs, lane, lanes, components)
    noise = 0.0
    if temperature > 0:
        peak = outputs[chosen * lanes + lane]
        total = ZERO
        for m in range(components):
            total += exp((outputs[m * lanes + lane] - peak) * np.float32(1 / temperature))
        bound = min(np.float32(uniforms[0]), BELOW_ONE) * total
        total = ZERO
        for m in range(components):
            total += exp((outputs[m * lanes + lane] - peak) * np.float32(1 / temperature))
            if total > bound:
                chosen = m
                break
        inside = min(max(uniforms[1], EDGE), 1 - EDGE)
        noise = temperature * (log(inside) - log(1 - inside))
    mean = outputs[(components + chosen) * lanes + lane]
    scale = exp(max(outputs[(2 * components + chosen) * lanes + lane], least_log_scale))
    value = min(max(mean + scale * noise, -1.0), 1.0)
    return int(np.floor((value + 1) * (0.5 * HIGHEST) + 0.5))


@compiled()
def value(symbol: int) -> np.float32:
    """The number in [-1, 1] for a symbol of 0 to HIGHEST."""
    return np.float32(2 * symbol / HIGHEST - 1)
