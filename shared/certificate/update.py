"""The update, decided bit by bit: which floats may w - ηg become?

Source: IEEE 754-2019. A program may round the product and then the difference, or fuse both into
one rounding; and wherever subnormals are flushed, zero may stand for a subnormal. Nothing else.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from shared.backend import Array
from shared.certificate.arithmetic import Arithmetic
from shared.certificate.rounding import Rounding


def admissible(
    arithmetic: Arithmetic, rounding: Rounding, w: Array, g: Array, rate: np.floating, after: Array
) -> tuple[Array, Array]:
    """Say elementwise whether `after` is w - ηg rounded once, and whether it is admissible at all.

    Shapes: all of one shape; the results are boolean and of that shape.
    """
    # A backend's arrays may be views in any order; the decisions below are written by position.
    w, g, after = (np.ascontiguousarray(v) for v in (w, g, after))
    with np.errstate(all="ignore"):
        once, sure = _fused(arithmetic, w, g, rate)
        nearest = (after == once) & sure
        allowed = nearest | (after == w - rate * g)
        rest = np.flatnonzero(~nearest & (~allowed | ~sure))
        if len(rest):
            some = (w.ravel()[rest], g.ravel()[rest], after.ravel()[rest])
            exact = _exactly_fused(*some, rate, once.ravel()[rest])
            nearest.ravel()[rest] = exact
            allowed.ravel()[rest] |= exact | _with_flushing(rounding, *some, rate)
    return nearest, allowed


def _fused(arithmetic: Arithmetic, w: Array, g: Array, rate: np.floating) -> tuple[Array, Array]:
    """Round w - ηg once, by way of wider numbers, and say where that is sure to be right.

    It is not where the wide result lies so close to the middle between two floats that its own
    roundings could decide: rounding twice goes wrong now and then. Where w and ηg cancel,
    the rounding of the product alone may be that large.
    """
    product = arithmetic.lift(np.asarray(rate)) * arithmetic.lift(g)
    wide = arithmetic.lift(w) - product
    once = arithmetic.lower(wide).astype(w.dtype)
    unsure = 2 * arithmetic.unit_roundoff * (abs(wide) + abs(product))
    step = arithmetic.lift(np.spacing(abs(once)))
    off = abs(wide - arithmetic.lift(once))
    # Below a power of two floats lie twice as dense: there the middle is at a quarter of the step.
    sure: Any = (abs(off - step / 2) > unsure) & (abs(off - step / 4) > unsure)
    return once, np.asarray(sure)


def _exactly_fused(w: Array, g: Array, after: Array, rate: np.floating, near: Array) -> Array:
    """Decide in fractions those near enough to the wide result for it to be mistaken."""
    hit = np.zeros(len(after), dtype=bool)
    reach = 2 * np.spacing(abs(after)) + 2.0**-62 * abs(rate * g)
    finite = np.isfinite(w) & np.isfinite(g) & np.isfinite(after)
    for i in np.flatnonzero(finite & (abs(after - near) <= reach)):
        exact = Fraction(float(w[i])) - Fraction(float(rate)) * Fraction(float(g[i]))
        hit[i] = _rounded(exact) == after[i]
    return hit


def _rounded(exact: Fraction) -> float:
    """Round to float64, to nearest, once: what Python's division of integers does."""
    try:
        return float(exact)
    except OverflowError:
        return float("inf") if exact > 0 else float("-inf")


def _with_flushing(
    rounding: Rounding, w: Array, g: Array, after: Array, rate: np.floating
) -> Array:
    """Say where `after` is admissible once subnormals may have been flushed to zero.

    Only numbers beyond the subnormals' reach differ from what was decided before, and there the
    product or the result is subnormal, so two roundings and a fused one agree or flush alike.
    """

    def flushed(v: Array) -> Array:
        return np.where(abs(v) < rounding.omega, 0 * v, v)

    allowed = np.zeros(after.shape, dtype=bool)
    for start in (w, flushed(w)):
        for slope in (g, flushed(g)):
            product = rate * slope
            for result in (start - product, start - flushed(product)):
                allowed |= (after == result) | (after == flushed(result))
    return allowed
