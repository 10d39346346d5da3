"""Distances between floating-point numbers, counted in the numbers that lie between them.

The bits of a positive float, read as an integer, count the floats from zero up; mirrored for
negative ones, all floats stand on one line of integers. The distance of two of them is exact,
and in unsigned arithmetic it cannot overflow, not even from the lowest float to the highest.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from shared.backend import Array

INCOMPARABLE = np.uint64(2**64 - 1)
"""The distance of anything to a NaN: more than between any two numbers."""

_INTEGERS: dict[np.dtype[Any], Any] = {
    np.dtype(np.float64): np.int64,
    np.dtype(np.float32): np.int32,
}


def ulp_distance(a: Array, b: Array) -> Array:
    """Count the steps from float to float between a and b, elementwise.

    Both zeros are one number; infinity is the float after the largest finite one.

    Shapes: a and b of one shape, result of that shape, uint64.

    Raises
    ------
    TypeError
        a and b are not both float64 or both float32.
    ValueError
        Their shapes differ: broadcasting would compare the wrong pairs.

    Examples
    --------
    >>> ulp_distance(np.array([1.0, 0.0, -0.0]), np.array([1.0 + 2**-52, 5e-324, 0.0])).tolist()
    [1, 1, 0]
    """
    _require_comparable(a, b)
    distance = place_distance(places(a), places(b))
    incomparable = np.isnan(a) | np.isnan(b)
    return np.where(incomparable, INCOMPARABLE, distance) if incomparable.any() else distance


def places(a: Array) -> Array:
    """Return where each float stands on the line, as an integer: neighbours differ by one.

    Both zeros stand at 0. A NaN's place means nothing.

    Examples
    --------
    >>> places(np.array([0.0, -0.0, 5e-324, -5e-324, 1.0])).tolist()
    [0, 0, 1, -1, 4607182418800017408]
    """
    bits = _bits(a)
    lowest = np.int64(np.iinfo(bits.dtype).min)
    found: Array = np.where(bits < 0, lowest - bits, bits)
    return found


def place_distance(left: Array, right: Array) -> Array:
    """Return how far apart two places are, as uint64: it may be more than an int64 can hold."""
    higher, lower = np.maximum(left, right), np.minimum(left, right)
    with np.errstate(over="ignore"):  # of single numbers NumPy tells that they wrap around
        distance: Array = higher.view(np.uint64) - lower.view(np.uint64)
    return distance


def bits_differ(a: Array, b: Array) -> Array:
    """Say elementwise whether two float arrays differ in any bit; equal NaNs are equal.

    This tells +0 from -0, which `ulp_distance` does not.
    """
    _require_comparable(a, b)
    different: Array = _bits(a) != _bits(b)
    return different


def _require_comparable(a: Array, b: Array) -> None:
    if a.dtype != b.dtype or a.dtype not in _INTEGERS:
        raise TypeError(f"expected two float64 or two float32 arrays; got {a.dtype} and {b.dtype}")
    if a.shape != b.shape:
        raise ValueError(f"expected two arrays of one shape; got {a.shape} and {b.shape}")


def _bits(a: Array) -> Array:
    bits: Array = np.ascontiguousarray(a).view(_INTEGERS[a.dtype]).reshape(a.shape)
    return bits
