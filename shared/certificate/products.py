"""Matrix products with more digits than float64, at the speed of float64's own.

A product in a wider arithmetic takes many times as long as one in float64. Cut in two, it does not
need to be one: of each row of a and each column of b, the leading bits are taken apart, so few that
their products add up without any rounding; what remains is tiny, and its rounding tinier still.

Source: K. Ozaki, T. Ogita, S. Oishi and S. M. Rump, Error-free transformations of matrix
multiplication by using fast routines of matrix multiplication and its applications, Numerical
Algorithms 59 (2012), 95-118.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from shared.backend import Array
from shared.certificate.double_double import DoubleDouble

SHARE = 2.0**-11
"""The error of a product stays below this share of what it is allowed."""

SHORT = 8
"""Sums of so few products are formed term by term: cutting them up costs more."""

PART_NUMBERS = 2**16
"""Products are formed in parts of about as many numbers, which a cache holds."""

MOST_NUMBERS = 2**20
"""Matrices with more are cut by their rows as well: the pieces of large data would fill memory."""

_SAFE_EXPONENT = 300
"""Numbers beyond 2^±300 are not cut: their pieces might over- or underflow."""

_EVEN = 8
"""Terms whose sizes differ by no more than 2^8 are left as they are."""

_BELOW_ALL = 1100
"""2^-1100 is zero: the exponent of a row of zeros, which has no last leading bit."""


TermByTerm: TypeAlias = Callable[[Any, Any], DoubleDouble]
"""Multiplies matrices in an arithmetic's own numbers throughout, which is slow."""


def product(a: Any, b: Any, allowed: Array, directly: TermByTerm) -> DoubleDouble:
    """Return a @ b with an error below SHARE of what is allowed, elementwise.

    Shapes: a (..., r, n) and b (..., n, c), floats or an arithmetic's numbers; allowed (..., r, c).
    The two parts of the result may overlap.

    Where a row's numbers spread widely the small ones lie in the rounded part. If what that may
    cost exceeds the share, the element is computed again, directly.
    """
    n = a.shape[-1]
    if n <= SHORT:
        return directly(a, b)
    lead = allowed.shape[:-2]
    a, b = (np.broadcast_to(v, (*lead, *v.shape[-2:])) for v in (a, b))
    found = DoubleDouble(np.empty(allowed.shape), np.empty(allowed.shape))
    together = max(1, PART_NUMBERS // max(v[:1].size for v in (a, b, allowed))) if lead else 1
    height = max(1, MOST_NUMBERS // n)
    for start in range(0, lead[0] if lead else 1, together):
        part = slice(start, start + together) if lead else ...
        factor = np.swapaxes(b[part], -1, -2)
        for top in range(0, a.shape[-2], height):
            inner = (..., slice(top, top + height), slice(None))
            rows = (part, *inner) if lead else inner
            some = _cut_product(a[rows], factor, allowed[rows], directly)
            found.high[rows], found.low[rows] = some.high, some.low
    return found


def _cut_product(a: Any, b: Any, allowed: Array, directly: TermByTerm) -> DoubleDouble:
    """Return a bᵀ: both have rows of terms, (..., r, n) and (..., c, n), contiguous as copied."""
    n = a.shape[-1]
    a, b = _contiguous(a), _contiguous(b)
    as_given = a, b
    near_a, near_b = _near(a), _near(b)
    within = _exponents(abs(near_a), -2, of_zeros=0)
    if np.ptp(within) > _EVEN:
        # Powers of two carry the size of each term over to b: terms may spread, rows hardly do.
        of_rows = _exponents(abs(near_a), -1, of_zeros=-_BELOW_ALL)
        if abs(within).max() > _SAFE_EXPONENT or not _is_safe(of_rows):
            return directly(a, np.swapaxes(b, -1, -2))
        a, b = a * np.ldexp(1.0, -within), b * np.ldexp(1.0, within)
        near_a, near_b = _near(a), _near(b)
    size_a, size_b = abs(near_a), abs(near_b)
    top_a = _exponents(size_a, -1, of_zeros=-_BELOW_ALL)
    top_b = _exponents(size_b, -1, of_zeros=-_BELOW_ALL)
    if not (_is_safe(top_a) and _is_safe(top_b)):
        return directly(as_given[0], np.swapaxes(as_given[1], -1, -2))
    bits = (53 - math.ceil(math.log2(n))) // 2
    high_a, high_b = _leading(near_a, top_a - bits), _leading(near_b, top_b - bits)
    low_a, low_b = _near(a - high_a), _near(b - high_b)
    high_b, low_b, near_b = (np.swapaxes(v, -1, -2) for v in (high_b, low_b, near_b))
    low = high_a @ low_b
    low += low_a @ near_b
    found = DoubleDouble(high_a @ high_b, low)
    # Half a unit of the last leading bit is the most that lies in a low part.
    each = (n + 4) * 2.0**-54 / SHARE
    sum_a, sum_b = (v.sum(axis=-1, keepdims=True) for v in (size_a, size_b))
    error = np.ldexp(each, top_a - bits) * np.swapaxes(sum_b, -1, -2)
    error += sum_a * np.swapaxes(np.ldexp(each, top_b - bits), -1, -2)
    unsure = error > allowed
    if unsure.any():
        _replace(found, *as_given, unsure, directly)
    return found


def _replace(found: DoubleDouble, a: Any, b: Any, chosen: Array, directly: TermByTerm) -> None:
    """Compute the chosen elements of a bᵀ again."""
    *lead, row, column = np.nonzero(chosen)
    exact = directly(a[(*lead, row)][:, None, :], b[(*lead, column)][:, :, None])
    found.high[chosen], found.low[chosen] = exact.high[:, 0, 0], exact.low[:, 0, 0]


def _contiguous(a: Any) -> Any:
    """Return a, its rows side by side in memory; NumPy's own function takes its own arrays only."""
    return np.ascontiguousarray(a) if isinstance(a, np.ndarray) else np.copy(a, order="C")


def _near(a: Any) -> Array:
    near: Array = a.astype(np.float64, copy=False)
    return near


def _exponents(size: Array, axis: int, of_zeros: int) -> Array:
    """Return the smallest e with size < 2^e along an axis."""
    highest = size.max(axis=axis, keepdims=True)
    exponents: Array = np.where(highest == 0, of_zeros, np.frexp(highest)[1])
    return exponents


def _is_safe(exponents: Array) -> bool:
    return bool(((abs(exponents) <= _SAFE_EXPONENT) | (exponents == -_BELOW_ALL)).all())


def _leading(a: Array, unit: Array) -> Array:
    """Round to multiples of 2^unit: adding and taking away a large number drops what is below."""
    shift = np.ldexp(1.5, unit + 52)
    leading: Array = a + shift
    leading -= shift
    return leading
