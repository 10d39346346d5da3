"""The update, decided bit by bit: which floats may w - η g become?

Source: IEEE 754-2019. A program may round the product and then the difference, or fuse both into
one rounding; and wherever subnormals are flushed, zero may stand for a subnormal. Nothing else.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from shared.backend import Array
from shared.certificate.arithmetic import Arithmetic
from shared.certificate.rounding import Rounding
from shared.ulp import ulp_distance


def admissible(
    arithmetic: Arithmetic, rounding: Rounding, w: Array, g: Array, rate: np.floating, after: Array
) -> tuple[Array, Array]:
    """Say elementwise whether `after` is w - ηg rounded once, and whether it is admissible at all.

    Shapes: all of one shape; the results are boolean and of that shape.
    """
    once = _fused(arithmetic, w, g, rate)
    nearest = after == once
    with np.errstate(all="ignore"):
        allowed = nearest | (after == w - rate * g)
        rest = np.flatnonzero(~allowed.ravel())
        if len(rest):
            some = (w.ravel()[rest], g.ravel()[rest], after.ravel()[rest])
            exact = _exactly_fused(*some, rate, once.ravel()[rest])
            nearest.ravel()[rest] = exact
            allowed.ravel()[rest] = exact | _with_flushing(arithmetic, rounding, *some, rate)
    return nearest, allowed


def _fused(arithmetic: Arithmetic, w: Array, g: Array, rate: np.floating) -> Array:
    """Round w - ηg once, by way of wider numbers: wrong by double rounding about once in 5,000."""
    wide = arithmetic.lift(w) - arithmetic.lift(np.asarray(rate)) * arithmetic.lift(g)
    return arithmetic.lower(wide).astype(w.dtype)


def _exactly_fused(w: Array, g: Array, after: Array, rate: np.floating, near: Array) -> Array:
    """Decide in fractions those that double rounding may have spoiled: neighbours of `near`."""
    hit = np.zeros(len(after), dtype=bool)
    for i in np.flatnonzero(ulp_distance(after, near) <= 1):
        exact = Fraction(float(w[i])) - Fraction(float(rate)) * Fraction(float(g[i]))
        hit[i] = after.dtype.type(_rounded(exact, after.dtype)) == after[i]
    return hit


def _rounded(exact: Fraction, dtype: np.dtype) -> float:
    if dtype == np.float64:
        return float(exact)  # Fraction to float rounds to nearest, once
    raise NotImplementedError(f"no exact rounding to {dtype}")


def _with_flushing(
    arithmetic: Arithmetic, rounding: Rounding, w: Array, g: Array, after: Array, rate: np.floating
) -> Array:
    def flushed(v: Array) -> Array:
        return np.where(abs(v) < rounding.omega, 0 * v, v)

    allowed = np.zeros(after.shape, dtype=bool)
    for start in (w, flushed(w)):
        for slope in (g, flushed(g)):
            product = rate * slope
            for result in (
                start - product, start - flushed(product), _fused(arithmetic, start, slope, rate)
            ):  # fmt: skip
                allowed |= (after == result) | (after == flushed(result))
    return allowed
