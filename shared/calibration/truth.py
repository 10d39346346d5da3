"""The exact values of the elementary functions, as far beyond a dtype as its errors ask for.

float32 is measured against NumPy's float64: its own errors of a few 2^-53 are nothing beside
2^-24. float64 is measured against ball arithmetic of 128 bits (F. Johansson, Arb: efficient
arbitrary-precision midpoint-radius interval arithmetic, IEEE Transactions on Computers 66, 2017).
No function is taken from the framework that is measured by it in its own dtype.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from flint import arb, ctx

from shared.backend import Array

PRECISION_BITS = 128
BEYOND = 1000.0
"""e^1000 and e^-1000 lie beyond float64; what lies beyond them is not computed."""


@dataclass(frozen=True, slots=True)
class Exact:
    """Exact values f = high + rest |high|, where high is a normal number; each (k,), float64.

    high
        The nearest float64, or infinity.
    rest
        What high leaves, relative to it, so that it is never too small for a float.
    complement
        1 - f of sigmoid, computed without cancellation; of the others, where nobody asks, NaN.
    """

    high: Array
    rest: Array
    complement: Array

    def at(self, chosen: Array | slice) -> Exact:
        """Return the values at some indices."""
        return Exact(self.high[chosen], self.rest[chosen], self.complement[chosen])


def exact(function: str, x: Array) -> Exact:
    """Return f(x) for a float64 or a float32 x.

    Shapes: x (k,).
    """
    wide = x.astype(np.float64)
    with np.errstate(over="ignore", divide="ignore"):
        shares = _sigmoid(wide, np.exp(-abs(wide))) if function == "sigmoid" else None
        if x.dtype == np.float32:
            high = shares[0] if shares else _IN_FLOAT64[function](wide)
            rest = np.broadcast_to(0.0, x.shape)
        else:
            high, rest = _in_balls(_IN_BALLS[function], wide)
    complement = shares[1] if shares else np.broadcast_to(np.nan, x.shape)
    return Exact(high, rest, complement)


def _sigmoid(x: Array, power: Array) -> tuple[Array, Array]:
    """Return σ(x) and 1 - σ(x) from e^-|x|: neither is a difference."""
    larger, smaller = 1 / (1 + power), power / (1 + power)
    return np.where(x >= 0, larger, smaller), np.where(x >= 0, smaller, larger)


_IN_FLOAT64: dict[str, Callable[[Array], Array]] = {
    "exp": np.exp,
    "log": np.log,
    "log1p": np.log1p,
    "tanh": np.tanh,
}


def _in_balls(function: Callable[[arb], arb], x: Array) -> tuple[Array, Array]:
    """Return high and rest of each value."""
    with ctx.workprec(PRECISION_BITS):
        balls = [function(arb(number)) for number in x.tolist()]
        high = [float(ball) for ball in balls]
        rest = [_rest(ball, number) for ball, number in zip(balls, high, strict=True)]
    return np.array(high), np.array(rest)


def _rest(ball: arb, high: float) -> float:
    return float((ball - high) / abs(high)) if 0 < abs(high) < np.inf else 0.0


def _exp(x: arb) -> arb:
    return (x if x < BEYOND else arb(BEYOND)).exp()


def _log(x: arb) -> arb:
    return x.log() if x > 0 else -arb.pos_inf()


def _logistic(x: arb) -> arb:
    power = (-abs(x)).exp()
    return 1 / (1 + power) if x >= 0 else power / (1 + power)


_IN_BALLS: dict[str, Callable[[arb], arb]] = {
    "exp": _exp,
    "log": _log,
    "log1p": arb.log1p,
    "sigmoid": _logistic,
    "tanh": arb.tanh,
}
