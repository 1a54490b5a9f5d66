"""What each figure means, in a sentence or two."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from soundloom.evaluation.report.order import simple


class Entry(NamedTuple):
    """How to read the figures whose name matches."""

    pattern: str
    title: str
    meaning: str
    paper: str = ""


ENTRIES = (
    Entry(
        r"\bkid\b",
        "KID",
        "Kernel inception distance between two sets of embedded sounds (squared maximum mean discrepancy, cubic "
        "kernel), times 1000. It is unbiased: two samples of the same source come out around 0, half of them below.",
        "https://arxiv.org/abs/1801.01401",
    ),
    Entry(
        r"\bkad\b",
        "KAD",
        "The same with a Gaussian kernel whose width fits the real sounds; it agrees well with listening tests.",
        "https://arxiv.org/abs/2502.15602",
    ),
    Entry(
        r"frechet|\bfad\b",
        "Fréchet distance",
        "Distance between the Gaussians fitted to the two sets. It is biased upwards for few sounds; n → ∞ means that "
        "it was computed at several set sizes and extrapolated to infinitely many sounds.",
        "https://arxiv.org/abs/2311.01616",
    ),
    Entry(
        r"density",
        "Density",
        "The number of real neighbourhoods that a generated sound lies in, relative to a real sound: fidelity. Low if "
        "sounds are unlike any real one. It can be high for a model that generates one typical sound over and over.",
        "https://arxiv.org/abs/2002.09797",
    ),
    Entry(
        r"coverage",
        "Coverage",
        "The share of real sounds with a generated one in their neighbourhood; just below 1 for real sounds: variety. "
        "Low if some kinds of sounds are missing.",
        "https://arxiv.org/abs/2002.09797",
    ),
    Entry(
        r"\bndb\b",
        "NDB",
        "Number of statistically different bins, as a share: real sounds are clustered into bins, and a bin is "
        "different if the generated sounds fill it significantly more or less often. About 0.05 by chance. More sounds "
        "reveal smaller differences, so compare at equal numbers only.",
        "https://arxiv.org/abs/1805.12462",
    ),
    Entry(
        r"\bjs\b|jensen",
        "JS",
        "Jensen-Shannon divergence between the shares of real and generated sounds in those bins, from 0 (equal) to 1 "
        "bit. It is biased upwards for few sounds, so compare it with the floor's.",
    ),
    Entry(
        r"^diversity",
        "Diversity",
        "Mean distance between two generated sounds, divided by that between two real ones. Below 1, they are too "
        "similar; above 1, they are more spread out than real sounds, as noise is.",
    ),
    Entry(
        r"inception",
        "Inception score",
        "The effective number of classes that a classifier, trained on the training sounds, predicts with confidence; "
        "from 1 to the number of classes. It does not notice if all sounds of a class are the same.",
        "https://arxiv.org/abs/1606.03498",
    ),
    Entry(
        r"accuracy",
        "Accuracy",
        "The share of sounds with the requested value, as predicted by a classifier or pitch tracker. The accuracy of "
        "the same predictor on real sounds is a practical upper limit.",
    ),
    Entry(
        r"spectral convergence",
        "Spectral convergence",
        "Difference of two magnitude spectrograms relative to the original, in dB; 0 dB is the error of silence.",
    ),
    Entry(r"log.?spectral", "Log-spectral distance", "Mean difference of levels in the spectrogram, in dB."),
    Entry(
        r"multi.?resolution",
        "Multi-resolution STFT distance",
        "Spectral convergence plus the difference of log-magnitudes, averaged over three window lengths.",
        "https://arxiv.org/abs/1910.11480",
    ),
    Entry(r"mssim|structural", "MSSIM", "Structural similarity of the spectrograms as images; 1 if they are equal."),
    Entry(r"si.?sdr", "SI-SDR", "Level of the original relative to that of the error, in dB; sensitive to phase."),
    Entry(
        r"bits|likelihood",
        "Bits per sample",
        "Negative log-likelihood of held-out sounds under the model; comparable between models of one representation "
        "and sample rate. Simple predictors, fitted to the training set, give it a scale: the frequency of each value "
        "(unigram), of each value after another (markov), and linear prediction from 32 samples (linear). Bits saved: "
        "theirs minus the model's, on the same sounds.",
    ),
    Entry(
        r"memoris|nearest",
        "Memorised",
        "The share of generated sounds that are nearer to a single training sound than held-out sounds are. Listen to "
        "them before you conclude that the model repeats its training set.",
    ),
    Entry(
        r"rank correlation|spearman",
        "Rank correlation",
        "Between requested and measured values: 1 if a higher request always gives a higher value, 0 for no control.",
    ),
    Entry(
        r"conditional diversity",
        "Conditional diversity",
        "Mean distance between two sounds generated from the same complete request, divided by that between a training "
        "sound and the five of its kind with the nearest labels. Far below 1, the request determines the sound.",
    ),
    Entry(
        r"coherence",
        "Coherence",
        "One slider of a request is moved, everything else is equal, and its descriptor is measured in the sound. E1: "
        "the share of sounds with a higher value at 0.8 than at 0.2; E2: at 0.5 than at 0.2; E3: at 0.8 than at 0.5; "
        "each the mean over sliders. A slider without effect scores about 0.5, or 0 if the sound does not change at "
        "all. The baseline retrieves the training sound nearest to the same request.",
        "https://arxiv.org/abs/1911.11853",
    ),
    Entry(
        r"real.?time factor",
        "Real-time factor",
        "Seconds of work for one second of sound, when generating eight sounds on one processor of the computer named "
        "above, batched if that is faster for the model. The interval spans five trials; it is not a 95 % interval.",
    ),
    Entry(
        r"speed|seconds of sound",
        "Speed",
        "Seconds of sound generated in one second, on the computer named above.",
    ),
    Entry(r"memory", "Peak memory", "The largest amount of memory that the process held while it generated."),
)
ALWAYS = (
    Entry(
        "",
        "Floor",
        "Training sounds compared with held-out ones. Both are real, so a model cannot be expected to come nearer; one "
        "that does is lucky, or repeats its training set.",
    ),
    Entry(
        "",
        "Ceiling",
        "Held-out sounds encoded and decoded by a representation, without a model: the best that a model which "
        "generates that representation can reach.",
    ),
    Entry(
        "",
        "Bad references",
        "Sounds that are wrong on purpose. A figure that does not separate them from real sounds is of no use for this "
        "kind of sound, whatever its value for the models.",
    ),
    Entry(
        "",
        "Baselines",
        "Simple ways to generate sounds, evaluated like models. A model that does not beat them has learned little.",
    ),
    Entry(
        "",
        "95 % intervals",
        "The range of values to expect with other sounds from the same sources. If two intervals overlap, these sounds "
        "cannot separate the two; bold marks the best model or baseline only if its interval overlaps with no other. "
        "Other uncertainty, such as training again with another seed, is not included.",
    ),
)


def entries(names: Iterable[str], roles: Iterable[str]) -> list[Entry]:
    """What to explain for figures of these names and subjects of these roles."""
    found, seen = [simple(name) for name in names], set(roles)
    wanted = {"Floor": "floor", "Ceiling": "ceiling", "Bad references": "bad", "Baselines": "baseline"}
    general = [entry for entry in ALWAYS if wanted.get(entry.title) in {None, *seen}]
    return general + [entry for entry in ENTRIES if any(re.search(entry.pattern, name) for name in found)]
