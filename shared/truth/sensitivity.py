"""By how much a run magnifies a small change of its starting weights.

It is the largest singular value of the product of all steps' derivatives: how much longer the
longest of all small changes has become. Chaos soon leaves the range of floats, so the product is
kept scaled, and the sensitivity by its decimal logarithm.
"""

from __future__ import annotations

import math

import numpy as np

from shared.backend import Array


class SensitivityMeter:
    """Follows the product of the derivatives through a run.

    log10
        The decimal logarithm of the sensitivity so far; 0 at the start.
    peak_log10, peak_step
        The largest after any step, and after how many.
    """

    def __init__(self, size: int) -> None:
        self._product, self._exponent = np.eye(size), 0
        self.log10 = self.peak_log10 = 0.0
        self.peak_step = 0

    def add(self, products: Array, start: int) -> None:
        """Go on by a block: (k, P, P) the products of its first 1, ..., k steps' derivatives.

        start
            How many steps were made before it.
        """
        with np.errstate(all="ignore"):
            products = products @ self._product
        logs = _log10_norms(products) + self._exponent * math.log10(2)
        self.log10 = float(logs[-1])
        highest = int(logs.argmax())
        if logs[highest] > self.peak_log10:
            self.peak_log10, self.peak_step = float(logs[highest]), start + highest + 1
        self._product = products[-1]
        largest = float(abs(self._product).max())
        if 0 < largest < math.inf:
            exponent = math.frexp(largest)[1]
            self._product = np.ldexp(self._product, -exponent)
            self._exponent += exponent


def _log10_norms(products: Array) -> Array:
    """Return log10 of the largest singular values; of what has overflowed it is infinite."""
    finite = np.isfinite(products).all(axis=(-2, -1))
    norms = np.full(len(products), np.inf)
    norms[finite] = np.linalg.norm(products[finite], 2, axis=(-2, -1))
    with np.errstate(divide="ignore"):
        logs: Array = np.log10(norms)
    return logs
