"""How far a right program may be from the exact stage, element by element.

Standard rounding analysis, for any order of summation, any association of products, and fused
multiply-adds anywhere. Every function returns bounds in float64, not yet widened for its own
roundings; `widened` does that once, at the end. docs/certificate.md derives each line.

Shapes as in exact.py. Errors e bound the deviation of a quantity; K and U follow how many
underflows it may have met, and how much each may have been magnified since.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from shared.backend import Array
from shared.certificate.rounding import Rounding


def widened(bound: Array) -> Array:
    """Make room for the roundings made in computing the bound itself."""
    return bound * (1 + 1e-9)


def divisor_roundings(m: int, outputs: int) -> int:
    """Count what dividing by the mean's divisors may round, beyond an exact power of two.

    Two for each: a compiler may turn a / d into a times the rounded reciprocal of d.
    """
    return 2 * sum(d & (d - 1) != 0 for d in (m, outputs))


def affine(rounding: Rounding, a: Array, W: Array, b: Array) -> Array:
    """Bound the error of z = a Wᵀ + b: n products, n additions, in any order."""
    n = W.shape[-1]
    size = abs(a) @ np.swapaxes(abs(W), -1, -2) + abs(b)[..., None, :]
    bound: Array = rounding.gamma(n + 1) * size + (n + 1) * rounding.omega * _top(a)
    return bound


def loss(rounding: Rounding, value: Array, m: int, outputs: int) -> Array:
    """Bound the error of the mean of squares at recorded outputs."""
    k = m * outputs + 2 + divisor_roundings(m, outputs)
    bound: Array = rounding.gamma(k) * value + (m * outputs + 2) * rounding.omega
    return bound


def backward(
    rounding: Rounding,
    weights: Sequence[Array],
    activations: Sequence[Array],
    deltas: Sequence[Array],
    slope: Array,
) -> tuple[Array, ...]:
    """Bound the gradients computed from recorded activations a_0, ..., a_L.

    deltas are the exact ones, slope is the exact ∂L/∂o. Returns bounds for W_1, b_1, W_2, ...
    """
    m, outputs = activations[-1].shape[-2:]
    omega, gamma = rounding.omega, rounding.gamma
    k = 4 + divisor_roundings(m, outputs)
    reach = _top(slope)
    e = gamma(k) * abs(deltas[-1]) + k * omega * reach
    found: list[Array] = []
    for layer in range(len(weights), 0, -1):
        size, a = abs(deltas[layer - 1]), abs(activations[layer - 1])
        found.append(e.sum(axis=-2) + gamma(m - 1) * (size + e).sum(axis=-2) + m * omega)
        found.append(
            _transposed(e) @ a
            + gamma(m) * (_transposed(size + e) @ a)
            + (k + m) * m * omega * reach * _top(a)
        )
        if layer > 1:
            W = abs(weights[layer - 1])
            n = W.shape[-2]
            e_below = e @ W + gamma(n) * ((size + e) @ W)
            reach, k = reach * n * _top(W), k + n + 3
            p = a * (1 - a)
            # |A| p is the delta below; p (|A| + e_A) needs A itself only through it.
            e = p * e_below + gamma(3) * (abs(deltas[layer - 2]) + p * e_below) + k * omega * reach
    return tuple(found[::-1])


def _top(v: Array) -> Array:
    """max(1, max|v|) for each step and replica, shaped to meet matrices."""
    highest: Array = np.maximum(1.0, abs(v).max(axis=(-2, -1), keepdims=True))
    return highest


def _transposed(v: Array) -> Array:
    return np.swapaxes(v, -1, -2)
