"""The arithmetics in which a step is computed exactly enough to judge a program.

The exact step is written once, in exact.py, and asks an arithmetic for numbers, products and
functions. Ten bits more than the backend has suffice: float64 for float32, and for float64
`LongDouble`, or `DoubleDoubles` where longdouble is no wider than a double. ball.py has the one
that audits them.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from shared.backend import Array
from shared.certificate import double_double_functions as functions
from shared.certificate.double_double import DoubleDouble, two_sum
from shared.certificate.products import product


class Arithmetic(Protocol):
    """Arrays of reference numbers, with +, -, *, / as operators.

    name
        What reports call it.
    unit_roundoff
        The largest relative error of one operation; 0 where every number knows its own error.
    is_cheap
        Whether an exact value costs no more than an estimate of it: then nothing is screened.
    """

    name: str
    unit_roundoff: float
    is_cheap: bool

    def lift(self, a: Array) -> Any:
        """Turn floats into reference numbers, without rounding."""

    def exp(self, a: Any) -> Any:
        """Return e^a."""

    def log1p(self, a: Any) -> Any:
        """Return ln(1 + a)."""

    def tanh(self, a: Any) -> Any:
        """Return tanh a."""

    def sqrt(self, a: Any) -> Any:
        """Return the square root of a; NaN, or a ball that holds all, where a is below 0."""

    def positive(self, a: Any) -> Any:
        """Return max(0, a)."""

    def by_sign(self, z: Any, upper: Any, lower: Any) -> Any:
        """Return upper where z >= 0, else lower; where z may be either, what holds both."""

    def matmul(self, a: Any, b: Any, allowed: Array) -> Any:
        """Return the product over the last two axes, as reference numbers.

        Its error may be a small share of what is allowed, elementwise.
        """

    def product(self, a: Any, b: Any, allowed: Array) -> Any:
        """Return the same in the form that is cheapest to `lower` and to `distance`."""

    def lower(self, a: Any) -> Array:
        """Round to float64."""

    def distance(self, value: Array, exact: Any) -> Array:
        """Return |value - exact|, rounded to float64 after the subtraction."""

    def radius(self, exact: Any) -> Array | float:
        """Return by how much a number that knows its own error may be off; 0 for others."""


def _positive(a: Any) -> Any:
    return np.maximum(a, 0)


def _by_sign(z: Any, upper: Any, lower: Any) -> Any:
    return np.where(z >= 0, upper, lower)


class Double:
    """float64: 29 bits more than float32 has."""

    name = "float64"
    unit_roundoff = 2.0**-53
    is_cheap = True

    exp = staticmethod(np.exp)
    log1p = staticmethod(np.log1p)
    tanh = staticmethod(np.tanh)
    sqrt = staticmethod(np.sqrt)
    positive = staticmethod(_positive)
    by_sign = staticmethod(_by_sign)

    def lift(self, a: Array) -> Any:
        return a.astype(np.float64, copy=False)

    def matmul(self, a: Any, b: Any, _: Array) -> Any:
        return a @ b

    def product(self, a: Any, b: Any, _: Array) -> Any:
        return a @ b

    def lower(self, a: Any) -> Array:
        return np.asarray(a)

    def distance(self, value: Array, exact: Any) -> Array:
        return np.asarray(abs(value - exact))

    def radius(self, _: Any) -> Array | float:
        return 0.0


class LongDouble:
    """NumPy's longdouble where it is the x87 format: 64 significant bits."""

    name = "80-bit longdouble"
    unit_roundoff = 2.0**-64
    is_cheap = False

    exp = staticmethod(np.exp)
    log1p = staticmethod(np.log1p)
    tanh = staticmethod(np.tanh)
    sqrt = staticmethod(np.sqrt)
    positive = staticmethod(_positive)
    by_sign = staticmethod(_by_sign)

    @staticmethod
    def is_wide_enough() -> bool:
        """Whether longdouble has 64 significant bits here; on Arm and with MSVC it has not."""
        return np.finfo(np.longdouble).nmant + 1 >= 64

    def lift(self, a: Array) -> Any:
        return a.astype(np.longdouble)

    def matmul(self, a: Any, b: Any, allowed: Array) -> Any:
        found = self.product(a, b, allowed)
        return found.high.astype(np.longdouble) + found.low

    def product(self, a: Any, b: Any, allowed: Array) -> DoubleDouble:
        return product(a, b, allowed, _in_longdouble)

    def lower(self, a: Any) -> Array:
        lowered: Array = np.asarray(a.astype(np.float64))
        return lowered

    def distance(self, value: Array, exact: Any) -> Array:
        if isinstance(exact, DoubleDouble):
            return _distance(value, exact)
        return self.lower(abs(value.astype(np.longdouble) - exact))

    def radius(self, _: Any) -> Array | float:
        return 0.0


class DoubleDoubles:
    """Pairs of float64, about 104 bits: slower, and the same on every platform."""

    name = "double-double"
    unit_roundoff = 2.0**-95
    is_cheap = False

    exp = staticmethod(functions.exp)
    log1p = staticmethod(functions.log1p)
    tanh = staticmethod(functions.tanh)
    sqrt = staticmethod(functions.sqrt)
    positive = staticmethod(_positive)
    by_sign = staticmethod(_by_sign)

    def lift(self, a: Array) -> Any:
        return DoubleDouble.of(a)

    def matmul(self, a: Any, b: Any, allowed: Array) -> Any:
        found = self.product(a, b, allowed)
        return DoubleDouble(*two_sum(found.high, found.low))

    def product(self, a: Any, b: Any, allowed: Array) -> Any:
        return product(a, b, allowed, _in_pairs)

    def lower(self, a: Any) -> Array:
        lowered: Array = np.asarray(a.astype(np.float64))
        return lowered

    def distance(self, value: Array, exact: Any) -> Array:
        return _distance(value, exact)

    def radius(self, _: Any) -> Array | float:
        return 0.0


def _distance(value: Array, exact: DoubleDouble) -> Array:
    # Where the two are close the first difference is exact, and else no rounding matters.
    return np.asarray(abs((value - exact.high) - exact.low))


def _in_longdouble(a: Any, b: Any) -> DoubleDouble:
    """Multiply matrices of longdoubles, or of floats, term by term."""
    wide = _wide(a) @ _wide(b)
    high = wide.astype(np.float64)
    low = (wide - high).astype(np.float64)
    # Beyond the largest float nothing is left over.
    return DoubleDouble(high, low if np.isfinite(high).all() else np.where(np.isinf(high), 0, low))


def _wide(a: Any) -> Any:
    return a.astype(np.longdouble)


def _in_pairs(a: Any, b: Any) -> DoubleDouble:
    """Multiply matrices of pairs, or of floats, term by term: (..., r, n) by (..., n, c)."""
    left = a if isinstance(a, DoubleDouble) else DoubleDouble.of(a)
    terms = left[..., :, :, None] * b[..., None, :, :]
    found: DoubleDouble = terms.sum(axis=-2)
    return found
