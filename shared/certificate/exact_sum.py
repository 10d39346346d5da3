"""The sign of a sum of a few floats, without any rounding."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from shared.backend import Array
from shared.certificate.double_double import two_sum

_PASSES = 3
"""After so many, a sum of ordinary numbers is told by its last term alone."""


def sign_of_sum(*terms: Array) -> Array:
    """Return -1, 0 or 1 for each sum of finite float64 numbers.

    Shapes: terms (k,), the result (k,).

    Adding two floats leaves a float and an exact error. Passed through the terms again and again,
    the sum gathers in the last one, until it outweighs all the others together; where that takes
    long, fractions tell.
    Source: T. Ogita, S. M. Rump and S. Oishi, Accurate sum and dot product, SIAM J. Sci. Comput. 26
    (2005), 1955-1988.
    """
    parts = list(terms)
    for _ in range(_PASSES):
        for i in range(1, len(parts)):
            parts[i], parts[i - 1] = two_sum(parts[i], parts[i - 1])
    last = parts[-1]
    others = sum(abs(part) for part in parts[:-1])
    sign: Array = np.sign(last)
    # Of sums beyond the largest float two_sum knows nothing.
    for i in np.flatnonzero(~((abs(last) > 2 * others) | (others == 0))).tolist():
        exact = sum(Fraction(float(term[i])) for term in terms)
        sign[i] = (exact > 0) - (exact < 0)
    return sign
