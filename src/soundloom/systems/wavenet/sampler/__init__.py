"""Samples of a trained network one after another on the CPU, as fast as its weights can be read."""

from soundloom.systems.wavenet.sampler.sampler import Sampler, State
from soundloom.systems.wavenet.sampler.weights import PRECISIONS, Precision, Weights

__all__ = ["PRECISIONS", "Precision", "Sampler", "State", "Weights"]
