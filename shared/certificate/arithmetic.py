"""The arithmetic in which a step is computed exactly enough to judge a float64 program.

The exact step is written once, in exact.py, and asks an arithmetic for numbers, products and
functions. Ten bits more than the backend suffice; `LongDouble` has eleven.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from shared.backend import Array
from shared.certificate.products import Pair, product, whole
from shared.errors import UsageError


class Arithmetic(Protocol):
    """Arrays of reference numbers, with +, -, *, / as operators.

    unit_roundoff
        The largest relative error of one operation.
    """

    unit_roundoff: float

    def lift(self, a: Array) -> Any:
        """Turn floats into reference numbers, without rounding."""

    def exp(self, a: Any) -> Any:
        """Return e^a."""

    def log1p(self, a: Any) -> Any:
        """Return ln(1 + a)."""

    def tanh(self, a: Any) -> Any:
        """Return tanh a."""

    def matmul(self, a: Any, b: Any, allowed: Array) -> Any:
        """Return the product over the last two axes, as reference numbers.

        Its error may be a small share of what is allowed, elementwise.
        """

    def product(self, a: Any, b: Any, allowed: Array) -> Any:
        """Return the same in the form that is cheapest to `lower` and to `distance`."""

    def rows(self, a: Any, rows: slice | Array) -> Any:
        """Return some rows of numbers, or of a product, along the leading axis."""

    def lower(self, a: Any) -> Array:
        """Round to float64."""

    def distance(self, value: Array, exact: Any) -> Array:
        """Return |value - exact|, rounded to float64 after the subtraction."""


class LongDouble:
    """NumPy's longdouble where it is the x87 format: 64 significant bits.

    Raises
    ------
    UsageError
        longdouble has fewer bits here, as on Arm and with MSVC.
    """

    unit_roundoff = 2.0**-64

    def __init__(self) -> None:
        bits = np.finfo(np.longdouble).nmant + 1
        if bits < 64:
            raise UsageError(
                f"the certificate needs a longdouble of 64 significant bits; this platform's has "
                f"{bits}. Run it on x86-64, or judge recordings saved here on such a machine."
            )

    def lift(self, a: Array) -> Any:
        return a.astype(np.longdouble)

    def exp(self, a: Any) -> Any:
        return np.exp(a)

    def log1p(self, a: Any) -> Any:
        return np.log1p(a)

    def tanh(self, a: Any) -> Any:
        return np.tanh(a)

    def matmul(self, a: Any, b: Any, allowed: Array) -> Any:
        return whole(product(a, b, allowed))

    def product(self, a: Any, b: Any, allowed: Array) -> Any:
        return product(a, b, allowed)

    def rows(self, a: Any, rows: slice | Array) -> Any:
        return Pair(a.high[rows], a.low[rows]) if isinstance(a, Pair) else a[rows]

    def lower(self, a: Any) -> Array:
        if isinstance(a, Pair):
            return a.high + a.low
        lowered: Array = np.asarray(a).astype(np.float64)
        return lowered

    def distance(self, value: Array, exact: Any) -> Array:
        if isinstance(exact, Pair):
            # Where the two are close the first difference is exact, and else no rounding matters.
            return abs((value - exact.high) - exact.low)
        return self.lower(abs(value.astype(np.longdouble) - exact))
