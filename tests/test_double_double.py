"""Pairs of floats keep 98 bits in operations and 95 in functions, held to arb's 300."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import flint
import numpy as np
import pytest
from flint import arb
from hypothesis import given
from hypothesis import strategies as st

from shared.backend import Array
from shared.certificate.double_double import DoubleDouble, two_product, two_sum
from shared.certificate.double_double_functions import exp, log1p, tanh
from tests.recordings import repeatably

Function: TypeAlias = Callable[..., Any]

BITS = 300
OPERATION, FUNCTION = -98.0, -95.0
"""The largest relative errors promised, as powers of two."""

OPERATIONS = [operator.add, operator.sub, operator.mul, operator.truediv]
FUNCTIONS = [(exp, arb.exp), (log1p, arb.log1p), (tanh, arb.tanh)]


def pair(significand: int, exponent: int, below: int) -> tuple[float, float]:
    """A number of 53 bits, and of 52 that lie below its last one."""
    return math.ldexp(significand, exponent - 53), math.ldexp(below, exponent - 106)


def pairs(lowest: int, highest: int, *, positive: bool = False) -> st.SearchStrategy[DoubleDouble]:
    """Draw a few numbers of all signs, with powers of two in this range."""
    significands = st.integers(2**52, 2**53 - 1)
    if not positive:
        significands |= significands.map(operator.neg)
    below = st.integers(-(2**51), 2**51)
    one = st.builds(pair, significands, st.integers(lowest, highest), below)
    return st.lists(one, min_size=5, max_size=5).map(lambda v: DoubleDouble(*np.array(v).T))


def pairs_near(lowest: float, highest: float) -> st.SearchStrategy[DoubleDouble]:
    """Draw a few numbers between two, with digits below the last bit."""
    floats = st.lists(st.floats(lowest, highest), min_size=5, max_size=5).map(np.array)
    return st.builds(lambda a, b: DoubleDouble.of(a) + b.high, floats, pairs(-60, -54))


def exactly(a: DoubleDouble | Array) -> list[arb]:
    """The numbers as arb has them."""
    high, low = (a.high, a.low) if isinstance(a, DoubleDouble) else (a, np.zeros_like(a))
    each = zip(np.ravel(high).tolist(), np.ravel(low).tolist(), strict=True)
    return [arb(h) + arb(v) for h, v in each]


def worst_error(found: DoubleDouble | Array, true: Sequence[arb]) -> float:
    """The largest relative error, as a power of two: -inf if there is none."""
    worst = 0.0
    for one, other in zip(exactly(found), true, strict=True):
        away = abs(one - other)
        if not (one == other or (away / abs(other)).is_finite()):
            return math.inf
        worst = max(worst, 0.0 if one == other else float((away / abs(other)).upper()))
    return math.log2(worst) if worst else -math.inf


def error_of(function: Function, right: Function, *operands: DoubleDouble | Array) -> float:
    """The same for what a function makes of pairs, where `right` does it in arb."""
    with flint.ctx.workprec(BITS):
        true = [right(*each) for each in zip(*map(exactly, operands), strict=True)]
        return worst_error(function(*operands), true)


def is_normalised(a: DoubleDouble) -> bool:
    return bool((a.high + a.low == a.high).all())


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("reach", [2, 60, 400])
@repeatably
@given(st.data())
def test_an_operation_is_accurate(operation: Function, reach: int, data: st.DataObject) -> None:
    a, b = data.draw(pairs(-reach, reach)), data.draw(pairs(-reach, reach))
    assert error_of(operation, operation, a, b) <= OPERATION
    assert is_normalised(operation(a, b))


@pytest.mark.parametrize("operation", OPERATIONS)
@repeatably
@given(pairs(-60, 60), pairs(-60, 60))
def test_an_operation_with_floats_is_accurate(
    operation: Function, a: DoubleDouble, b: DoubleDouble
) -> None:
    assert error_of(operation, operation, a, b.high) <= OPERATION
    assert error_of(operation, operation, a.high, b) <= OPERATION


@pytest.mark.parametrize("nearness", [-10, -52, -80, -100])
@repeatably
@given(st.data())
def test_a_difference_that_cancels_keeps_its_digits(nearness: int, data: st.DataObject) -> None:
    a = data.draw(pairs(-60, 60))
    b = a * (1 + data.draw(pairs(nearness, nearness)))
    assert error_of(operator.sub, operator.sub, a, b) <= OPERATION


@repeatably
@given(st.data(), st.integers(1, 70))
def test_a_sum_of_terms_that_cancel(data: st.DataObject, count: int) -> None:
    terms = [data.draw(pairs(-40, 40)) for _ in range(min(count, 4))]
    order = np.random.RandomState(count)
    row = np.concatenate([v for term in terms for v in (term, -term * (1 + 2.0**-60))])
    row = row[order.permutation(len(row))][:count]
    with flint.ctx.workprec(BITS):
        each = exactly(row)
        (found,) = exactly(row.sum())
        assert abs(found - sum(each, arb(0))) <= sum(map(abs, each), arb(0)) * arb(2) ** OPERATION


@repeatably
@given(pairs(-1000, 1000), pairs(-1000, 1000))
def test_a_sum_and_its_error_are_exact(a: DoubleDouble, b: DoubleDouble) -> None:
    parts = DoubleDouble(*two_sum(a.high, b.high))
    with flint.ctx.workprec(2100):
        expected = [x + y for x, y in zip(exactly(a.high), exactly(b.high), strict=True)]
        assert exactly(parts) == expected


@pytest.mark.parametrize(("of_a", "of_b"), [(0, 0), (1023, 0), (1000, 23), (-450, -450)])
@repeatably
@given(st.data())
def test_a_product_and_its_error(of_a: int, of_b: int, data: st.DataObject) -> None:
    a, b = (data.draw(pairs(e, e)).high for e in (of_a, of_b))
    parts = DoubleDouble(*two_product(a, b))
    assert error_of(lambda *_: parts, operator.mul, a, b) <= -103


def test_the_largest_numbers_are_multiplied_without_overflow() -> None:
    largest = np.array([np.finfo(np.float64).max])
    assert error_of(operator.mul, operator.mul, DoubleDouble.of(largest), np.array([0.7])) <= -103


RANGES = [
    (exp, arb.exp, pairs_near(-670, 709)),
    (exp, arb.exp, pairs(-300, 3)),
    (log1p, arb.log1p, pairs(-960, 1023, positive=True)),
    (log1p, arb.log1p, pairs(-110, 7, positive=True)),
    (tanh, arb.tanh, pairs(-960, 6)),
    (tanh, arb.tanh, pairs(-57, 3)),
]


@pytest.mark.parametrize(("function", "right", "numbers"), RANGES)
@repeatably
@given(st.data())
def test_a_function_is_accurate(
    function: Function, right: Function, numbers: st.SearchStrategy[DoubleDouble], data: Any
) -> None:
    a = data.draw(numbers)
    assert error_of(function, right, a) <= FUNCTION
    assert is_normalised(function(a))


@repeatably
@given(pairs_near(-745, -660))
def test_small_powers_lose_only_what_float64_cannot_hold(a: DoubleDouble) -> None:
    with flint.ctx.workprec(BITS):
        for found, x in zip(exactly(exp(a)), exactly(a), strict=True):
            assert abs(found - x.exp()) <= x.exp() * arb(2) ** FUNCTION + arb(2) ** -1074


SOME = DoubleDouble.of([0.3, 1.7])


@pytest.mark.parametrize(
    ("found", "right"),
    [
        (lambda a: np.exp(a.high), arb.exp),
        (lambda a: np.log1p(a.high), arb.log1p),
        (lambda a: np.tanh(a.high), arb.tanh),
        (lambda a: a.high * 0.1, lambda a: a * arb(0.1)),
        (lambda a: exp(a) * (1 + DoubleDouble.of(2.0**-94)), arb.exp),
    ],
)
def test_the_check_notices_what_is_less_accurate(found: Function, right: Function) -> None:
    assert error_of(found, right, SOME) > FUNCTION


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_the_check_notices_what_is_not_finite(wrong: float) -> None:
    assert error_of(lambda a: a * wrong, operator.pos, SOME) == math.inf


def test_the_check_notices_a_low_part_that_is_too_large() -> None:
    assert not is_normalised(DoubleDouble(np.ones(1), np.full(1, 2.0**-52)))


SPECIAL = np.array([0.0, 1.0, -2.0, 5e-324, 1e308, -1e308, np.inf, -np.inf, np.nan])


@pytest.mark.parametrize("operation", [*OPERATIONS, np.maximum])
def test_infinities_and_nans_are_those_of_float64(operation: Function) -> None:
    a, b = SPECIAL[:, None], SPECIAL
    found = operation(DoubleDouble.of(a), DoubleDouble.of(b))
    with np.errstate(all="ignore"):
        assert np.array_equal(found.high, operation(a, b), equal_nan=True)
    assert not found.low[~np.isfinite(found.high)].any()


@pytest.mark.parametrize("function", [operator.neg, abs, np.max, np.sum])
@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_a_number_that_is_not_finite_has_no_low_part(function: Function, value: float) -> None:
    found = function(DoubleDouble.of([1.0, value]))
    assert np.array_equal(found.high, function(np.array([1.0, value])), equal_nan=True)
    assert not found.low.any()


@pytest.mark.parametrize(
    ("function", "a", "expected"),
    [
        (exp, [-np.inf, -1e308, -800, 0, 710, 1e308, np.inf], [0, 0, 0, 1, *3 * [np.inf]]),
        (log1p, [0, 5e-324, 1e-300, np.inf], [0, 5e-324, 1e-300, np.inf]),
        (tanh, [-np.inf, -1e308, -40, 40, np.inf], [-1, -1, -1, 1, 1]),
        (tanh, [0, 5e-324, -1e-300, 1e-300], [0, 5e-324, -1e-300, 1e-300]),
        (exp, [np.nan], [np.nan]),
        (log1p, [np.nan], [np.nan]),
        (tanh, [np.nan], [np.nan]),
    ],
)
def test_a_function_at_its_ends(function: Function, a: list[float], expected: list[float]) -> None:
    found = function(DoubleDouble.of(a))
    assert np.array_equal(found.astype(np.float64), expected, equal_nan=True)
    assert not found.low[~np.isfinite(found.high)].any()
