"""The update decided once more, from its definition, in fractions, one float at a time."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from shared.certificate.rounding import Rounding


def is_admissible(rounding: Rounding, w: float, g: float, rate: float, after: float) -> bool:
    """Say whether `after` is w - ηg, rounded twice or once, any subnormal possibly flushed.

    With F(v) = 0 for a subnormal v: w or F(w), g or F(g), the product rounded, flushed or neither;
    the result rounded, then flushed or not.
    """
    if not np.isfinite((w, g, after)).all():
        return False
    return any(after == float(result) for result in _results(rounding, w, g, rate))


def nearest(exact: Fraction, dtype: str) -> float:
    """Round to a float of the dtype, to nearest, ties to even; beyond the largest, infinity."""
    info = np.finfo(dtype)
    largest, half_step = Fraction(float(info.max)), Fraction(2) ** (info.maxexp - info.nmant - 2)
    if abs(exact) >= largest + half_step:
        return float("inf") if exact > 0 else float("-inf")
    near = np.dtype(dtype).type(float(min(max(exact, -largest), largest)))
    if dtype == "float64":
        return float(near)
    # float64 may have rounded to the middle between two floats; so look at the neighbours as well.
    around = [near, *(np.nextafter(near, end, dtype=dtype) for end in (-np.inf, np.inf))]
    return float(
        min(
            (one for one in around if np.isfinite(one)),
            key=lambda one: (abs(Fraction(float(one)) - exact), int(one.view(np.int32)) % 2),
        )
    )


def _results(rounding: Rounding, w: float, g: float, rate: float) -> Iterator[float]:
    def flushed(v: float) -> set[float]:
        return {v, 0.0} if abs(v) < rounding.omega else {v}

    for start in flushed(w):
        for slope in flushed(g):
            fused = Fraction(rate) * Fraction(slope)
            product = nearest(fused, rounding.dtype)
            products = {fused}
            if np.isfinite(product):
                products |= {Fraction(one) for one in flushed(product)}
            for one in products:
                yield from flushed(nearest(Fraction(start) - one, rounding.dtype))
                if abs(Fraction(start) - one) < Fraction(rounding.omega):
                    yield 0.0  # tiny before it was rounded
