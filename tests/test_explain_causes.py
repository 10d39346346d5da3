"""Causes are told apart: another order, a fused product, flushed numbers, an unknown operation."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from shared.backend import Array
from shared.explain.differences import Why
from shared.explain.replay import Replay
from shared.explain.trees import Bias, Fused, Plus, Term, Zero, additions, has_bias, plus
from tests.explained_operations import Kernel, chain, drawn, found
from tests.explained_runs import (
    Step,
    array,
    backend,
    counted,
    maker,
    replay,
    replayed,
    run_on,
    told,
    with_operation,
)

STEP = Step((3, 2, 1), m=16, seed=2)
FORWARD, BACK = range(3), range(2, -1, -1)


def with_kernel(kernel: Kernel, role: str = "p1") -> Replay:
    """The step by hand, gone through with another kernel for one of its operations."""
    right = replay("numpy", STEP)
    one = maker(right, role)
    reading = with_operation(right.reading, one.index, lambda given: (kernel(*given),))
    return replayed(run_on(reading), STEP, backend("numpy", STEP.network, STEP.dtype))


@pytest.mark.parametrize(
    ("ours", "theirs", "why"),
    [
        ((FORWARD, False), (FORWARD, True), Why.FUSED),
        ((FORWARD, True), (FORWARD, False), Why.FUSED),
        ((FORWARD, False), (BACK, False), Why.SUM),
        ((FORWARD, True), (BACK, True), Why.SUM),
        ((FORWARD, True), (FORWARD, True), None),
    ],
)
def test_a_fused_product_is_told_from_another_order(
    ours: tuple[Sequence[int], bool], theirs: tuple[Sequence[int], bool], why: Why | None
) -> None:
    one, other = (with_kernel(chain(*way, "")) for way in (ours, theirs))
    difference = told(one, other, STEP).get("z1")
    assert (None if difference is None else difference.why) is why


@pytest.mark.parametrize(
    ("one", "other", "are_alike"),
    [
        (Plus(Term(0), Term(1)), Fused(0, Term(1)), True),
        (Plus(Term(0), Term(1)), Fused(1, Term(0)), True),
        (Plus(Plus(Zero(), Term(0)), Term(1)), Plus(Term(0), Term(1)), True),
        (Fused(1, Fused(0, Zero())), Plus(Term(0), Term(1)), True),
        (plus(plus(Term(0), Term(1)), Bias()), Fused(0, plus(Term(1), Bias())), False),
        (plus(plus(Term(0), Term(1)), Term(2)), plus(Term(0), plus(Term(1), Term(2))), False),
    ],
)
def test_additions_are_compared_whether_or_not_products_are_fused(
    one: Plus | Fused, other: Plus | Fused, are_alike: bool
) -> None:
    assert (additions(one) == additions(other)) is are_alike


def test_a_bias_is_found_wherever_it_is_added() -> None:
    assert has_bias(Fused(0, plus(Term(1), Bias())))
    assert not has_bias(Fused(0, Term(1)))


def sloppy(a: Array, w: Array) -> Array:
    """A product that no order gives."""
    return np.asarray(a @ w * (1 + 2.0**-50))


def test_behind_an_operation_that_no_order_gives_nothing_is_explained() -> None:
    """Its framework, run again, gives its bits; that proves nothing."""
    other = with_kernel(sloppy)
    right = replay("numpy", STEP)
    recipe = other.recipe("z1")
    assert recipe is not None
    assert (recipe.is_replayed, recipe.unmade) == (True, ("matmul",))
    found = counted(right, other, STEP).values()
    assert sum(one.counts[0] for one in found) > 0
    assert sum(one.counts[1] for one in found) == 0


@pytest.mark.parametrize("turned", [False, True])
def test_the_references_operations_have_to_be_made_again_too(turned: bool) -> None:
    one, other = with_kernel(sloppy), replay("numpy", STEP)
    difference = (told(other, one, STEP) if turned else told(one, other, STEP))["z1"]
    assert difference.why is Why.UNEXPLAINED
    assert "no order of matmul" in difference.evidence


def sigmoid_of(exp: Callable[[Array], Array]) -> Kernel:
    return lambda z: np.asarray(1 / (1 + exp(-z)))


def next_exp(z: Array) -> Array:
    e = np.exp(z)
    return np.asarray(np.nextafter(e, e.dtype.type(np.inf)))


def coarse_exp(z: Array) -> Array:
    return np.asarray(np.exp(z) * (1 + 2.0**-46))


@pytest.mark.parametrize(
    ("kernel", "is_near"),
    [
        (sigmoid_of(next_exp), True),
        (sigmoid_of(coarse_exp), False),
        (lambda z: np.asarray(0.5 + 0.5 * np.tanh(z / 2)), False),
        (lambda z: np.asarray(np.exp(z) / (1 + np.exp(z))), False),
        (lambda z: np.asarray(1 - 1 / (1 + np.exp(z))), False),
    ],
    ids=["next exp", "coarse exp", "tanh", "e^z", "1 -"],
)
def test_only_another_exp_passes_for_one(kernel: Kernel, is_near: bool) -> None:
    (z,) = drawn("float64", (1, 1))
    one = found("sigmoid", kernel, z)
    assert (one.orders, one.is_near) == ((), is_near)


def flushing(a: Array, b: Array) -> Array:
    tiny = np.finfo(a.dtype).tiny
    zero = [np.where(abs(one) < tiny, np.copysign(0, one), one) for one in (a, b)]
    product = zero[0] * zero[1]
    return np.asarray(np.where(abs(product) < tiny, np.copysign(0, product), product), a.dtype)


def test_a_program_for_which_subnormals_are_0_is_made_again(dtype: str) -> None:
    small = np.array([1e-20 if dtype == "float32" else 1e-160, 1.0], dtype)
    one = found("mul", flushing, small, small)
    assert [order.name for order in one.orders] == ["rounded once, subnormals taken as 0"]
    assert one.orders[0].is_flushing


def test_one_that_keeps_them_is_not_said_to_flush() -> None:
    small = np.array([1e-160, 1.0])
    one = found("mul", np.multiply, small, small)
    assert [order.name for order in one.orders] == ["rounded once"]


def test_flushed_numbers_are_a_cause_of_their_own() -> None:
    right = replay("numpy", STEP)
    one = maker(right, "dL/dz1")
    shrunk = with_operation(
        right.reading, maker(right, "dL/da1").index, lambda given: (given[0] @ given[1] * 1e-308,)
    )
    flushed = with_operation(shrunk, one.index, lambda given: (flushing(*given),))
    own = backend("numpy", STEP.network, STEP.dtype)
    ours, theirs = (replayed(run_on(reading), STEP, own) for reading in (shrunk, flushed))
    assert (abs(array(ours, "dL/dz1")) > 0).all()
    assert told(ours, theirs, STEP)["dL/dz1"].why is Why.FLUSHED
