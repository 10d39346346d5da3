"""What one rounding can do in a dtype, and what the host's functions may do on top."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shared.backend import Array


@dataclass(frozen=True, slots=True)
class Rounding:
    """A floating-point format under IEEE-754 round to nearest, subnormals possibly flushed.

    u
        Unit roundoff: one operation errs by at most u times its result,
    omega
        plus, where the result is tiny, the smallest normal number.
    """

    u: float
    omega: float

    @classmethod
    def of(cls, dtype: str) -> Rounding:
        """Return the constants of float64 or float32."""
        info = np.finfo(dtype)
        return cls(float(info.eps) / 2, float(info.smallest_normal))

    def gamma(self, k: int) -> float:
        """Bound the relative error of k roundings in a row: k u / (1 - k u).

        Source: N. J. Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., Lemma 3.1.
        """
        return k * self.u / (1 - k * self.u)


@dataclass(frozen=True, slots=True)
class Profile:
    """How far a host's sigmoid may be from the true one.

    The error of σ(z) is at most u S (c0 + c1 C), S and C the largest σ and 1 - σ in reach: c0
    counts the addition and the division of 1/(1 + e^-z), c1 the error of the exponential in units
    of u, which reaches σ multiplied by 1 - σ.
    """

    name: str
    c0: float
    c1: float

    def sigmoid_error(self, rounding: Rounding, s: Array, c: Array, z_error: Array) -> Array:
        """Bound |a - σ(z)| where the program's z is off by at most z_error."""
        stretched = np.exp(np.minimum(z_error, 50.0))
        moved = np.minimum(s * c * z_error * stretched, 1.0)
        highest, rest = np.minimum(1.0, s + moved), np.minimum(1.0, c + moved)
        function = rounding.u * highest * (self.c0 + self.c1 * rest) * (1 + 1e-6)
        bound: Array = moved + function + rounding.omega
        return bound


TIGHT = Profile("tight", c0=2.0, c1=4.0)
