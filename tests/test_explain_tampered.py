"""What does not come out of a replay is called unexplained, and nothing made from it explained."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from impls.numpy_backprop import NumpyBackprop
from shared.backend import Array, Params, StepGradients
from shared.explain.bits import differing, same_bits
from shared.explain.differences import Why
from shared.explain.reading import Reading
from shared.explain.replay import Replay
from shared.explain.spine import handed_in
from shared.optimizer import Optimizer
from tests.explained_runs import (
    Step,
    array,
    backend,
    changed_at,
    counted,
    first_step,
    maker,
    next_float,
    read,
    replay,
    replayed,
    run_on,
    same,
    told,
    with_operation,
)

UPSTREAM = ["z1", "a1", "z2", "a2", "dL/da2", "dL/dz2", "dL/da1"]
"""Joints that dL/dW1 is made from."""


@pytest.fixture(scope="module")
def step() -> Step:
    """A step of which torch's order in dL/dz1 is the first thing that changes a bit."""
    before = (*UPSTREAM, "L")
    return first_step(
        "torch", "float64",
        lambda ours, theirs: same(ours, theirs, *before) and not same(ours, theirs, "dL/dW1"),
    )  # fmt: skip


def of(name: str, reading: Reading, step: Step) -> Replay:
    return replayed(reading, step, backend(name, step.network, step.dtype))


def moved(name: str, step: Step, role: str) -> Replay:
    """A step in whose reading one number of a quantity is the next float."""
    right = replay(name, step)
    return of(name, changed_at(right.reading, right.stands[role], next_float), step)


def test_what_is_not_tampered_with_is_explained(step: Step) -> None:
    count, explained = counted(replay("numpy", step), replay("torch", step), step)["dL/dW1"].counts
    assert count == explained > 0


@pytest.mark.parametrize("role", UPSTREAM)
def test_a_joint_off_by_one_float_is_unexplained(step: Step, role: str) -> None:
    found = told(replay("numpy", step), moved("torch", step, role), step)[role]
    assert found.why is Why.UNEXPLAINED
    assert found.here.any()


@pytest.mark.parametrize("role", UPSTREAM)
def test_a_joint_of_the_reference_off_by_one_float_is_unexplained(step: Step, role: str) -> None:
    found = told(moved("numpy", step, role), replay("torch", step), step)[role]
    assert found.why is Why.UNEXPLAINED


@pytest.mark.parametrize("role", UPSTREAM)
@pytest.mark.parametrize("tampered", ["numpy", "torch"])
def test_nothing_made_from_a_joint_off_by_one_float_is_explained(
    step: Step, role: str, tampered: str
) -> None:
    both = [
        moved(name, step, role) if name == tampered else replay(name, step)
        for name in ("numpy", "torch")
    ]
    found = counted(both[0], both[1], step)
    assert found["dL/dW1"].here.any()
    assert not found["dL/dW1"].explained.any()


def test_what_is_not_made_from_it_stays_explained(step: Step) -> None:
    """torch makes its dL/dL of L, but no number of L is used for a gradient."""
    found = counted(replay("numpy", step), moved("torch", step, "L"), step)["dL/dW1"]
    assert found.counts[0] == found.counts[1] > 0


def sigmoid_of(step: Step, again: Callable[[Sequence[Array]], tuple[Array, ...]]) -> Replay:
    """torch's step with another first sigmoid, when it is made again; without its functions."""
    right = replay("torch", step)
    made = maker(right, "a1")
    assert made.name == "aten.sigmoid"
    return replayed(with_operation(right.reading, made.index, again), step)


def with_other_bits(step: Step) -> Replay:
    made = maker(replay("torch", step), "a1")
    return sigmoid_of(step, lambda arrays: tuple(map(next_float, made.again(arrays))))


def test_of_a_sigmoid_that_gives_other_bits_again_nothing_is_explained(step: Step) -> None:
    found = counted(replay("numpy", step), with_other_bits(step), step)
    assert found["dL/dW1"].here.any()
    assert not found["dL/dW1"].explained.any()


def test_where_such_a_sigmoid_differs_it_is_unexplained() -> None:
    step = first_step("torch", "float32", lambda ours, theirs: not same(ours, theirs, "a1"))
    hand = replay("numpy", step)
    assert told(hand, replay("torch", step), step)["a1"].why is not Why.UNEXPLAINED
    assert told(hand, with_other_bits(step), step)["a1"].why is Why.UNEXPLAINED


