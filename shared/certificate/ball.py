"""Ball arithmetic: numbers that know by how much they may be off, to as many bits as it takes.

Slow, and right whatever the numbers are: it audits what the faster arithmetics decide. Every
number is a ball, midpoint and radius, that is sure to hold the exact one.

Source: F. Johansson, Arb: efficient arbitrary-precision midpoint-radius interval arithmetic, IEEE
Transactions on Computers 66 (2017), 1281-1292.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import flint
import numpy as np
from flint import arb

from shared.backend import Array


class Balls:
    """Object arrays of balls. Work inside `precision`: the number of bits is Arb's own state."""

    name = "ball arithmetic"
    unit_roundoff = 0.0
    is_cheap = True

    def lift(self, a: Array) -> Any:
        return _lifted(a)

    def exp(self, a: Any) -> Any:
        return _exp(a)

    def log1p(self, a: Any) -> Any:
        return _log1p(a)

    def tanh(self, a: Any) -> Any:
        return _tanh(a)

    def sqrt(self, a: Any) -> Any:
        return _sqrt(a)

    def positive(self, a: Any) -> Any:
        return _positive(a)

    def by_sign(self, z: Any, upper: Any, lower: Any) -> Any:
        return _by_sign(z, upper, lower)

    def matmul(self, a: Any, b: Any, _: Array) -> Any:
        return _balls(a) @ _balls(b)

    def product(self, a: Any, b: Any, _: Array) -> Any:
        return _balls(a) @ _balls(b)

    def lower(self, a: Any) -> Array:
        return np.asarray(_midpoint(a), dtype=np.float64)

    def distance(self, value: Array, exact: Any) -> Array:
        """Return the most that the distance may be, rounded to the nearest float."""
        return np.asarray(_most(abs(_lifted(value) - exact)), dtype=np.float64)

    def radius(self, exact: Any) -> Array | float:
        return np.asarray(_radius(exact), dtype=np.float64)


@contextmanager
def precision(bits: int) -> Iterator[None]:
    """Compute with so many bits."""
    with flint.ctx.workprec(bits):
        yield


def _balls(a: Any) -> Any:
    return a if a.dtype == object else _lifted(a)


def _ball(value: arb | float) -> arb:
    return value if isinstance(value, arb) else arb(value)


def _one_or_both(z: arb | float, upper: arb | float, lower: arb | float) -> arb | float:
    # A relation of balls is true only where it holds for all that they contain.
    if z >= 0:
        return upper
    return lower if z < 0 else _ball(upper).union(_ball(lower))


# A zero that NumPy put in, as in a sum over nothing, is no ball yet.
_lifted = np.frompyfunc(arb, 1, 1)
_exp = np.frompyfunc(lambda ball: _ball(ball).exp(), 1, 1)
_log1p = np.frompyfunc(lambda ball: _ball(ball).log1p(), 1, 1)
_tanh = np.frompyfunc(lambda ball: _ball(ball).tanh(), 1, 1)
_sqrt = np.frompyfunc(lambda ball: _ball(ball).sqrt(), 1, 1)
_positive = np.frompyfunc(lambda ball: _ball(ball).nonnegative_part(), 1, 1)
_by_sign = np.frompyfunc(_one_or_both, 3, 1)
_midpoint = np.frompyfunc(lambda ball: float(_ball(ball)), 1, 1)
_most = np.frompyfunc(lambda ball: float(_ball(ball).abs_upper()), 1, 1)
_radius = np.frompyfunc(lambda ball: float(_ball(ball).rad()), 1, 1)
