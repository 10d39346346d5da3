"""A backward pass held to exact arithmetic, for any depth, functions, loss, batch and dtype.

The gradient that belongs to *recorded* activations is a polynomial in them, the weights and the
targets; Python's fractions compute it without any rounding. A program may differ from it by the
roundings it makes on the way, each at most u times what it works on, so by at most
(number of roundings) x u x (the same polynomial with every term made positive).

A cross-entropy is derived from recorded logits. Its ∂L/∂z_L holds a sigmoid or a softmax, taken
from 60-digit decimals, with a count of its own for each number; the rest is the same polynomial.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

import numpy as np

from shared.backend import Array, Params, StepGradients
from shared.network import Network
from tests.exact_functions import logistic, softmax

Matrix = list[list[Fraction]]


@dataclass(frozen=True)
class Slope:
    """f' in terms of a = f(z), and the size that its two roundings are relative to."""

    exact: Callable[[Fraction], Fraction]
    size: Callable[[Fraction], Fraction]


SLOPES = {
    "sigmoid": Slope(lambda a: a * (1 - a), lambda a: abs(a * (1 - a))),
    "tanh": Slope(lambda a: 1 - a * a, lambda a: 1 + a * a),
    "relu": Slope(lambda a: Fraction(a > 0), lambda a: Fraction(a > 0)),
    "identity": Slope(lambda _: Fraction(1), lambda _: Fraction(1)),
}


@dataclass(frozen=True)
class Rules:
    """By which slopes, and of which loss, a gradient is expected."""

    hidden: Slope = SLOPES["sigmoid"]
    output: Slope = SLOPES["sigmoid"]
    loss: str = "mean_squared_error"

    @classmethod
    def of(cls, network: Network) -> Rules:
        """Return the rules of a network; the slope of a softmax is not asked for."""
        output = "identity" if network.output == "softmax" else network.output
        return cls(SLOPES[network.activation], SLOPES[output], network.loss)


SIGMOIDS = Rules()
TANHS = Rules(SLOPES["tanh"], SLOPES["tanh"])


@dataclass(frozen=True)
class Derived:
    """Exact ∂L/∂z_1, ... and ∂L/∂W1, ∂L/∂b1, ..., flattened; or bounds on errors, in units of u."""

    deltas: list[list[Fraction]]
    grads: list[list[Fraction]]


def excess(
    params: Params, x: Array, y: Array, result: StepGradients, rules: Rules = SIGMOIDS
) -> float:
    """Return the largest error over its bound, over every element of every gradient and delta.

    At most 1 means that rounding explains everything. A NaN or infinite gradient gives infinity.
    """
    exact, bound = derived(params, x, y, result, rules)
    got = [*result.grads, *(result.deltas or ())]
    wanted, most = [*exact.grads, *exact.deltas], [*bound.grads, *bound.deltas]
    u = _unit(x)
    return max(
        _worst(array, values, bounds, u)
        for array, values, bounds in zip(got, wanted, most, strict=False)
    )


def derived(
    params: Params, x: Array, y: Array, result: StepGradients, rules: Rules
) -> tuple[Derived, Derived]:
    """Return what belongs to the recorded activations, and bounds on a program's error in it."""
    assert result.evaluation.activations is not None
    recorded = [_fractions(a) for a in (x, *result.evaluation.activations)]
    weights = [_fractions(w) for w in params[0::2]]
    sizes = [len(a[0]) for a in recorded]
    # No product is known better than the smallest normal number: it may have underflowed.
    floor = Fraction(float(np.finfo(x.dtype).tiny)) / _unit(x)
    start, size = _output_deltas(recorded[-1], _fractions(y), result.evaluation.logits, rules)
    rest = _roundings(len(x), sizes)
    most = [[s * (count + rest) + floor for s, count in row] for row in size]
    return (
        _carried(recorded, weights, start, rules.hidden.exact, lambda value: value, Fraction(0)),
        _carried(recorded, weights, most, rules.hidden.size, abs, floor),
    )


def _roundings(m: int, sizes: Sequence[int]) -> int:
    """Count roundings from the output's delta on: n + 3 for each layer passed, m for the batch."""
    return sum(n + 3 for n in sizes[1:-1]) + sizes[-1] + m


