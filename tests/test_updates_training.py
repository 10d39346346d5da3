"""Training by every kind of optimizer: what it carries goes from step to step, by every road."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, TypeAlias

import numpy as np
import pytest

from shared.backend import Array, Backend, OptimizerState, Params, Recording
from shared.optimizer import Optimizer
from shared.registry import Loaded
from tests.kinds import Kind, batches
from tests.optimizers import OPTIMIZERS

NARROW = Kind("tanh", "identity")
WIDE = Kind("sigmoid", "sigmoid", "quadratic_cost", (24, 20, 4))
STEPS = 6
Case: TypeAlias = tuple[str, str, Kind, tuple[int, ...]]

CASES: list[Case] = [
    ("sgd, decoupled", "float32", NARROW, ()),
    ("momentum, inside, decoupled", "float64", NARROW, (2,)),
    ("rmsprop, inside, coupled", "float32", NARROW, ()),
    ("adam", "float64", NARROW, (2,)),
    ("adamw", "float32", WIDE, ()),
    ("nesterov, inside", "float64", WIDE, (2,)),
]
"""Optimizer, dtype, network, replicas: each optimizer by name once; compiling takes time."""

every_case = pytest.mark.parametrize(
    "case", CASES, ids=[f"{case[0]}-{case[1]}-{case[2].sizes[0]}-{case[3]}" for case in CASES]
)


class Training:
    """One case of one backend, ready to be trained from its start or from elsewhere."""

    def __init__(self, loaded: Loaded, case: Case) -> None:
        name, dtype, kind, axes = case
        one: Optimizer = OPTIMIZERS[name].rounded(dtype)
        self.backend: Backend = loaded.create(kind.network, one, dtype)
        self.params = kind.params(dtype, *axes)
        slots = {slot: tuple(map(np.zeros_like, self.params)) for slot in one.slots}
        self.state = OptimizerState(0, slots)
        self.data, self.batches = kind.data(dtype), batches(STEPS, *axes)

    def train(self, every: int = 1) -> Recording:
        return self.backend.train(self.params, self.state, self.data, self.batches, every)


@cache
def training(loaded: Loaded, case: Case) -> Training:
    """Make a case once for all tests: its verbs are pure, and compiling takes time."""
    return Training(loaded, case)


def bits(*groups: Any) -> list[tuple[str, bytes]]:
    """The dtype and the bytes of all arrays in tuples and mappings, in their order."""
    found: list[tuple[str, bytes]] = []
    for group in groups:
        if isinstance(group, np.ndarray):
            found.append((group.dtype.name, group.tobytes()))
        else:
            parts = group.items() if isinstance(group, Mapping) else enumerate(group)
            found += [
                one for _, part in sorted(parts, key=lambda item: item[0]) for one in bits(part)
            ]
    return found


def row(arrays: Params | Mapping[str, Params], i: int | slice) -> Any:
    if isinstance(arrays, Mapping):
        return {name: row(params, i) for name, params in arrays.items()}
    return tuple(a[i] for a in arrays)


@every_case
def test_train_makes_the_steps_of_gradients_and_update(loaded: Loaded, case: Case) -> None:
    one = training(loaded, case)
    recording, params, state = one.train(), one.params, one.state
    for i, batch in enumerate(one.batches):
        result = one.backend.gradients(params, one.data.x[batch], one.data.y[batch])
        after, then = one.backend.update(params, result.grads, state)
        sides = params, state.slots, result.grads, after, then.slots
        recorded = (
            recording.before, recording.state_before, recording.grads, recording.after,
            recording.state_after,
        )  # fmt: skip
        assert bits(*sides) == bits(*(row(arrays, i) for arrays in recorded)), f"step {i + 1}"
        params, state = after, then
    assert bits(params, state.slots) == bits(recording.final[0], recording.final[1].slots)
    assert recording.final[1].step == state.step == STEPS


@every_case
def test_recording_changes_no_bit(loaded: Loaded, case: Case) -> None:
    one = training(loaded, case)
    told, silent = one.train(), one.train(every=0)
    assert bits(told.final[0], told.final[1].slots) == bits(silent.final[0], silent.final[1].slots)
    assert silent.final[1].step == STEPS
    assert len(silent.steps) == 0
    for name in one.state.slots:
        for side in (silent.state_before, silent.state_after):
            assert [w.shape for w in side[name]] == [(0, *w.shape) for w in one.params]


def test_recording_changes_no_bit_of_a_wide_velocity(loaded: Loaded, dtype: str) -> None:
    """A compiler may fuse μ v where steps are recorded, and η g where none is: two velocities."""
    one = training(loaded, ("momentum, inside, decoupled", dtype, WIDE, ()))
    told, silent = one.train(), one.train(every=0)
    assert bits(told.final[1].slots) == bits(silent.final[1].slots)


@every_case
def test_every_third_step_is_that_of_the_whole(loaded: Loaded, case: Case) -> None:
    one = training(loaded, case)
    whole, third = one.train(), one.train(every=3)
    assert third.steps.tolist() == [3, 6]
    for i, step in enumerate(third.steps.tolist()):
        for key in ("before", "after", "state_before", "state_after", "grads"):
            sides = (row(getattr(third, key), i), row(getattr(whole, key), step - 1))
            assert bits(sides[0]) == bits(sides[1]), key
    assert bits(third.final[0], third.final[1].slots) == bits(whole.final[0], whole.final[1].slots)


@every_case
def test_a_run_in_two_parts_is_the_run_in_one(loaded: Loaded, case: Case) -> None:
    """The slots go on, and so does the number of the step, by which Adam corrects."""
    one, half = training(loaded, case), STEPS // 2
    whole = one.train()
    first = one.backend.train(one.params, one.state, one.data, one.batches[:half])
    second = one.backend.train(*first.final, one.data, one.batches[half:])
    assert second.steps.tolist() == list(range(half + 1, STEPS + 1))
    assert bits(second.final[0], second.final[1].slots) == bits(
        whole.final[0], whole.final[1].slots
    )
    for part, rows in ((first, slice(0, half)), (second, slice(half, STEPS))):
        for key in ("before", "after", "state_before", "state_after", "grads"):
            assert bits(getattr(part, key)) == bits(row(getattr(whole, key), rows)), key


ADAM = next(case for case in CASES if case[0] == "adam")


def test_the_number_of_the_step_matters_to_adam(loaded: Loaded) -> None:
    """Else the last test would not notice one that begins anew."""
    one = training(loaded, ADAM)
    ends = [
        one.backend.update(one.params, one.params, OptimizerState(step, one.state.slots))[0]
        for step in (0, 3)
    ]
    assert bits(ends[0]) != bits(ends[1])


@every_case
def test_a_step_changes_no_argument(loaded: Loaded, case: Case) -> None:
    one = training(loaded, case)
    slots = dict.fromkeys(one.state.slots, one.params)
    before = bits(one.params, slots)
    one.backend.update(one.params, one.params, OptimizerState(4, slots))
    one.backend.train(one.params, OptimizerState(4, slots), one.data, one.batches)
    assert bits(one.params, slots) == before


@pytest.mark.parametrize("case", [case for case in CASES if case[3]], ids=lambda case: case[0])
def test_replicas_move_apart(loaded: Loaded, case: Case) -> None:
    """What one of them carries does not depend on the others."""
    one = training(loaded, case)
    others = tuple(np.concatenate([w[:1], 3 * w[1:]]) for w in one.params)
    seen = np.concatenate([one.batches[:, :1], one.batches[::-1, 1:]], axis=1)
    ends = [
        one.backend.train(params, one.state, one.data, chosen).final
        for params, chosen in ((one.params, one.batches), (others, seen))
    ]
    for replica, same in ((0, True), (1, False)):
        sides = [bits(row(params, replica), row(state.slots, replica)) for params, state in ends]
        assert (sides[0] == sides[1]) is same


def test_a_slot_that_is_not_carried_on_is_noticed() -> None:
    """The comparison itself: other slots are other bits."""
    a: Array = np.zeros(2)
    assert bits((a,), {"m": (a,)}) == bits((a,), {"m": (a + 0,)})
    assert bits((a,), {"m": (a,)}) != bits((a,), {"m": (-a,)})
