"""What can be asked of sampling beside its temperature."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from soundloom.runtime.settings import nearest
from soundloom.systems.wavenet.sampler.weights import PRECISIONS

AUTO = "auto"
CARD = "cuda"
DEVICES = ("cpu", CARD)
MOST_GUIDANCE = 20.0

OPTIONS = {
    "weights": f"{', '.join(PRECISIONS)} or auto (default): the last, which is the quickest, of those that were "
    "measured to cost less than 0.5 % in bits",
    "guidance": "how much more a sound is what was asked for than by the model's own distribution, which is 1, the "
    "default; 1.5 suits words, above 2 sounds suffer, and all but 1 takes twice the time",
    "top_p": "1 (default) draws from all classes, less only from the likeliest that hold this share",
    "device": "cpu (default), or cuda: hundreds of sounds at once on a graphics card, others than on the processor",
}
OF_CLASSES = ("guidance", "top_p")


def check_options(options: Mapping[str, Any]) -> None:
    """Refuse values that the settings of sampling cannot take.

    Raises:
        ValueError: says what is possible.
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
    if options.get("device") == CARD:
        if options.get("weights", AUTO) not in (AUTO, "float32"):
            raise ValueError(f"weights={options['weights']} is for the processor; leave it out with device={CARD}")
        if not torch.cuda.is_available():
            raise ValueError(f"device is {CARD} but torch finds no CUDA card here; leave it out")
