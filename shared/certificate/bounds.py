"""How far a right program may be from the exact stage, element by element.

Standard rounding analysis, for any order of summation, any association of products, and fused
multiply-adds anywhere. Every function returns bounds in float64, not yet widened for its own
roundings; `widened` does that once, at the end. docs/certificate.md derives each line.

Shapes as in exact.py. Errors e bound the deviation of a quantity.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from shared.backend import Array
from shared.certificate.profile import Profile
from shared.certificate.rounding import Rounding


@dataclass(frozen=True, slots=True)
class Slope:
    """∂L/∂z or ∂L/∂a of a layer (..., m, n): the exact one, and what a program's may be off.

    size
        |exact|, in float64.
    roundings, reach
        How many underflows it may have met on its way, and how much each may have been magnified
        since; reach is (..., 1, 1).
    """

    exact: Any
    size: Array
    error: Array
    roundings: int
    reach: Array

    def part(self, rows: slice | Array) -> Slope:
        """Return the same of some steps."""
        return Slope(
            self.exact[rows], self.size[rows], self.error[rows], self.roundings, self.reach[rows]
        )


def widened(bound: Array) -> Array:
    """Make room for the roundings made in computing the bound itself."""
    return bound * (1 + 1e-9)


def divisor_roundings(*divisors: int) -> int:
    """Count what dividing by the mean's divisors may round, beyond an exact power of two.

    Two for each: a compiler may turn a / d into a times the rounded reciprocal of d.
    """
    return 2 * sum(d & (d - 1) != 0 for d in divisors)


def affine(rounding: Rounding, a: Array, W: Array, b: Array) -> Array:
    """Bound the error of z = a Wᵀ + b: n products, n additions, in any order."""
    n = W.shape[-1]
    size = abs(a) @ np.swapaxes(abs(W), -1, -2) + abs(b)[..., None, :]
    # A subnormal input may be flushed before it meets the other factor.
    underflow = (n + 1) * rounding.omega * np.maximum(top(a), top(W))
    bound: Array = rounding.gamma(n + 1) * size + underflow
    return bound


def activation(
    rounding: Rounding, profile: Profile, name: str, value: Array, rest: Array, z_error: Array
) -> Array:
    """Bound the error of a hidden or squared output's a = f(z), where z is off by z_error.

    value, rest are those of exact.Activated.
    """
    if name == "sigmoid":
        return profile.sigmoid_error(rounding, value, rest, z_error)
    if name == "tanh":
        return profile.tanh_error(rounding, value, rest, z_error)
    return z_error + rounding.omega if name == "relu" else z_error


def through_activation(
    rounding: Rounding, name: str, a: Array, slope: Array, above: Slope, exact: Any, size: Array
) -> Slope:
    """Bound δ = A f'(z) from A = ∂L/∂a and the recorded a, of which f'(z) is the slope.

    exact and size are those of δ.
    """
    error, p = above.error, abs(slope)
    if name == "tanh":
        return through_slope(rounding, p, tanh_slope_error(rounding, abs(a), p), above, exact, size)
    e = p * error
    if name == "sigmoid":
        e = e + rounding.gamma(3) * p * (above.size + error)
    k = above.roundings + 3
    return Slope(exact, size, e + k * rounding.omega * above.reach, k, above.reach)


def through_slope(
    rounding: Rounding, p: Array, p_error: Array, above: Slope, exact: Any, size: Array
) -> Slope:
    """Bound δ = A p where the slope p, computed in a way of its own, is off by p_error."""
    error = above.error
    e = p * error + above.size * p_error + error * p_error
    e = e + rounding.gamma(1) * (above.size + error) * (p + p_error)
    k = above.roundings + 3
    return Slope(exact, size, e + k * rounding.omega * above.reach, k, above.reach)


def tanh_slope_error(rounding: Rounding, a: Array, q: Array) -> Array:
    """Bound the error of 1 - a², (1 - a)(1 + a) or t + t a at a given |a|; q is its value."""
    bound: Array = rounding.u * (a * (1 + a) + 3 * q) * (1 + 4 * rounding.u)
    return bound


def bias_gradient(rounding: Rounding, delta: Slope) -> Array:
    """Bound ∂L/∂b: a sum over m samples."""
    m = delta.size.shape[-2]
    spread = (delta.error + rounding.gamma(m - 1) * (delta.size + delta.error)).sum(axis=-2)
    bound: Array = spread + m * rounding.omega
    return bound


def weight_gradient(rounding: Rounding, delta: Slope, a_below: Array) -> Array:
    """Bound ∂L/∂W = δᵀ a: m products and their sum."""
    m = delta.size.shape[-2]
    spread = delta.error + rounding.gamma(m) * (delta.size + delta.error)
    underflow = (delta.roundings + m) * m * rounding.omega * delta.reach * top(a_below)
    bound: Array = np.swapaxes(spread, -1, -2) @ abs(a_below) + underflow
    return bound


def below_error(rounding: Rounding, delta: Slope, W: Array) -> Array:
    """Bound ∂L/∂a_{l-1} = δ W: n products and their sum, and what δ was off before."""
    n = W.shape[-2]
    bound: Array = (delta.error + rounding.gamma(n) * (delta.size + delta.error)) @ abs(
        W
    ) + n * rounding.omega * delta.reach * top(W)
    return bound


def top(v: Array) -> Array:
    """max(1, max|v|) for each step and replica, shaped to meet matrices."""
    highest: Array = np.maximum(1.0, abs(v).max(axis=(-2, -1), keepdims=True))
    return highest
