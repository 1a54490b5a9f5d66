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
        "Kernel distance between two clouds of embedded sounds (squared maximum mean discrepancy, cubic kernel). It "
        "has no bias, so two samples of the same source come out around 0, and slightly below as often as above.",
        "https://arxiv.org/abs/1801.01401",
    ),
    Entry(
        r"\bkad\b",
        "KAD",
        "The same idea with a Gaussian kernel whose width fits the real sounds; close to what listeners rank.",
        "https://arxiv.org/abs/2502.15602",
    ),
    Entry(
        r"frechet|\bfad\b",
        "Fréchet distance",
        "Distance between the two clouds, as if both were Gaussian. For few sounds it comes out too large; n → ∞ means "
        "that it was measured at several sizes and carried on to endlessly many sounds.",
        "https://arxiv.org/abs/2311.01616",
    ),
    Entry(
        r"density",
        "Density",
        "How many real neighbourhoods an average generated sound lies in; about 1 for real sounds. Fidelity: low when "
        "sounds are unlike any real one. It can be high for a model that makes one typical sound over and over.",
        "https://arxiv.org/abs/2002.09797",
    ),
    Entry(
        r"coverage",
        "Coverage",
        "Share of real sounds that have a generated one in their neighbourhood; just under 1 for real sounds. Variety: "
        "low when kinds of sound are missing.",
        "https://arxiv.org/abs/2002.09797",
    ),
    Entry(
        r"\bndb\b",
        "NDB",
        "Real sounds are sorted into bins of alike ones; this is the share of bins that the generated sounds fill "
        "significantly more or less often. By chance alone about 0.05; the more sounds, the smaller the differences "
        "that it finds, so compare at equal numbers only.",
        "https://arxiv.org/abs/1805.12462",
    ),
    Entry(
        r"\bjs\b|jensen",
        "JS",
        "Jensen-Shannon divergence between how often real and generated sounds fall into those bins, from "
        "0 (equally often) to 1 bit. Few sounds make it too large, so hold it against the floor's.",
    ),
    Entry(
        r"diversity",
        "Diversity",
        "Mean distance between two generated sounds, divided by that between two real ones. Below 1: they are too "
        "alike; above 1: more spread than real sounds, which noise is too.",
    ),
    Entry(
        r"inception",
        "Inception score",
        "Number of kinds that a classifier, trained on the training sounds, hears clearly and about equally often; "
        "between 1 and the number of kinds. It does not notice a kind of which all sounds are the same.",
        "https://arxiv.org/abs/1606.03498",
    ),
    Entry(
        r"accuracy",
        "Accuracy",
        "Share of sounds that are heard as what was asked for, by a classifier or a pitch tracker; it can hardly be "
        "better than the same judge's on real sounds.",
    ),
    Entry(
        r"spectral convergence",
        "Spectral convergence",
        "Difference of two magnitude spectrograms relative to the original, in dB: 0 dB is as wrong as silence.",
    ),
    Entry(r"log.?spectral", "Log-spectral distance", "Mean difference of levels in the spectrogram, in dB."),
    Entry(r"multi.?resolution", "Multi-resolution STFT distance", "Both of these over windows of several lengths."),
    Entry(r"mssim|structural", "MSSIM", "Structural similarity of the spectrograms as pictures; 1 is the same."),
    Entry(r"si.?sdr", "SI-SDR", "Level of the original over that of the difference, in dB; needs the same phase."),
    Entry(
        r"bits|likelihood",
        "Bits per sample",
        "How badly each sample of held-out sounds is foreseen from those before it; comparable between models of one "
        "representation and rate. Beside it simple predictors, fitted to the training set: how often each value occurs "
        "(unigram), which follows which (markov), and linear prediction from 32 samples (linear). Bits saved: theirs "
        "less the model's, on the same sounds.",
    ),
    Entry(
        r"cop(y|ies)|memor|nearest",
        "Copies",
        "How near generated sounds come to single training sounds, compared with how near held-out sounds come. "
        "Listen to those that stand out before you call them copies.",
    ),
    Entry(
        r"rank correlation|spearman",
        "Rank correlation",
        "Whether sounds that were asked for more have more: 1 always, 0 no control at all.",
    ),
    Entry(
        r"diversity, all asked",
        "Diversity, all asked for",
        "Mean distance between two draws of one request that names everything, against that of a training sound and "
        "the five of its kind whose sliders are nearest. Far below 1: what was asked for leaves nothing to chance.",
    ),
    Entry(
        r"coherence",
        "Coherence",
        "One slider of a sound is moved and all else held; then it is measured again. E1: share of sounds that have "
        "more of it at 0.8 than at 0.2, E2: at 0.5 than at 0.2, E3: at 0.8 than at 0.5, each the mean over sliders. A "
        "slider that is not followed has about 0.5, or 0 where the same sound comes out. Beside it the training sounds "
        "that lie nearest to the same requests.",
        "https://arxiv.org/abs/1911.11853",
    ),
    Entry(
        r"real.?time factor",
        "Real-time factor",
        "Seconds of work for one second of sound, of eight sounds made on one processor of the computer named above, "
        "together where the model is quicker so, else one after another. Its interval is that of five trials, not of "
        "95 %.",
    ),
    Entry(
        r"speed|seconds of sound",
        "Speed",
        "Seconds of sound made in one second, on the computer named above.",
    ),
    Entry(r"memory", "Peak memory", "The most that the process held while it generated."),
)
ALWAYS = (
    Entry(
        "",
        "Floor",
        "Training sounds compared with held-out ones: both are real, so no model can be expected to come below it "
        "(what lies below differs by chance, or is copied).",
    ),
    Entry(
        "",
        "Ceiling",
        "Held-out sounds through the representation and back, without any model: the best that a model which generates "
        "that representation can do.",
    ),
    Entry(
        "",
        "Bad references",
        "Sounds that are wrong on purpose. If a figure does not tell them from real ones, it does not judge this kind "
        "of sound, whatever it says about the models.",
    ),
    Entry(
        "",
        "Baselines",
        "Simple means of making sounds, judged like a model. A model that does not beat them has learned little.",
    ),
    Entry(
        "",
        "95 % intervals",
        "What the figure would range over with other sounds from the same sources. Where two of them overlap, these "
        "sounds cannot tell the two apart; bold marks the best model or baseline only where its interval is apart from "
        "all others. They hold no other doubt, such as that of training again with another seed.",
    ),
)


def entries(names: Iterable[str], roles: Iterable[str]) -> list[Entry]:
    """What to explain where figures of these names and subjects of these roles are shown."""
    found, seen = [simple(name) for name in names], set(roles)
    wanted = {"Floor": "floor", "Ceiling": "ceiling", "Bad references": "bad", "Baselines": "baseline"}
    general = [entry for entry in ALWAYS if wanted.get(entry.title) in {None, *seen}]
    return general + [entry for entry in ENTRIES if any(re.search(entry.pattern, name) for name in found)]
