"""The arithmetic in which a step is computed exactly enough to judge a float64 program.

The exact step is written once, in exact.py, and asks an arithmetic for numbers, products and
exponentials. Ten bits more than the backend suffice; `LongDouble` has eleven.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from shared.backend import Array
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

    def matmul(self, a: Any, b: Any) -> Any:
        """Return the product over the last two axes."""

    def lower(self, a: Any) -> Array:
        """Round to float64."""


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

    def matmul(self, a: Any, b: Any) -> Any:
        return a @ b

    def lower(self, a: Any) -> Array:
        lowered: Array = np.asarray(a).astype(np.float64)
        return lowered