def off_by(floats: int, z: Array) -> Array:
    """1 / (1 + e), for e so many floats above exp(-z)."""
    e = np.exp(-z)
    for _ in range(floats):
        e = np.nextafter(e, e.dtype.type(np.inf))
    return np.asarray(1 / (1 + e))


def with_exp_off_by(floats: int, step: Step) -> Replay:
    """torch's step whose first sigmoid has such an exp, and has it again when made again."""
    right = replay("torch", step)
    made = maker(right, "a1")
    reading = with_operation(right.reading, made.index, lambda arrays: (off_by(floats, arrays[0]),))
    z = array(right, "z1")
    reading = changed_at(reading, right.stands["a1"], lambda _: off_by(floats, z))
    return replayed(reading, step)


def _tells_two_floats(step: Step) -> bool:
    """Whether an exp two floats off gives an a that none beside the right one does."""
    z = array(replay("torch", step), "z1")
    e = np.exp(-z)
    beside = [off_by(0, z), off_by(1, z), np.asarray(1 / (1 + np.nextafter(e, 0)))]
    two = off_by(2, z)
    return bool(np.logical_and.reduce([differing(one, two) for one in beside]).any())


@pytest.fixture(scope="module")
def telling() -> Step:
    return next(step for seed in range(80) if _tells_two_floats(step := Step(seed=seed)))


@pytest.mark.parametrize(
    ("floats", "why"), [(0, None), (1, Why.EXP), (2, Why.UNEXPLAINED), (9, Why.UNEXPLAINED)]
)
def test_an_exp_may_be_off_by_one_float_and_no_more(
    telling: Step, floats: int, why: Why | None
) -> None:
    found = told(replay("numpy", telling), with_exp_off_by(floats, telling), telling).get("a1")
    assert (None if found is None else found.why) is why


@pytest.mark.parametrize(("floats", "is_explained"), [(1, True), (9, False)])
def test_of_a_wrong_exp_nothing_is_explained(
    telling: Step, floats: int, is_explained: bool
) -> None:
    """Not even if the step went on with it, so that all comes out when it is made again."""
    one = replayed(run_on(with_exp_off_by(floats, telling).reading), telling)
    given = {role: array(one, role) for role in handed_in(telling.network)}
    made = one.make("dL/dW2", given)
    assert made is not None
    assert same_bits(made, array(one, "dL/dW2"))
    found = counted(replay("numpy", telling), one, telling)["dL/dW2"]
    assert found.here.any()
    assert found.explained.tolist() == (found.here & is_explained).tolist()


class OtherWay(NumpyBackprop):
    """The derivation by hand, whose dL/dz1 is made in another way."""

    def slope(self, above: Array, a: Array) -> Array:
        made: Array = above * (1 - a) * a
        return made

    def gradients(self, params: Params, x: Array, y: Array) -> StepGradients:
        loss, (_, a1, a2), logits = self.loss(params, x, y)
        d2 = 2 * (a2 - y) / a2.size * (a2 * (1 - a2))
        d1 = self.slope(d2 @ params[2], a1)
        grads = (d1.mT @ x, d1.sum(axis=-2), d2.mT @ a1, d2.sum(axis=-2))
        return StepGradients(self._evaluation(loss, (a1, a2), logits), grads)


class OtherFormula(OtherWay):
    def slope(self, above: Array, a: Array) -> Array:
        made: Array = above * (a - a * a)
        return made


@pytest.mark.parametrize(
    ("kind", "why"),
    [(OtherWay, Why.PRODUCT), (OtherFormula, Why.FORMULA)],
)
def test_two_derivations_by_hand_differ_by_what_stands_in_them(
    kind: type[OtherWay], why: Why
) -> None:
    """The same on every processor: NumPy computes both, and all but dL/dz1 alike."""
    steps = (Step(seed=seed) for seed in range(80))
    step = next(one for one in steps if not same(*_by_hand(one, kind), "dL/dz1"))
    found = told(*_by_hand(step, kind), step)
    assert {role: one.why for role, one in found.items() if one.why} == {"dL/dz1": why}
    assert set(found) <= {"dL/dz1", "dL/db1", "dL/dW1"}


def _by_hand(step: Step, kind: type[OtherWay]) -> tuple[Replay, Replay]:
    one = kind(step.network, Optimizer(0.05), step.dtype)
    return replay("numpy", step), replayed(read(one, "numpy", step), step, one)
