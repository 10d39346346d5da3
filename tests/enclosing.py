"""What shared/truth/enclosure.py offers, beside the same in exact numbers, and who holds whom."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import flint
import numpy as np
from flint import arb
from hypothesis import strategies as st

from shared.backend import Array
from shared.certificate.ball import Balls
from shared.truth.enclosure import Enclosure, Enclosures

BITS = 2300
"""Sums and differences of any floats are exact in so many."""

ARITHMETIC = Enclosures()
SHAPE = (2, 3)
COUNT = 6
FIXED = np.array([[1.5, -0.25, 3.0], [-7.0, 0.0, 1e-3]])
CHOICE = FIXED > 0

VALUES = (
    st.floats(-1e300, 1e300)
    | st.floats(-2, 2)
    | st.sampled_from([0.0, -0.0, 1.0, 1 / 3, 5e-324, -5e-324, 2.0**-1022, 1e-160, 1e160, 1e308])
)
MODERATE = st.floats(-700, 709) | st.floats(-2, 2) | st.sampled_from([0.0, 1e-300, -1e-17, 0.5])
SHARES = st.sampled_from([0.0, 0.0, 2.0**-53, 2.0**-30, 0.01, 0.5, 1.0, 1.25])
RADII = st.sampled_from([0.0, 0.0, 0.0, 5e-324, 2.0**-80, 1e-3, 0.7, 3.0])
WHERE = st.sampled_from([-1.0, -1.0, 1.0, 1.0, 0.0, 0.5, -0.75, 1 - 2.0**-50])
"""Where in its interval a number is: at either end, in the middle, anywhere."""


@dataclass(frozen=True)
class Drawn:
    """An interval for each number, and a number from it, exactly."""

    interval: Enclosure
    point: Any


def drawn(values: st.SearchStrategy[float] = VALUES) -> st.SearchStrategy[Drawn]:
    """Draw arrays of SHAPE."""

    def made(rows: list[tuple[float, float, float, float]]) -> Drawn:
        middle, share, radius, at = (np.array(column).reshape(SHAPE) for column in zip(*rows))  # noqa: B905
        with np.errstate(all="ignore"):
            reach = share * abs(middle) + radius
        return within(middle, reach, at)

    row = st.tuples(values, SHARES, RADII, WHERE)
    return st.lists(row, min_size=COUNT, max_size=COUNT).map(made)


def within(middle: Array, radius: Array | float, at: Array | float) -> Drawn:
    """Take the numbers middle + at radius."""
    interval, lift = Enclosure.of(middle, radius), Balls().lift
    with flint.ctx.workprec(BITS):
        reach = lift(np.asarray(interval.radius)) * lift(np.broadcast_to(at, middle.shape))
        return Drawn(interval, lift(middle) + reach)


def holds(found: Any, true: Any) -> bool:
    """Whether no number is sure to be outside of its interval; NaN and infinity claim nothing."""
    with flint.ctx.workprec(BITS):
        flat = zip(np.ravel(found.middle), np.ravel(found.radius), np.ravel(true), strict=True)
        return not any(_outside(float(m), float(r), t) for m, r, t in flat)


def _outside(middle: float, radius: float, true: arb) -> bool:
    if np.isnan(middle) or np.isnan(radius) or radius == np.inf:
        return False
    return bool(abs(true - arb(middle)) > arb(radius)) or np.isinf(middle)


def shrunk(found: Enclosure) -> Enclosure:
    """Claim half of the radius."""
    return Enclosure(found.middle, found.radius / 2)


def exactly(operation: Operation, *points: Any) -> Any:
    """The exact result, as balls of hardly any radius."""
    with flint.ctx.workprec(BITS):
        return operation.exact(*points)


@dataclass(frozen=True)
class Operation:
    """The same in intervals and in exact numbers, of two operands."""

    enclosed: Callable[[Any, Any], Any]
    exact: Callable[[Any, Any], Any]


def both(function: Callable[[Any, Any], Any]) -> Operation:
    """What is written alike."""
    return Operation(function, function)


def each(function: Callable[..., arb]) -> Callable[..., Any]:
    """A function of exact numbers, of every number in arrays."""
    of_arrays: Callable[..., Any] = np.frompyfunc(function, function.__code__.co_argcount, 1)
    return of_arrays


_positive = each(lambda a: a if a > 0 else arb(0))
_by_sign = each(lambda z, a, b: a if z >= 0 else b)
_exp, _tanh = each(lambda a: a.exp()), each(lambda a: a.tanh())


def _summed_up(a: Any) -> Any:
    """Sums of what stands before, written into a part of zeros."""
    found = np.zeros_like(a)
    np.cumsum(a[..., :-1], axis=-1, out=found[..., 1:])
    return found


EXACT = {
    "add": both(lambda a, b: a + b),
    "add floats": both(lambda a, _: FIXED + a),
    "subtract": both(lambda a, b: a - b),
    "subtract from floats": both(lambda a, _: 1 - a),
    "negative": both(lambda a, _: -a),
    "multiply": both(lambda a, b: a * b),
    "multiply by floats": both(lambda a, _: a * FIXED),
    "abs": both(lambda a, _: abs(a)),
    "sum": both(lambda a, _: a.sum(axis=-1)),
    "sum of all": both(lambda a, _: a.sum(axis=(-2, -1))),
    "sum kept": both(lambda a, _: a.sum(axis=0, keepdims=True)),
    "max": both(lambda a, _: a.max(axis=-1)),
    "max kept": both(lambda a, _: a.max(axis=-1, keepdims=True)),
    "cumsum": both(lambda a, _: np.cumsum(a, axis=-1)),
    "cumsum into": both(lambda a, _: _summed_up(a)),
    "where": both(lambda a, b: np.where(CHOICE, a, b)),
    "swapaxes": both(lambda a, _: np.swapaxes(a, -1, -2)),
    "matmul": Operation(
        lambda a, b: ARITHMETIC.matmul(a, np.swapaxes(b, -1, -2), np.zeros(1)),
        lambda a, b: a @ np.swapaxes(b, -1, -2),
    ),
    "matmul of floats": Operation(
        lambda a, _: ARITHMETIC.matmul(FIXED.T, a, np.zeros(1)), lambda a, _: FIXED.T @ a
    ),
    "positive": Operation(lambda a, _: ARITHMETIC.positive(a), lambda a, _: _positive(a)),
    "by_sign": Operation(
        lambda a, b: ARITHMETIC.by_sign(a, b, -a), lambda a, b: _by_sign(a, b, -a)
    ),
    "by_sign of floats": Operation(
        lambda a, b: ARITHMETIC.by_sign(a, FIXED, b), lambda a, b: _by_sign(a, FIXED, b)
    ),
}
DIVIDED = {
    "divide": both(lambda a, b: a / b),
    "divide 1": both(lambda _, b: 1 / b),
    "divide by a number": both(lambda a, _: a / 3),
}
FUNCTIONS = {
    "exp": Operation(lambda a, _: ARITHMETIC.exp(a), lambda a, _: _exp(a)),
    "tanh": Operation(lambda a, _: ARITHMETIC.tanh(a), lambda a, _: _tanh(a)),
}
OPERATIONS = EXACT | DIVIDED | FUNCTIONS