def _output_deltas(
    output: Matrix, y: Matrix, logits: Array | None, rules: Rules
) -> tuple[Matrix, list[list[tuple[Fraction, Fraction]]]]:
    """Return ∂L/∂z_L, and for each its size and the roundings on the way to it.

    Of squares that is 6: the division of the mean may become a product with a rounded reciprocal.
    """
    m, n = len(output), len(output[0])
    scale = Fraction(1, m) if rules.loss in _PER_SAMPLE else Fraction(1, m * n)
    if rules.loss in ("mean_squared_error", "quadratic_cost"):
        factor = 2 * scale if rules.loss == "mean_squared_error" else scale
        pairs = [list(zip(*rows, strict=True)) for rows in zip(output, y, strict=True)]
        slope = rules.output
        return (
            [[factor * (o - t) * slope.exact(o) for o, t in row] for row in pairs],
            [[(factor * abs(o - t) * slope.size(o), Fraction(6)) for o, t in row] for row in pairs],
        )
    assert logits is not None, f"{rules.loss} is derived from logits"
    shares = _softmaxes if rules.loss == "categorical_cross_entropy" else _logistics
    deltas, sizes = [], []
    for z, targets in zip(logits.tolist(), y, strict=True):
        of_sample = [(Fraction(p), Fraction(c)) for p, c in shares([Decimal(v) for v in z])]
        total = sum(targets, Fraction(0)) if shares is _softmaxes else 1
        both = list(zip(of_sample, targets, strict=True))
        deltas.append([scale * (p * total - t) for (p, _), t in both])
        sizes.append([(scale * (p + t), count) for (p, count), t in both])
    return deltas, sizes


_PER_SAMPLE = ("quadratic_cost", "categorical_cross_entropy")


def _softmaxes(z: list[Decimal]) -> list[tuple[Decimal, Decimal]]:
    return softmax(z)


def _logistics(z: list[Decimal]) -> list[tuple[Decimal, Decimal]]:
    return [logistic(value) for value in z]


def _carried(
    a: Sequence[Matrix],
    weights: Sequence[Matrix],
    deltas: Matrix,
    slope: Callable[[Fraction], Fraction],
    sign: Callable[[Fraction], Fraction],
    floor: Fraction,
) -> Derived:
    """Carry ∂L/∂z_L through the layers; with sizes, `abs` and a floor, carry bounds on errors."""
    grads: list[list[Fraction]] = []
    all_deltas = [_flat(deltas)]
    for layer in range(len(a) - 1, 0, -1):
        below, units = a[layer - 1], range(len(a[layer][0]))
        grads.append([sum((row[j] for row in deltas), floor) for j in units])
        grads.append(
            [
                sum((d[j] * sign(b[i]) for d, b in zip(deltas, below, strict=True)), floor)
                for j in units
                for i in range(len(below[0]))
            ]
        )
        if layer > 1:
            w = weights[layer - 1]
            deltas = [
                [
                    sum((d[j] * sign(w[j][i]) for j in units), Fraction(0)) * slope(h) + floor
                    for i, h in enumerate(hidden)
                ]
                for d, hidden in zip(deltas, below, strict=True)
            ]
            all_deltas.append(_flat(deltas))
    return Derived(all_deltas[::-1], grads[::-1])


def _worst(got: Array, exact: Sequence[Fraction], bounds: Sequence[Fraction], u: Fraction) -> float:
    if not np.isfinite(got).all():
        return float("inf")
    errors = [abs(Fraction(v) - w) for v, w in zip(got.ravel().tolist(), exact, strict=True)]
    return float(max(error / (u * most) for error, most in zip(errors, bounds, strict=True)))


def _unit(x: Array) -> Fraction:
    return Fraction(1, 2 ** (53 if x.dtype == np.float64 else 24))


def _flat(rows: Matrix) -> list[Fraction]:
    return [value for row in rows for value in row]


def _fractions(rows: Array) -> Matrix:
    return [[Fraction(value) for value in row] for row in rows.tolist()]
