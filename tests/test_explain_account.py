"""Every last bit of every gradient, counted as explained or not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.backend import Params
from shared.explain.bits import differing
from shared.explain.reading import Reading
from tests.explained_runs import (
    TINY,
    WORKED,
    Step,
    array,
    backend,
    counted,
    next_float,
    replay,
    replayed,
)

OTHERS = ("torch", "jax")
DRAWN = [
    Step(TINY, seed=seed, dtype=dtype) for dtype in ("float64", "float32") for seed in range(12)
]
GRADIENTS = ("dL/dW1", "dL/db1", "dL/dW2", "dL/db2")

of_each = pytest.mark.parametrize("name", OTHERS)
at_every_step = pytest.mark.parametrize("step", [*WORKED, *DRAWN], ids=str)


def gradients(name: str, step: Step) -> Params:
    """What the backend gives, asked without a reader."""
    one = backend(name, step.network, step.dtype)
    return one.gradients(step.params, step.x, step.y).grads


@of_each
@at_every_step
def test_every_bit_that_differs_is_explained(name: str, step: Step) -> None:
    """But for those that a compiler made otherwise than the operations one by one."""
    found = counted(replay("numpy", step), replay(name, step), step)
    ours, theirs = gradients("numpy", step), gradients(name, step)
    for one, mine, its in zip(found.values(), ours, theirs, strict=True):
        here = differing(mine, its)
        compiled = differing(array(replay(name, step), one.role), its)
        assert one.here.tolist() == here.tolist()
        assert one.compiled.tolist() == compiled.tolist()
        assert one.explained.tolist() == (here & ~compiled).tolist()


@of_each
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_there_are_bits_to_explain(name: str, dtype: str) -> None:
    """Else the test above would show nothing."""
    total = [
        one.counts for step in DRAWN if step.dtype == dtype
        for one in counted(replay("numpy", step), replay(name, step), step).values()
    ]  # fmt: skip
    assert sum(count for count, _ in total) > 0
    assert sum(explained for _, explained in total) > 0


@of_each
def test_the_accounts_are_those_of_the_gradients_in_order(name: str) -> None:
    step = DRAWN[0]
    found = counted(replay("numpy", step), replay(name, step), step)
    assert tuple(found) == GRADIENTS
    shapes = [one.here.shape for one in found.values()]
    assert shapes == list(step.network.param_shapes)
    assert {one.backend for one in found.values()} == {name}


def test_of_the_hand_itself_nothing_differs() -> None:
    found = counted(replay("numpy", DRAWN[0]), replay("numpy", DRAWN[0]), DRAWN[0])
    assert [one.counts for one in found.values()] == [(0, 0)] * 4


@pytest.mark.parametrize("place", range(4))
@of_each
def test_what_a_compiler_made_otherwise_is_counted_apart(name: str, place: int) -> None:
    step = _alike(name)
    right = replay(name, step)
    assert not any(
        one.compiled.any() for one in counted(replay("numpy", step), right, step).values()
    )
    wrong = replayed(_compiled(right.reading, place), step, backend(name, step.network, step.dtype))
    found = counted(replay("numpy", step), wrong, step)
    expected = [int(i == place) for i in range(4)]
    assert [int(one.compiled.sum()) for one in found.values()] == expected
    assert [one.counts for one in found.values()] == [(n, 0) for n in expected]
    assert found[GRADIENTS[place]].compiled.flat[0]


def _alike(name: str) -> Step:
    """A step whose gradients have the hand's bits, compiled and one by one."""
    for step in (Step(seed=seed) for seed in range(80)):
        found = counted(replay("numpy", step), replay(name, step), step).values()
        if not any(one.here.any() or one.compiled.any() for one in found):
            return step
    pytest.skip(f"on this processor {name} differs at every seed below 80")


def _compiled(reading: Reading, place: int) -> Reading:
    """A reading whose backend's own gradients differ in one bit from what was read."""
    moved = list(reading.gradients)
    moved[place] = next_float(moved[place])
    return replace(reading, gradients=tuple(moved))


def test_a_compiled_bit_beside_others_that_differ_leaves_those_explained() -> None:
    """Number by number: one that a compiler changed does not take the rest with it."""
    step = next(one for one in DRAWN if _counts(one)[1] > 1)
    wrong = replayed(_compiled(replay("torch", step).reading, 0), step,
                     backend("torch", step.network, step.dtype))  # fmt: skip
    found = counted(replay("numpy", step), wrong, step)["dL/dW1"]
    before = counted(replay("numpy", step), replay("torch", step), step)["dL/dW1"]
    assert not found.explained.flat[0]
    assert found.explained.flat[1:].tolist() == before.explained.flat[1:].tolist()


def _counts(step: Step) -> tuple[int, int]:
    return counted(replay("numpy", step), replay("torch", step), step)["dL/dW1"].counts
