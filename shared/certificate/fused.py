"""a b + c rounded once, as a fused multiply-add does it: for arrays, and without such hardware.

The certificate asks what a program may have computed, and compilers fuse where they like. Python's
own math.fma is younger than the versions supported here, and takes one number at a time.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from shared.backend import Array
from shared.certificate.double_double import two_sum
from shared.certificate.exact_product import exact_product
from shared.certificate.update_audit import nearest

_FAR = 600
"""A term that is 2^600 times larger than another leaves of it no more than a direction."""


def fused(a: Any, b: Any, c: Any, dtype: str) -> Array:
    """Return RN(a b + c) in the dtype: to nearest, ties to even, subnormals kept.

    Shapes: what broadcasts. Infinities and NaN give what they give without fusing.
    """
    a, b, c = np.broadcast_arrays(*(np.asarray(v, np.float64) for v in (a, b, c)))
    with np.errstate(all="ignore"):
        if dtype == "float32":
            # A product of two float32 is exact in float64.
            result: Array = _odd_sum(a * b, c).astype(np.float32)
            return result
        return _fused(a, b, c)


def _fused(a: Array, b: Array, c: Array) -> Array:
    """Fuse float64 numbers.

    Source: S. Boldo and G. Melquiond, Emulation of a FMA and correctly rounded sums: proved
    algorithms using rounding to odd, IEEE Transactions on Computers 57 (2008), 462-471.
    """
    left, left_exponent = np.frexp(a)
    right, right_exponent = np.frexp(b)
    exponent = left_exponent.astype(np.int64) + right_exponent
    third, third_exponent = np.frexp(c)
    gap = third_exponent - exponent
    # Scaled, nothing over- or underflows; what is far smaller is kept as a direction.
    third = np.ldexp(third, np.clip(gap, -_FAR, _FAR))
    high, low = exact_product(left, right)
    top, rest = two_sum(third, low)
    near, error = two_sum(high, top)
    found = near + _odd_sum(rest, error)
    result = np.ldexp(found, exponent)
    result = np.where((gap > _FAR) | (a == 0) | (b == 0), a * b + c, result)
    # Rounded a second time where the result is subnormal; and what is not finite has no exponent.
    ends = ~np.isfinite(a * b) | ~np.isfinite(c) | ~np.isfinite(result)
    result = np.where(ends, a * b + c, result)
    tiny = np.flatnonzero((abs(result) < 2.0**-1020) & (found != 0) | (ends & np.isfinite(c)))
    for i in tiny.tolist():
        numbers = (float(v.flat[i]) for v in (a, b, c))
        result.flat[i] = _exactly(*numbers)
    return result


def _exactly(a: float, b: float, c: float) -> float:
    if not np.isfinite((a, b, c)).all():
        return float(np.float64(a) * np.float64(b) + np.float64(c))
    return nearest(Fraction(a) * Fraction(b) + Fraction(c), "float64")


def _odd_sum(a: Array, b: Array) -> Array:
    """Return a + b rounded to odd: of the two floats around it the one whose last bit is 1.

    Rounded once more, to fewer digits, it gives what a + b would give.
    """
    near, error = two_sum(a, b)
    even = np.asarray(near).view(np.int64) % 2 == 0
    moved = np.nextafter(near, np.copysign(np.inf, error))
    return np.where((error != 0) & even & np.isfinite(near), moved, near)
