"""Rounding to a float of a dtype from its definition, by whole numbers of the last place."""

from __future__ import annotations

from fractions import Fraction

import numpy as np


def rounded(exact: Fraction, dtype: str) -> float:
    """To nearest, ties to even, with subnormals; beyond the largest, infinity."""
    info = np.finfo(dtype)
    if exact == 0:
        return 0.0
    exponent = abs(exact.numerator).bit_length() - exact.denominator.bit_length()
    exponent -= abs(exact) < Fraction(2) ** exponent  # now 2^exponent <= |exact|
    place = max(exponent, int(info.minexp)) - int(info.nmant)
    whole = round(exact / Fraction(2) ** place)  # Python rounds ties to even
    result = whole * Fraction(2) ** place
    if abs(result) > Fraction(float(info.max)):
        return float("inf") if result > 0 else float("-inf")
    return float(result)
