"""The stages of one exact training step, each from what the backend recorded before it.

These are the formulas of the network, written once more and apart from every backend, in an
arithmetic that is handed in. Cut at the recorded values, no stage inherits the error of another.

Shapes: leading axes are steps and replicas; a_l (..., m, n_l), W_l (..., n_l, n_{l-1}).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from shared.backend import Array
from shared.certificate.arithmetic import Arithmetic
from shared.network import Network


@dataclass(frozen=True, slots=True)
class Activated:
    """a = f(z), and what would cancel if it were computed from a.

    rest
        1 - σ(z) of a sigmoid, 1 - tanh² z of a tanh, 1 - s of a softmax; None of others.
    """

    value: Any
    rest: Any = None


def affine(arithmetic: Arithmetic, a: Any, W: Any, b: Any, allowed: Array) -> Any:
    """z = a Wᵀ + b."""
    return arithmetic.matmul(a, np.swapaxes(W, -1, -2), allowed) + b[..., None, :]


def activation(arithmetic: Arithmetic, name: str, z: Any) -> Activated:
    """a = f(z), f by its name."""
    if name == "sigmoid":
        return sigmoid(arithmetic, z)
    if name == "tanh":
        e = arithmetic.exp(-2 * abs(z))
        return Activated(arithmetic.tanh(z), 4 * e / ((1 + e) * (1 + e)))
    if name == "softmax":
        return softmax(arithmetic, z)
    return Activated(arithmetic.positive(z) if name == "relu" else z)


def sigmoid(arithmetic: Arithmetic, z: Any) -> Activated:
    """σ(z), from e^-|z|, which neither overflows nor cancels."""
    e = arithmetic.exp(-abs(z))
    near = 1 / (1 + e)
    far = e * near
    return Activated(arithmetic.by_sign(z, near, far), arithmetic.by_sign(z, far, near))


def softmax(arithmetic: Arithmetic, z: Any) -> Activated:
    """s_k = e^z_k / Σ_j e^z_j, counted from the largest z."""
    e = arithmetic.exp(z - z.max(axis=-1, keepdims=True))
    total = e.sum(axis=-1, keepdims=True)
    others = _sums_of_others(e)
    return Activated(e / total, others / total)


def log_sum(arithmetic: Arithmetic, z: Any) -> Any:
    """ln Σ_j e^(z_j - max z) (..., 1): the largest term is 1, so it is ln(1 + the others)."""
    distance = z - z.max(axis=-1, keepdims=True)
    e = arithmetic.exp(distance)
    first = e.argmax(axis=-1)
    e[(*np.indices(first.shape), first)] = 0
    return arithmetic.log1p(e.sum(axis=-1, keepdims=True))


def slope(name: str, a: Any) -> Any:
    """f'(z), f by its name, from a = f(z). relu'(0) = 0."""
    if name == "sigmoid":
        return a * (1 - a)
    if name == "tanh":
        return (1 - a) * (1 + a)
    return (a > 0) * (1 + 0 * a) if name == "relu" else 1 + 0 * a


def slope_at(arithmetic: Arithmetic, name: str, z: Any, true: Activated) -> Any:
    """f'(z), f by its name, from z and f(z), without any cancellation. relu'(0) = 0."""
    if name == "sigmoid":
        return true.value * true.rest
    if name == "tanh":
        return true.rest
    one = 1 + 0 * z
    return arithmetic.by_sign(-z, 0 * z, one) if name == "relu" else one


def bend(name: str, true: Activated, slope: Any) -> Any:
    """f''(z), f by its name, from f(z) and f'(z)."""
    if name == "sigmoid":
        return slope * (true.rest - true.value)
    return -2 * true.value * slope if name == "tanh" else 0 * slope


def slope_as_difference(a: Array, dtype: str) -> Array:
    """σ'(z) as a program has it that computes a - a² in its dtype, a² rounded before.

    It cancels where a is near 1, so it is far from a (1 - a); but a is recorded, and IEEE-754
    leaves no choice of what comes out.
    """
    own = a.astype(dtype)
    difference: Array = (own - own * own).astype(np.float64)
    return difference


def loss(arithmetic: Arithmetic, network: Network, output: Any, logits: Any, y: Any) -> Any:
    """L (...), from a_L, or from the logits where the network's loss is computed from them."""
    m, n = y.shape[-2:]
    if network.loss == "binary_cross_entropy":
        terms = np.maximum(logits, 0) - logits * y + arithmetic.log1p(arithmetic.exp(-abs(logits)))
        return _total(terms) / (m * n)
    if network.loss == "categorical_cross_entropy":
        below = logits.max(axis=-1, keepdims=True) - logits
        return _total(y * (log_sum(arithmetic, logits) + below)) / m
    error = output - y
    divisor = m * n if network.loss == "mean_squared_error" else 2 * m
    return _total(error * error) / divisor


def output_slope(network: Network, output: Any, y: Any) -> Any:
    """∂L/∂a_L of a squared loss."""
    m, n = y.shape[-2:]
    if network.loss == "mean_squared_error":
        return 2 * (output - y) / (m * n)
    return (output - y) / m


def logit_slope(network: Network, output: Activated, y: Any) -> Any:
    """∂L/∂z_L of a cross-entropy: (a_L - y) / m, or / (m n_L); where y is 1, a_L - y cancels."""
    m, n = y.shape[-2:]
    error = np.where(y == 1, -output.rest, output.value - y)
    return error / (m * n if network.loss == "binary_cross_entropy" else m)


def bias_gradient(delta: Any) -> Any:
    """∂L/∂b_l = Σ over the samples of δ_l."""
    return delta.sum(axis=-2)


def weight_gradient(arithmetic: Arithmetic, delta: Any, a_below: Any, allowed: Array) -> Any:
    """∂L/∂W_l = δ_lᵀ a_{l-1}, in the arithmetic's cheapest form."""
    return arithmetic.product(np.swapaxes(delta, -1, -2), a_below, allowed)


def below(arithmetic: Arithmetic, delta: Any, W: Any, allowed: Array) -> Any:
    """∂L/∂a_{l-1} = δ_l W_l."""
    return arithmetic.matmul(delta, W, allowed)


def _total(terms: Any) -> Any:
    return terms.sum(axis=(-2, -1))


def _sums_of_others(e: Any) -> Any:
    """For each element the sum of all others in its row, by additions alone."""
    before, after = np.zeros_like(e), np.zeros_like(e)
    np.cumsum(e[..., :-1], axis=-1, out=before[..., 1:])
    np.cumsum(e[..., :0:-1], axis=-1, out=after[..., -2::-1])
    return before + after
