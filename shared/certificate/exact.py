"""The stages of one exact training step, each from what the backend recorded before it.

These are the formulas of the network, written once more and apart from every backend, in an
arithmetic that is handed in. Cut at the recorded values, no stage inherits the error of another.

Shapes: leading axes are steps and replicas; a_l (..., m, n_l), W_l (..., n_l, n_{l-1}).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from shared.certificate.arithmetic import Arithmetic


@dataclass(frozen=True, slots=True)
class Sigmoid:
    """σ(z), and 1 - σ(z) computed without cancellation."""

    value: Any
    rest: Any


def affine(arithmetic: Arithmetic, a: Any, W: Any, b: Any) -> Any:
    """z = a Wᵀ + b."""
    return arithmetic.matmul(a, np.swapaxes(W, -1, -2)) + b[..., None, :]


def sigmoid(arithmetic: Arithmetic, z: Any) -> Sigmoid:
    """σ(z), from e^-|z|, which neither overflows nor cancels."""
    e = arithmetic.exp(-abs(z))
    near, far = 1 / (1 + e), e / (1 + e)
    return Sigmoid(np.where(z >= 0, near, far), np.where(z >= 0, far, near))


def mean_squared_error(output: Any, y: Any) -> Any:
    """L = (1/M) Σ (o - y)², M = m n_L."""
    error = output - y
    return (error * error).sum(axis=(-2, -1)) / _count(output)


def output_slope(output: Any, y: Any) -> Any:
    """∂L/∂o = (2/M) (o - y)."""
    return 2 * (output - y) / _count(output)


def below(arithmetic: Arithmetic, delta: Any, W: Any) -> Any:
    """∂L/∂a_{l-1} = δ_l W_l."""
    return arithmetic.matmul(delta, W)


def weight_gradient(arithmetic: Arithmetic, delta: Any, a_below: Any) -> Any:
    """∂L/∂W_l = δ_lᵀ a_{l-1}."""
    return arithmetic.matmul(np.swapaxes(delta, -1, -2), a_below)


def bias_gradient(delta: Any) -> Any:
    """∂L/∂b_l = Σ over the samples of δ_l."""
    return delta.sum(axis=-2)


def backward(
    arithmetic: Arithmetic, weights: Sequence[Any], activations: Sequence[Any], y: Any
) -> list[Any]:
    """Return δ_1, ..., δ_L at given activations a_0, ..., a_L; weights are W_1, ..., W_L."""
    slope = output_slope(activations[-1], y)
    deltas = []
    for layer in range(len(weights), 0, -1):
        a = activations[layer]
        delta = slope * (a * (1 - a))
        deltas.append(delta)
        if layer > 1:
            slope = below(arithmetic, delta, weights[layer - 1])
    return deltas[::-1]


def _count(output: Any) -> int:
    m, n = output.shape[-2:]
    return int(m * n)
