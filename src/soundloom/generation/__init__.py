"""Generation: the one door through which sounds are made.

In: a `Request`, from the command, Python, previews, reports or tests. Out: sounds in order, or files with the request
that makes them again.
"""

from soundloom.generation.model import Model, load
from soundloom.generation.request import Request
from soundloom.generation.sampling import Generated, generate_from

__all__ = ["Generated", "Model", "Request", "generate_from", "load"]
