"""e^a, ln(1 + a), tanh a and √a of numbers in pairs, to about 2^-100 of the result.

Source: Y. Hida, X. S. Li and D. H. Bailey, Algorithms for quad-double precision floating point
arithmetic, ARITH-15 (2001), 155-162.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from shared.backend import Array
from shared.certificate.double_double import DoubleDouble, where

_LN2 = tuple(
    float.fromhex(v) for v in ("0x1.62e42fefa38p-1", "0x1.ef35793c76p-45", "0x1.cc01f97b57a08p-87")
)
"""ln 2 in three pieces. The first two have 42 bits: times a whole number below 2^11 still exact."""

_DOUBLINGS = 5
_IN_PAIRS, _IN_FLOATS = range(1, 7), range(7, 13)
"""The terms of the series of e^s - 1 for |s| < 0.35 / 2^5: from the seventh on, 53 bits do."""

_BEYOND = 800.0
"""e^800 is infinite, e^-800 zero, and so is every power beyond."""

_INVERSE_FACTORIALS = [1 / DoubleDouble.of(math.factorial(n)) for n in reversed(_IN_PAIRS)]


@np.errstate(all="ignore")
def exp(a: DoubleDouble) -> DoubleDouble:
    """Return e^a."""
    m, k = _expm1_in_parts(a)
    return _scaled(m + 1, k)


@np.errstate(all="ignore")
def log1p(a: DoubleDouble) -> DoubleDouble:
    """Return ln(1 + a) for a >= 0: NumPy's, and one correction with the error cubed."""
    near = np.log1p(a.high)
    m, k = _expm1_in_parts(DoubleDouble.of(near))
    # (1 + a) / e^near - 1. Without a power of two it is formed from a, which may be tiny.
    excess = where(k == 0, a - m, (_scaled(a, -k) + np.ldexp(1.0, -k)) - (m + 1)) / (m + 1)
    # ln(1 + d) = d - d²/2 + ...; of a number below 2^-106 even a²/2 is too small to be seen.
    plain = (abs(a.high) < 2.0**-106) | (a.high == np.inf)
    return where(plain, a, near + (excess - excess.high * excess.high / 2))


@np.errstate(all="ignore")
def sqrt(a: DoubleDouble) -> DoubleDouble:
    """Return the square root: NumPy's, and one step of Newton's method."""
    near = np.sqrt(a.high)
    found = near + (a - DoubleDouble.of(near) * near) / (2 * near)
    # Of 0 and of infinity the correction is NaN, and nothing is to be corrected.
    return where((near > 0) & (near < np.inf), found, DoubleDouble.of(near))


@np.errstate(all="ignore")
def tanh(a: DoubleDouble) -> DoubleDouble:
    """Return tanh a, as (1 - e^-2|a|) / (1 + e^-2|a|) without cancellation."""
    size = abs(a)
    m, k = _expm1_in_parts(DoubleDouble(-2 * size.high, -2 * size.low))
    expm1 = where(k == 0, m, _scaled(m + 1, k) - 1)
    share = expm1 / (expm1 + 2)
    # tanh a = a - a³/3 + ...: below 2^-54 the second term is too small to be seen.
    return where(size.high < 2.0**-54, a, where(a.high > 0, -share, share))


def _expm1_in_parts(a: DoubleDouble) -> tuple[DoubleDouble, Array]:
    """Return e^r - 1 and k, where a = k ln 2 + r and |r| < 0.35.

    Source: Hida, Li and Bailey, section 3.1; the doublings are of e^s - 1, whose digits they keep.
    """
    high = np.clip(a.high, -_BEYOND, _BEYOND)
    k = np.rint(high / _LN2[0])
    r = DoubleDouble(high, a.low)
    for piece in _LN2:
        r = r - k * piece
    s = DoubleDouble(r.high / 2**_DOUBLINGS, r.low / 2**_DOUBLINGS)
    tail = np.zeros_like(s.high)
    for n in reversed(_IN_FLOATS):
        tail = tail * s.high + 1 / math.factorial(n)
    series: Any = tail
    for inverse in _INVERSE_FACTORIALS:
        series = s * series + inverse
    e: DoubleDouble = s * series
    for _ in range(_DOUBLINGS):
        e = e * (e + 2)
    return e, np.where(np.isnan(k), 0, k).astype(np.intc)


def _scaled(a: DoubleDouble, k: Array) -> DoubleDouble:
    """Return a 2^k."""
    high = np.ldexp(a.high, k)
    return DoubleDouble(high, np.where(np.isfinite(high), np.ldexp(a.low, k), 0.0))
