"""A forward pass and a loss held to 60-digit decimals, layer by layer from what was recorded.

Each layer starts from the recorded activations of the one below, so its error is its own: the
roundings of a sum of products, and those of the activation function (tests/exact_functions.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

import numpy as np

from shared.backend import Array, Evaluation, Params
from shared.network import Network
from tests.exact_functions import (
    Bounded,
    activation,
    binary_cross_entropy,
    categorical_cross_entropy,
)

Rows = list[list[Decimal]]


def forward_excess(network: Network, params: Params, x: Array, evaluation: Evaluation) -> float:
    """Return the largest error over its bound, over every activation and logit of one network.

    At most 1 means that rounding explains everything. A NaN or an infinity gives infinity.
    """
    assert evaluation.activations is not None
    u, recorded = unit(x), [decimals(x), *map(decimals, evaluation.activations)]
    worst, last = Decimal(0), len(network.sizes) - 1
    for layer in range(1, last + 1):
        W, b = decimals(params[2 * layer - 2]), decimals(params[2 * layer - 1][None])[0]
        name = network.output if layer == last else network.activation
        for sample, (below, got) in enumerate(
            zip(recorded[layer - 1], recorded[layer], strict=True)
        ):
            sums = [_sum(w, below, bias) for w, bias in zip(W, b, strict=True)]
            if layer == last and evaluation.logits is not None:
                z = decimals(evaluation.logits)[sample]
                worst = max(worst, _worst(z, sums, u, x))
                sums = [(value, Decimal(0)) for value in z]
            expected = activation(name, [s for s, _ in sums], [e for _, e in sums], u)
            worst = max(worst, _worst(got, expected, u, x))
    return float(worst)


def loss_excess(network: Network, y: Array, evaluation: Evaluation) -> float:
    """Return the error of the loss that belongs to recorded activations or logits, over its bound.

    Squares: the difference counts twice, then the square. All: every addition, and a mean that
    may multiply by a rounded reciprocal.
    """
    assert evaluation.activations is not None
    u, (m, n) = unit(y), y.shape
    terms: list[Bounded]
    if network.from_logits:
        assert evaluation.logits is not None
        rows = zip(decimals(evaluation.logits), decimals(y), strict=True)
        terms = list(_cross_entropies(network.loss, rows))
    else:
        rows = zip(decimals(evaluation.activations[-1]), decimals(y), strict=True)
        squares = [(o - t) ** 2 for row, goal in rows for o, t in zip(row, goal, strict=True)]
        terms = [(square, 3 * square) for square in squares]
    divisor = {"quadratic_cost": 2 * m, "categorical_cross_entropy": m}.get(network.loss, m * n)
    total = sum((value for value, _ in terms), Decimal(0))
    size = sum((error + (m * n + 2) * abs(value) for value, error in terms), Decimal(0))
    got = [Decimal(float(evaluation.loss))]
    return float(_worst(got, [(total / divisor, size / divisor)], u, y))


def unit(x: Array) -> Decimal:
    return Decimal(2) ** (-53 if x.dtype == np.float64 else -24)


def decimals(rows: Array) -> Rows:
    return [[Decimal(value) for value in row] for row in rows.tolist()]


def _cross_entropies(
    loss: str, rows: Iterator[tuple[list[Decimal], list[Decimal]]]
) -> Iterator[Bounded]:
    for z, y in rows:
        if loss == "categorical_cross_entropy":
            yield categorical_cross_entropy(z, y)
        else:
            yield from (binary_cross_entropy(*pair) for pair in zip(z, y, strict=True))


def _sum(w: Sequence[Decimal], a: Sequence[Decimal], b: Decimal) -> Bounded:
    """Return w a + b, and its error: a product and the additions after it, at the sizes of all."""
    products = [v * value for v, value in zip(w, a, strict=True)]
    size = sum(map(abs, products), abs(b))
    return sum(products, b), (len(w) + 1) * size


def _worst(got: Sequence[Decimal], expected: Sequence[Bounded], u: Decimal, like: Array) -> Decimal:
    """The smallest normal number is allowed on top: what is smaller may have underflowed."""
    if not all(value.is_finite() for value in got):
        return Decimal("Infinity")
    tiny = Decimal(float(np.finfo(like.dtype).tiny))
    return max(
        abs(value - wanted) / (u * error + tiny)
        for value, (wanted, error) in zip(got, expected, strict=True)
    )
