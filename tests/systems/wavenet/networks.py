"""Small WaveNets with random weights, and their input."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from soundloom.conditions.schema import Category, Scalar, Schema
from soundloom.representations import build
from soundloom.systems.wavenet.network import Network
from soundloom.systems.wavenet.sampling import predict
from soundloom.systems.wavenet.settings import PRESETS, Context, WaveNetConfig
from soundloom.systems.wavenet.wavenet import WaveNet

RATE = 8000
PCM = {"kind": "pcm", "sample_rate": RATE}
MEL = {"sample_rate": RATE, "n_fft": 256, "hop": 32, "bands": 8}
CONTEXT = Context(stride=8, cycles=1, layers_per_cycle=2, channels=6)
LABELS = Schema((Category("kind", ("hiss", "thump")), Scalar("pitch", (36.0, 48.0, 60.0))))
NONE = Schema()

CONFIGS: dict[str, dict[str, Any]] = {  # each part of a network, and all together
    "plain": {},
    "kernel 3": {"kernel": 3},
    "wide first layer": {"first_kernel": 5},
    "odd widths": {"residual": 5, "gate": 7, "skip": 9, "end": 11},
    "16 bits": {"representation": PCM},
    "context": {"context": CONTEXT},
    "frames": {"frames": MEL},
    "all": {"representation": PCM, "kernel": 3, "first_kernel": 4, "context": CONTEXT, "frames": MEL},
}


def config_of(**settings: Any) -> WaveNetConfig:
    """A small receptive field, so that short clips reach beyond it."""
    sizes = {"cycles": 2, "layers_per_cycle": 3, "residual": 8, "gate": 8, "skip": 16, "end": 16, "logistics": 3}
    return replace(PRESETS["tiny"], **{**sizes, **settings})


def untrained(schema: Schema = NONE, **settings: Any) -> WaveNet:
    config = config_of(**settings)
    torch.manual_seed(0)
    return WaveNet(config, build(config.representation), schema).eval()


def lively(schema: Schema = NONE, **settings: Any) -> WaveNet:
    """Untrained, with confident predictions: every sample in the receptive field matters."""
    wavenet = untrained(schema, **settings)
    with torch.no_grad():
        for name, parameter in wavenet.network.named_parameters():
            if name.endswith("bias") and not name.startswith("head"):
                parameter.normal_(0, 0.2)
        wavenet.network.first.taps.normal_()  # neighbouring classes differ
        wavenet.network.end.weight.mul_(5)
        wavenet.network.head.weight.mul_(20)
        for gates in (wavenet.network.code_gates, wavenet.network.frame_gates, wavenet.network.context_gates):
            if gates is not None:
                gates.weight.mul_(4)
    return wavenet


def in_double(network: Network) -> Network:
    """A copy in double precision, in which the small influence of a far sample is not lost."""
    network = copy.deepcopy(network).double()
    if network.context is not None:
        network.context.register_forward_pre_hook(lambda _, given: (given[0].double(), *given[1:]))
    return network


def random_symbols(wavenet: WaveNet, clips: int, time: int, seed: int = 0) -> Tensor:
    """(clips, time)."""
    return torch.randint(wavenet.levels, (clips, time), generator=torch.Generator().manual_seed(seed))


def random_codes(schema: Schema, clips: int) -> Tensor:
    """Condition rows, (clips, width); every other clip has no pitch."""
    kinds = ("hiss", "thump")
    asked = [{"kind": kinds[n % 2], "pitch": None if n % 2 else 36.0 + n} for n in range(clips)]
    return torch.stack([torch.from_numpy(schema.encode(row)) for row in asked])


def random_spectra(wavenet: WaveNet, clips: int, samples: int, seed: int = 0) -> Tensor | None:
    """Frames of clips of so many samples, (clips, band, frame); None without a vocoder."""
    if wavenet.config.frames is None:
        return None
    shape = (clips, wavenet.config.frames["bands"], 1 + samples // wavenet.config.frames["hop"])
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def forced(wavenet: WaveNet, symbols: Tensor, codes: Tensor, spectra: Tensor | None = None) -> Tensor:
    """The network's outputs for the symbols (batch, time) of whole clips: (batch, output, time)."""
    preceded = torch.nn.functional.pad(symbols, (wavenet.config.history, 0), value=wavenet.encoder.before)
    position = torch.zeros(len(symbols), dtype=torch.int64)
    with torch.no_grad():
        return wavenet.network(preceded[:, :-1], codes, symbols.shape[1], spectra, None, position)


def sampled(wavenet: WaveNet, symbols: Tensor, codes: Tensor, spectra: Tensor | None = None) -> Tensor:
    """The same outputs, computed by the sampler one symbol after another."""
    with torch.no_grad():
        return predict(wavenet.network, symbols, codes, spectra)
