"""One number moved to the next float, in a slot or a parameter, early or later in a run.

Where what is moved is no rounding of the formula, or is beyond half a float and what a step may be
off, it has to be found, there and nowhere else. Both are derived here apart from the certificate's
decision.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np
import pytest

from impls.numpy_backprop import NumpyBackprop
from shared.backend import OptimizerState, Params, Recording
from shared.certificate.judge import Judge, reference_for
from shared.certificate.optimizer_update import Moves, decide_tensor, is_bitwise
from shared.certificate.rounding import Rounding
from shared.certificate.stages import UPDATE
from shared.certificate.update_numbers import Constants, Numbers
from shared.certificate.update_ways import every_way
from shared.certificate.ways import SingleFloats
from shared.named_problems import problem
from shared.optimizer import Optimizer
from shared.problems import Problem
from shared.seeding import batch_runs, starting_params, starting_state
from shared.stepwise import Stepwise
from tests.exact_optimizer import PARAMETER, exact_update
from tests.optimizers import OPTIMIZERS

STEPS = 5
TENSORS = ["W1", "b1", "W2", "b2"]


@dataclass(frozen=True)
class Nudge:
    """By how many floats which number is moved after a step."""

    slot: str
    step: int
    tensor: int
    element: tuple[int, ...]
    floats: int

    def moved(self, value: Any) -> Any:
        """Step by step, since floats lie less dense beyond a power of two."""
        for _ in range(abs(self.floats)):
            value = np.nextafter(value, value.dtype.type(self.floats * np.inf))
        return value


class Nudging(NumpyBackprop):
    """NumPy's backend, but for one number of one update; all that follows is computed from it."""

    nudge: Nudge | None = None

    def update(
        self, params: Params, grads: Params, state: OptimizerState
    ) -> tuple[Params, OptimizerState]:
        after, then = super().update(params, grads, state)
        if self.nudge and self.nudge.step == then.step:
            moved = then.slots[self.nudge.slot] if self.nudge.slot else after
            tensor = moved[self.nudge.tensor]
            tensor[self.nudge.element] = self.nudge.moved(tensor[self.nudge.element])
        return after, then


def small_steps(one: Optimizer) -> Problem:
    """Steps so small beside the parameters that half a float is nearly all there is to a bound."""
    if one.name in ("rmsprop", "adam", "adamw"):
        one = replace(one, learning_rate=2.0**-16)
    return replace(problem("people16-centered").changed(epochs=1), optimizer=one)


@cache
def recorded(one: Optimizer, dtype: str, nudge: Nudge | None = None) -> Recording:
    asked = small_steps(one)
    backend = Nudging(asked.network, asked.optimizer_in(dtype), dtype)
    backend.nudge = nudge
    params = starting_params(asked, 42, dtype)
    ((_, batches),) = batch_runs(asked, 42, 0, STEPS)
    data, state = asked.dataset(dtype), starting_state(asked, params)
    return Stepwise(backend).train(params, state, data, batches)


def places(recording: Recording, slot: str) -> Iterator[tuple[int, tuple[int, ...]]]:
    params = recording.state_after[slot] if slot else recording.after
    for tensor, w in enumerate(params):
        for element in np.ndindex(w.shape[1:]):
            yield tensor, element


def numbers_at(recording: Recording, step: int, tensor: int, element: tuple[int, ...]) -> Numbers:
    place = (step - 1, *element)
    return Numbers(
        recording.before[tensor][place], recording.grads[tensor][place],
        {name: w[tensor][place] for name, w in recording.state_before.items()},
        {name: w[tensor][place] for name, w in recording.state_after.items()},
    )  # fmt: skip


def is_wrong(one: Optimizer, dtype: str, recording: Recording, nudge: Nudge) -> bool:
    """Whether the moved number is no rounding of the formula, or is beyond what is derived."""
    asked = small_steps(one).optimizer_in(dtype)
    numbers = numbers_at(recording, nudge.step, nudge.tensor, nudge.element)
    honest = numbers.after[nudge.slot] if nudge.slot else _parameter(recording, nudge)
    value = float(nudge.moved(honest))
    if nudge.slot or one.name in ("sgd", "momentum"):
        floats, constants = SingleFloats(Rounding.of(dtype)), Constants.of(asked, dtype)
        allowed = every_way(floats, asked, constants.widely(), nudge.slot, numbers.each(float))
        return value not in set(allowed)
    single = numbers.exactly()
    exact = exact_update(asked, dtype, single.w, single.g, single.before, single.after, nudge.step)[
        PARAMETER
    ]
    return abs(Fraction(value) - exact.value) > exact.error


