"""Decode a batch one clip at a time, so that a clip's bytes do not depend on the batch it is decoded in.

Libraries for Fourier transforms and matrices split a batch into blocks, choose their kernels by its size and round
differently in each: on processors with AVX-512, MKL's inverse transform of three spectra is not that of each of them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

import torch
from torch import Tensor

Owner = TypeVar("Owner")
Rest = ParamSpec("Rest")
Decode = Callable[Concatenate[Owner, Tensor, Rest], Tensor]


def clip_by_clip(decode: Decode[Owner, Rest]) -> Decode[Owner, Rest]:
    """A decorator of methods (self, x, ...) that map (batch, ...) to (batch, ...): `x` comes as batches of one clip.

    Each clip lies in memory of its own, contiguous and aligned as for any new tensor: kernels are chosen by strides and
    alignment too. Further arguments are passed on as they are, so that a generator serves one clip after another.
    """

    @wraps(decode)
    def each(self: Owner, x: Tensor, /, *rest: Rest.args, **named: Rest.kwargs) -> Tensor:
        return torch.cat([decode(self, clip, *rest, **named) for clip in map(own_memory, torch.split(x, 1))])

    return each


def own_memory(x: Tensor) -> Tensor:
    """A copy of a tensor, contiguous and aligned."""
    return x.clone(memory_format=torch.contiguous_format)
