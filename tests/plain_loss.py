"""The loss of a network of any kind, number by number in balls, by the formulas of a textbook.

Apart from shared/certificate: σ(z) = 1 / (1 + e^-z), s_k = e^z_k / Σ e^z, and the logarithms of a
cross-entropy are taken of the outputs. In hundreds of bits nothing overflows and little cancels, so
central differences of it are derivatives to as many digits as one likes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from flint import arb

from shared.backend import Array
from shared.network import Network

STEP = arb(2) ** -150
"""Central differences are off by its square, times a third derivative: some 2^-300."""

DIFFERENCE = -270.0
"""To so many bits, then, they are derivatives, with room for third derivatives up to 2^28."""

Vector = list[arb]


def loss(network: Network, weights: Sequence[arb], x: Array, y: Array) -> arb:
    """The mean over samples x (m, n_0), y (m, n_L), at weights (P,) in element order."""
    outputs = [output(network, weights, row) for row in x.tolist()]
    total = arb(0)
    for o, targets in zip(outputs, y.tolist(), strict=True):
        for one, target in zip(o, targets, strict=True):
            total += _term(network.loss, one, arb(target))
    m, n = y.shape
    divisors = {"quadratic_cost": 2 * m, "categorical_cross_entropy": m}
    mean: arb = total / divisors.get(network.loss, m * n)
    return mean


def output(network: Network, weights: Sequence[arb], x: Sequence[float]) -> Vector:
    """a_L of one sample."""
    a, at = [arb(v) for v in x], 0
    last = len(network.sizes) - 1
    for layer, (n_in, n_out) in enumerate(
        zip(network.sizes[:-1], network.sizes[1:], strict=True), start=1
    ):
        rows = [weights[at + i * n_in : at + (i + 1) * n_in] for i in range(n_out)]
        at += n_in * n_out
        z = [
            sum((w * v for w, v in zip(row, a, strict=True)), b)
            for row, b in zip(rows, weights[at : at + n_out], strict=True)
        ]
        at += n_out
        a = _function(network.output if layer == last else network.activation, z)
    return a


def gradient(network: Network, weights: Sequence[arb], x: Array, y: Array) -> Array:
    """(P,) balls: central differences of the loss."""
    found = []
    for i in range(len(weights)):
        up, down = ([*weights[:i], weights[i] + h, *weights[i + 1 :]] for h in (STEP, -STEP))
        found.append((loss(network, up, x, y) - loss(network, down, x, y)) / (2 * STEP))
    return np.array(found, dtype=object)


def _function(name: str, z: Vector) -> Vector:
    if name == "softmax":
        powers = [v.exp() for v in z]
        return [p / sum(powers, arb(0)) for p in powers]
    one = _FUNCTIONS[name]
    return [one(v) for v in z]


_FUNCTIONS: dict[str, Callable[[arb], arb]] = {
    "sigmoid": lambda v: 1 / (1 + (-v).exp()),
    "tanh": lambda v: v.tanh(),
    "relu": lambda v: v if v > 0 else arb(0),
    "identity": lambda v: v,
}


def _term(name: str, o: arb, y: arb) -> arb:
    if name == "categorical_cross_entropy":
        return -y * o.log()
    if name == "binary_cross_entropy":
        return -(y * o.log() + (1 - y) * (1 - o).log())
    return (o - y) ** 2
