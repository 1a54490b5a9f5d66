"""A stand-in for numerical libraries that round one clip differently when it shares a call with others.

On some processors they do: MKL transforms and multiplies a batch in blocks, oneDNN chooses a convolution by the size of
the batch, and the last elements of an array take another path than the rest. `Unsteady` exaggerates this on any
processor: the result of each operation depends on the shapes, the strides and the alignment of what it is given.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

NAMES = """
abs add add_ alias arange argmax amax amin aminmax cat ceil clamp clamp_min clamp_max clone complex constant_pad_nd
copy_ div div_ empty empty_like empty_strided eq fill_ flip floor full full_like gather ge gt index index_add index_put_
index_select isfinite item le lift_fresh logical_and logical_not lt masked_fill max maximum min minimum mul mul_ ne neg
new_empty new_full new_zeros ones ones_like pixel_shuffle rand randint randn repeat round scalar_tensor scatter
searchsorted sign sort sqrt square stack sub sub_ where zero_ zeros zeros_like _local_scalar_dense _to_copy
_unsafe_view _reshape_copy
"""
EXACT = frozenset(NAMES.split())  # correctly rounded or only moved: every library agrees to the last bit
COARSE = 512.0  # units in the last place: far above rounding errors, far below what changes the nature of a sound


class Unsteady(TorchDispatchMode):
    """While active, results depend on how their operands lie in memory; operands that lie alike give equal results.

    Args:
        error: by how much a result is off at most, in units in the last place.
    """

    def __init__(self, error: float = COARSE) -> None:
        super().__init__()
        self.error = error

    def __torch_dispatch__(self, operation: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = operation(*args, **(kwargs or {}))
        if (
            _is_exact(operation)
            or not isinstance(result, Tensor)
            or not (result.is_floating_point() or result.is_complex())
        ):
            return result
        layout = _layout(each for each in args if isinstance(each, Tensor))
        return result * (1 + self.error * torch.finfo(result.dtype).eps * layout)


@cache
def _is_exact(operation: Any) -> bool:
    name = operation._schema.name.removeprefix("aten::")
    return operation.is_view or operation._schema.is_mutable or name in EXACT


def _layout(tensors: Iterable[Tensor]) -> float:
    """A number from 0 to 1 for the shapes, strides and alignment of tensors."""
    seen = [(*each.shape, *each.stride(), each.storage_offset() * each.element_size() % 64) for each in tensors]
    return zlib.crc32(repr(seen).encode()) / 2**32
