"""Sampling options of a WaveNet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from soundloom.runtime.settings import nearest
from soundloom.systems.wavenet.sampler.weights import PRECISIONS

AUTO = "auto"
CUDA = "cuda"
DEVICES = ("cpu", CUDA)
MOST_GUIDANCE = 20.0

OPTIONS = {
    "weights": f"{', '.join(PRECISIONS)} or auto (default): the fastest of them that was measured to cost less than "
    "0.5 % in bits",
    "guidance": "1 (default) is the model's own distribution; more makes sounds follow their conditions more closely: "
    "1.5 suits words, above 2 sounds get worse; all but 1 takes twice the time",
    "top_p": "1 (default) draws from all classes; less draws only from the most likely with this total probability",
    "device": "cpu (default), or cuda: hundreds of sounds at once on a GPU; the sounds differ from those of a CPU",
}
FOR_CLASSES = ("guidance", "top_p")


def check_options(options: Mapping[str, Any]) -> None:
    """Refuse impossible values of sampling options.

    Raises:
        ValueError: names the possible values.
    """
    for name, known in (("weights", (AUTO, *PRECISIONS)), ("device", DEVICES)):
        value = options.get(name, known[0])
        if value not in known:
            raise ValueError(f"{name}={value}: {nearest(str(value), known)}")
    top_p, guidance = options.get("top_p", 1.0), options.get("guidance", 1.0)
    if isinstance(top_p, bool) or not isinstance(top_p, int | float) or not 0 < top_p <= 1:
        raise ValueError(f"top_p={top_p} but must be a share above 0 and at most 1; 1 draws from all classes")
    if isinstance(guidance, bool) or not isinstance(guidance, int | float) or not 0 <= guidance <= MOST_GUIDANCE:
        raise ValueError(f"guidance={guidance} but must be 0 to {MOST_GUIDANCE:g}; 1 is none, 1.5 suits words")
    if options.get("device") == CUDA:
        if options.get("weights", AUTO) not in (AUTO, "float32"):
            raise ValueError(f"weights={options['weights']} is for the CPU; leave it out with device={CUDA}")
        if not torch.cuda.is_available():
            raise ValueError(f"device is {CUDA} but torch finds no CUDA device here; leave it out")