def _parameter(recording: Recording, nudge: Nudge) -> Any:
    return recording.after[nudge.tensor][(nudge.step - 1, *nudge.element)]


def smallest_wrong(one: Optimizer, dtype: str, slot: str, step: int) -> Nudge:
    """The first number that moved by the fewest floats has to be found."""
    recording = recorded(one, dtype)
    for floats in range(1, 9):
        for tensor, element in places(recording, slot):
            for side in (1, -1):
                nudge = Nudge(slot, step, tensor, element, side * floats)
                if is_wrong(one, dtype, recording, nudge):
                    return nudge
    raise AssertionError("nothing within eight floats has to be found")


CASES = [
    pytest.param(one, slot, step, id=f"{name}-{slot or 'w'}-{step}")
    for name, one in OPTIMIZERS.items()
    for slot in (*one.slots, PARAMETER)
    for step in (1, 5)
]


@pytest.mark.parametrize(("one", "slot", "step"), CASES)
def test_the_next_float_is_found_where_it_is_wrong(
    one: Optimizer, slot: str, step: int, dtype: str
) -> None:
    nudge = smallest_wrong(one, dtype, slot, step)
    # Decay that is apart is rounded apart, and so in more ways.
    assert abs(nudge.floats) <= (4 if one.decoupled_decay and not slot else 1)
    judge = Judge("nudging", small_steps(one), dtype, 42)
    judge.add(recorded(one, dtype, nudge))
    certificate = judge.finish()
    (found,) = certificate.findings
    tensor = f"{slot} {TENSORS[nudge.tensor]}" if slot else TENSORS[nudge.tensor]
    assert (found.step, found.stage, found.tensor) == (step, UPDATE, tensor)
    assert found.element == nudge.element
    assert (certificate.found, certificate.audit.overturned) == (1, 0)


DIVIDED = {name: one for name, one in OPTIMIZERS.items() if not is_bitwise(one, PARAMETER)}


@pytest.mark.parametrize("one", DIVIDED.values(), ids=DIVIDED.keys())
@pytest.mark.parametrize("floats", [-2, -1, 1, 2])
def test_of_all_parameters_whatever_has_to_be_found_is(
    one: Optimizer, dtype: str, floats: int
) -> None:
    """Behind a division by a root one float may hide: half of one is the bound, and a bit."""
    recording, rounded = recorded(one, dtype), small_steps(one).optimizer_in(dtype)
    moves = Moves(
        recording.steps, recording.before, recording.grads, recording.after,
        recording.state_before, recording.state_after,
    )  # fmt: skip
    due = hidden = 0
    for i, after in enumerate(recording.after):
        wrong = np.zeros(after.shape, bool)
        for step, *element in np.ndindex(after.shape):
            nudge = Nudge(PARAMETER, step + 1, i, tuple(element), floats)
            wrong[(step, *element)] = is_wrong(one, dtype, recording, nudge)
        aside = Nudge(PARAMETER, 0, i, (), floats).moved(after)
        numbers = moves.numbers(i, slice(None))
        judged = decide_tensor(
            reference_for(dtype), rounded, PARAMETER, TENSORS[i], moves.steps, numbers, aside
        )
        due, hidden = due + wrong.sum(), hidden + (wrong & ~judged.failed).sum()
    assert hidden == 0
    # Of 45 numbers: two floats aside nearly all; decay that is apart is rounded apart.
    least = 0 if one.decoupled_decay else {1: 15, 2: 43}[abs(floats)]
    assert due >= least


@pytest.mark.parametrize("one", OPTIMIZERS.values(), ids=OPTIMIZERS.keys())
def test_without_a_nudge_nothing_is_found(one: Optimizer, dtype: str) -> None:
    judge = Judge("nudging", small_steps(one), dtype, 42)
    judge.add(recorded(one, dtype))
    assert judge.finish().certified
