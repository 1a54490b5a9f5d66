"""The context stack: the same output in training and one frame at a time."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from networks import lively

from soundloom.systems.wavenet.context import ContextStack, ContextState
from soundloom.systems.wavenet.settings import Context

SMALL = Context(stride=4, cycles=2, layers_per_cycle=3, channels=6)
BEFORE = 2.0  # the symbol before a clip, as a number


def stack_of(config: Context) -> ContextStack:
    torch.manual_seed(0)
    return ContextStack(config).eval()


def numbers(clips: int, time: int) -> torch.Tensor:
    return 2 * torch.rand(clips, time, generator=torch.Generator().manual_seed(0)) - 1


def from_the_beginning(stack: ContextStack, values: torch.Tensor) -> torch.Tensor:
    """The conditioning of each sample of whole clips (batch, time): (batch, channels, time)."""
    before = torch.full((len(values), stack.config.frames * stack.config.stride), BEFORE)
    with torch.no_grad():
        return stack(torch.cat([before, values], dim=1)[:, :-1], values.shape[1])


@pytest.mark.parametrize("config", [SMALL, Context(stride=2, cycles=1, layers_per_cycle=1, channels=3)])
def test_one_frame_at_a_time_gives_the_output_of_training(config: Context) -> None:
    stack, values = stack_of(config), numbers(3, 30 * config.stride)
    gates = torch.randn(10, config.channels, generator=torch.Generator().manual_seed(1))
    expected = gates @ from_the_beginning(stack, values)
    state = ContextState(stack, gates, 3, BEFORE)
    for frame in range(30):
        for sample in range(frame * config.stride, (frame + 1) * config.stride):
            np.testing.assert_allclose(state.now, expected[..., sample], rtol=0, atol=1e-5)
        state.step(values[:, frame * config.stride : (frame + 1) * config.stride].numpy())


def test_a_frame_conditions_the_samples_after_it_and_none_of_its_own() -> None:
    stack, values = stack_of(SMALL), numbers(1, 80)
    before = from_the_beginning(stack, values)
    values[0, 41] += 1  # in the frame of samples 40 to 43
    changed = (from_the_beginning(stack, values) != before).any(dim=1)[0]
    assert not changed[:44].any()
    assert changed[44:].all()


def test_conditioning_is_constant_within_a_frame() -> None:
    found = from_the_beginning(stack_of(SMALL), numbers(1, 80)).unflatten(2, (20, 4))
    assert (found == found[..., :1]).all()
    assert (found[..., 1:, 0] != found[..., :-1, 0]).any(dim=1).all()


@pytest.mark.parametrize("asked", [1, 2, 5, 8, 13])
@pytest.mark.parametrize("given", [56, 57, 58, 59])
def test_any_number_of_samples_can_be_asked_for(asked: int, given: int) -> None:
    stack, values = stack_of(SMALL), numbers(1, 60)
    frames = SMALL.frames * SMALL.stride
    before = torch.full((1, frames), BEFORE)
    with torch.no_grad():
        found = stack(torch.cat([before, values[:, :given]], dim=1), asked)
    expected = from_the_beginning(stack, values)[..., given + 1 - asked : given + 1]
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)


def test_a_sequence_does_not_depend_on_those_beside_it() -> None:
    stack, values = stack_of(SMALL), numbers(5, 40)
    gates = torch.randn(10, SMALL.channels, generator=torch.Generator().manual_seed(1))
    five, one = (ContextState(stack, gates, clips, BEFORE) for clips in (5, 1))
    for frame in range(10):
        now = values[:, frame * SMALL.stride :][:, : SMALL.stride].numpy()
        five.step(now)
        one.step(now[3:4])
        assert five.now[3].tobytes() == one.now[0].tobytes()


def test_a_context_dominates_the_receptive_field() -> None:
    wavenet = lively(context=Context(stride=128, cycles=4, layers_per_cycle=7, channels=8))
    assert wavenet.receptive_field == wavenet.config.gates_before + (4 * 127 + 2) * 128 - 1
