"""Sample a trained network one step at a time on the CPU, at the speed at which memory delivers its weights."""

from soundloom.systems.wavenet.sampler.sampler import Sampler, State
from soundloom.systems.wavenet.sampler.weights import PRECISIONS, Precision, Weights

__all__ = ["PRECISIONS", "Precision", "Sampler", "State", "Weights"]
