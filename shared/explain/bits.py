"""Which numbers of two arrays differ in their bits."""

from __future__ import annotations

import numpy as np

from shared.backend import Array
from shared.ulp import bits_differ


def differing(a: Array, b: Array) -> Array:
    """Say elementwise whether two arrays differ in any bit; any NaN is like any other.

    Shapes: a and b of one shape, both float64 or both float32; the result likewise, bool.
    """
    different: Array = bits_differ(a, b) & ~(np.isnan(a) & np.isnan(b))
    return different


def equal_bits(a: Array, b: Array) -> Array:
    """Say of each entry of b whether a has the same bits there; of another shape or dtype, none.

    Shapes: the result is b's, bool.
    """
    if a.shape != b.shape or a.dtype != b.dtype:
        return np.zeros(b.shape, bool)
    if a.dtype not in (np.float64, np.float32):
        return np.asarray(a == b)
    return ~differing(a, b)


def same_bits(a: Array, b: Array) -> bool:
    """Say whether two arrays are one, down to the bits."""
    return a.shape == b.shape and bool(equal_bits(a, b).all())
