"""A backward pass held to exact arithmetic, for any depth, batch and dtype.

The gradient that belongs to *recorded* activations is a polynomial in them, the weights and the
targets; Python's fractions compute it without any rounding. A program may differ from it by the
roundings it makes on the way, each at most u times what it works on, so by at most
(number of roundings) x u x (the same polynomial with every term made positive).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np

from shared.backend import Array, Params, StepGradients

Matrix = list[list[Fraction]]
Slope = Callable[[Fraction], Fraction]


def sigmoid_slope(a: Fraction) -> Fraction:
    """σ' in terms of σ."""
    return a * (1 - a)


def tanh_slope(a: Fraction) -> Fraction:
    """tanh' in terms of tanh."""
    return (1 - a) * (1 + a)


def excess(
    params: Params, x: Array, y: Array, result: StepGradients, slope: Slope = sigmoid_slope
) -> float:
    """Return the largest error over its bound, over every element of every gradient.

    At most 1 means that rounding explains everything. A NaN or infinite gradient gives infinity.
    """
    assert result.evaluation.activations is not None
    recorded = [x, *result.evaluation.activations]
    weights = [w.tolist() for w in params[0::2]]
    exact = _backward(recorded, weights, y, slope, positive=False)
    size = _backward(recorded, weights, y, slope, positive=True)
    u = Fraction(1, 2 ** (53 if x.dtype == np.float64 else 24))
    budget = _roundings(len(x), [a.shape[-1] for a in recorded]) * u
    worst = Fraction(0)
    for got, wanted, most in zip(result.grads, exact, size, strict=True):
        if not np.isfinite(got).all():
            return float("inf")
        for value, truth, scale in zip(got.ravel().tolist(), wanted, most, strict=True):
            error = abs(Fraction(value) - truth)
            if error:
                worst = max(worst, error / (budget * scale) if scale else Fraction(10**9))
    return float(worst)


def _roundings(m: int, sizes: Sequence[int]) -> int:
    """Count roundings on the longest way: 6 to the output's delta (the division of the mean may
    become a product with a rounded reciprocal), n + 3 for each layer passed, m for the batch."""
    return 6 + sum(n + 3 for n in sizes[1:-1]) + sizes[-1] + m


def _backward(
    activations: Sequence[Array], weights: Sequence[Matrix], y: Array, slope: Slope, positive: bool
) -> list[list[Fraction]]:
    """Return the flattened gradients W1, b1, ...; with `positive`, sums of absolute terms."""

    def sign(value: Fraction) -> Fraction:
        return abs(value) if positive else value

    a = [_fractions(layer) for layer in activations]
    targets = _fractions(y)
    m, n = len(a[-1]), len(a[-1][0])
    deltas = [
        [sign(2 * (o - t) / (m * n)) * sign(slope(o)) for o, t in zip(row, goal, strict=True)]
        for row, goal in zip(a[-1], targets, strict=True)
    ]
    grads: list[list[Fraction]] = []
    for layer in range(len(a) - 1, 0, -1):
        below, units = a[layer - 1], range(len(a[layer][0]))
        grads.append([sum((row[j] for row in deltas), Fraction(0)) for j in units])
        grads.append(
            [
                sum((d[j] * sign(b[i]) for d, b in zip(deltas, below, strict=True)), Fraction(0))
                for j in units
                for i in range(len(below[0]))
            ]
        )
        if layer > 1:
            w = weights[layer - 1]
            deltas = [
                [
                    sum((d[j] * sign(Fraction(w[j][i])) for j in units), Fraction(0))
                    * sign(slope(h))
                    for i, h in enumerate(hidden)
                ]
                for d, hidden in zip(deltas, below, strict=True)
            ]
    return grads[::-1]


def _fractions(rows: Array) -> Matrix:
    return [[Fraction(value) for value in row] for row in rows.tolist()]
