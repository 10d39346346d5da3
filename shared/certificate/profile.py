"""How far the host's functions may be from the true ones: what is declared, and what follows.

Units are unit roundoffs: an error of one unit in the last place is up to two of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shared.backend import Array
from shared.certificate.rounding import Rounding


@dataclass(frozen=True, slots=True)
class Profile:
    """The declared errors of a host's functions.

    c0, c1
        The error of σ(z) is at most u S (c0 + c1 C), S and C the largest σ and 1 - σ in reach: c0
        counts the addition and the division of 1/(1 + e^-z), c1 the relative error of the
        exponential, which reaches σ multiplied by 1 - σ.
    tanh, log
        The relative errors of tanh, and of ln and ln(1 + x).
    """

    name: str
    c0: float
    c1: float
    tanh: float
    log: float

    def sigmoid_error(self, rounding: Rounding, s: Array, c: Array, z_error: Array) -> Array:
        """Bound |a - σ(z)| where the program's z is off by at most z_error; c = 1 - s."""
        moved = _moved(s * c, z_error, 1.0)
        highest, rest = np.minimum(1.0, s + moved), np.minimum(1.0, c + moved)
        function = rounding.u * highest * (self.c0 + self.c1 * rest) * (1 + 1e-6)
        bound: Array = moved + function + rounding.omega
        return bound

    def tanh_error(self, rounding: Rounding, t: Array, q: Array, z_error: Array) -> Array:
        """Bound |a - tanh z| likewise; t = tanh z, q = 1 - t²."""
        moved = _moved(q, z_error, 2.0)
        highest = np.minimum(1.0, abs(t) + moved)
        bound: Array = moved + rounding.u * self.tanh * highest * (1 + 1e-6) + rounding.omega
        return bound


def _moved(slope: Array, error: Array, most: float) -> Array:
    """Bound how far a function moves within the error: its slope grows by e^(most error) there."""
    grown = np.exp(np.minimum(most * error, 50.0))
    moved: Array = np.where(most * error < 50, np.minimum(slope * error * grown, most), most)
    return moved


TIGHT = Profile("tight", c0=2.0, c1=4.0, tanh=14.0, log=4.0)
