"""What one rounding can do in a dtype."""

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
    dtype
        What NumPy calls the format.
    """

    u: float
    omega: float
    dtype: str = "float64"

    @classmethod
    def of(cls, dtype: str) -> Rounding:
        """Return the constants of float64 or float32."""
        info = np.finfo(dtype)
        return cls(float(info.eps) / 2, float(info.smallest_normal), dtype)

    def gamma(self, k: int) -> float:
        """Bound the relative error of k roundings in a row: k u / (1 - k u).

        Source: N. J. Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., Lemma 3.1.
        """
        return k * self.u / (1 - k * self.u)


def half_steps(rounding: Rounding, value: Array) -> tuple[Array, Array]:
    """Return half the distances from floats to those below and above them.

    Shapes: value float64 or of the dtype, results alike.
    """
    info = np.finfo(rounding.dtype)
    mantissa, exponent = np.frexp(value)
    lowest = info.minexp - info.nmant
    # NumPy's own spacing knows none of the largest float.
    exponent = np.where(value == 0, lowest, np.maximum(exponent - info.nmant - 1, lowest))
    half = np.ldexp(0.5, exponent)
    # Below a power of two floats lie twice as dense, unless all that is below is subnormal.
    power = (abs(mantissa) == 0.5) & (abs(value) > rounding.omega)
    inward = np.where(power, half / 2, half)
    return np.where(value > 0, inward, half), np.where(value > 0, half, inward)
