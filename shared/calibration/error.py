"""How far results are from the exact values, in ULPs and in what the profile counts in."""

from __future__ import annotations

import numpy as np

from shared.backend import Array
from shared.calibration.truth import Exact
from shared.certificate.rounding import Rounding

AT_ONCE = 2**15
"""As many results are looked at together: so few stay in the processor's cache."""


def worst_error(function: str, x: Array, value: Array, exact: Exact) -> tuple[float, float, float]:
    """Return the largest error in ULPs, the largest in units, and the x of the latter.

    Where no error counts in units, it is the x of the largest in ULPs.

    Shapes: x and value (k,), in the dtype that is measured; k > 0.
    """
    found = []
    for start in range(0, len(x), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        ulps, units = errors(function, value[part], exact.at(part))
        i, j = int(ulps.argmax()), int(units.argmax())
        found.append((float(units[j]), float(ulps[i]), float(x[part][j if units[j] else i])))
    units_worst, _, at = max(found, key=lambda one: one[:2])
    return max(ulps for _, ulps, _ in found), units_worst, at


def errors(function: str, value: Array, exact: Exact) -> tuple[Array, Array]:
    """Return the errors in ULPs and in units, elementwise; see `Measured`.

    An exact value below the smallest normal number may have been flushed: there an absolute
    error of that size is right, no other is, and ULPs are not counted. For sigmoid in float32 it
    is twice that number, as in the certificate's bound.

    Shapes: value (k,), in the dtype that is measured; results (k,), float64, without NaN.
    """
    rounding = Rounding.of(value.dtype.name)
    with np.errstate(all="ignore"):  # infinities are compared here, and NaN are results
        nearest = exact.high.astype(value.dtype)
        size, distance = abs(exact.high), abs(value - exact.high)
        relative = abs((value - exact.high) / size - exact.rest)
        if function == "sigmoid":
            tiny = rounding.omega * (2 if value.dtype == np.float32 else 1)
            # |a - s| <= u s (2 + c1 (1 - s)) + tiny, solved for c1
            excess = (relative - tiny / size) / rounding.u - 2
            units = np.where(excess <= 0, 0.0, excess / exact.complement)
            units = np.where(distance <= tiny, 0.0, units)
        else:
            tiny = rounding.omega
            below = np.where(distance <= tiny, 0.0, np.inf)
            units = np.where(size < tiny, below, relative / rounding.u)
        ulps = np.where(size < tiny, 0.0, relative * (size / np.spacing(abs(nearest))))
        wrong = np.where(value == nearest, 0.0, np.inf)
        units = np.where(np.isinf(nearest), wrong, units)
        units = np.where(np.isnan(units), np.inf, units)
        ulps = np.where(np.isinf(nearest) | np.isinf(units), units, ulps)
    return ulps, units
