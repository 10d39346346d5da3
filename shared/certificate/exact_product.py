"""A product of floats as two floats, without any rounding: what fused results are decided by.

`double_double.two_product` is off by 2^-104 of the product, and never overflows on the way; here
not a bit may be lost, and whoever asks keeps the numbers in range.
"""

from __future__ import annotations

import numpy as np

from shared.backend import Array

_CUT = np.float64(2**27 + 1)


def exact_product(a: Array, b: Array) -> tuple[Array, Array]:
    """Return ab rounded, and what that lost; exact where nothing over- or underflows.

    Source: T. J. Dekker, A floating-point technique for extending the available precision,
    Numerische Mathematik 18 (1971), 224-242.
    """
    p = a * b
    a_high, b_high = (c - (c - v) for v, c in ((a, a * _CUT), (b, b * _CUT)))
    a_low, b_low = a - a_high, b - b_high
    error: Array = a_low * b_low - (((p - a_high * b_high) - a_low * b_high) - a_high * b_low)
    return p, error
