"""The step as one piece, from parameters and samples: the fallback behind the cut-points.

A compiler may compute an activation again inside another expression, so that a gradient belongs
to activations that were never recorded. Then the bound has to carry every error from the start.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from shared.backend import Array, Params
from shared.certificate import exact
from shared.certificate.bounds import divisor_roundings

if TYPE_CHECKING:
    from shared.certificate.stages import Evaluated, Reference


@dataclass(frozen=True, slots=True)
class Layer:
    """An exact activation, its slope's two factors, and how far a program's may be off.

    value, rest
        s = σ(z) and c = 1 - s in the reference arithmetic.
    """

    value: Any
    rest: Any
    error: Array


def forward(reference: Reference, params: Params, x: Array) -> list[Layer]:
    """Compute every activation from x alone, with the error that has gathered until there."""
    arithmetic, rounding = reference.arithmetic, reference.rounding
    a, error = arithmetic.lift(x), np.zeros(x.shape)
    layers = []
    for W, b in zip(params[0::2], params[1::2], strict=True):
        n, size, w = W.shape[-1], abs(arithmetic.lower(a)), np.swapaxes(abs(W), -1, -2)
        z_error = (
            rounding.gamma(n + 1) * ((size + error) @ w + abs(b)[..., None, :])
            + error @ w
            + (n + 1) * rounding.omega * _top(size)
        )
        true = exact.sigmoid(
            arithmetic, exact.affine(arithmetic, a, arithmetic.lift(W), arithmetic.lift(b))
        )
        s, c = arithmetic.lower(true.value), arithmetic.lower(true.rest)
        error = reference.profile.sigmoid_error(rounding, s, c, z_error)
        a = true.value
        layers.append(Layer(true.value, true.rest, error))
    return layers


def backward(reference: Reference, seen: Evaluated) -> tuple[tuple[Any, Array], ...]:
    """Return each gradient's exact value and bound, from W_1, b_1 on."""
    arithmetic, rounding = reference.arithmetic, reference.rounding
    gamma, omega, lower = rounding.gamma, rounding.omega, arithmetic.lower
    layers = forward(reference, seen.params, seen.activations[0])
    x = Layer(arithmetic.lift(seen.activations[0]), None, np.zeros(seen.activations[0].shape))
    below = [x, *layers]
    m, outputs = seen.y.shape[-2:]
    slope = exact.output_slope(layers[-1].value, arithmetic.lift(seen.y))
    count = m * outputs
    distance = abs(lower(slope)) * count / 2
    slope_error = (2 / count) * layers[-1].error + gamma(1 + divisor_roundings(m, outputs)) * (
        2 / count
    ) * (distance + layers[-1].error)
    found: list[tuple[Any, Array]] = []
    for layer in range(len(layers), 0, -1):
        here, under = below[layer], below[layer - 1]
        s, c = lower(here.value), lower(here.rest)
        p = s * c
        t = here.error * (abs(s - c) + here.error)
        p_error = t + gamma(2) * (p + t) + omega
        size = abs(lower(slope))
        delta = slope * (here.value * here.rest)
        d = abs(lower(delta))
        e = (
            size * p_error
            + p * slope_error
            + slope_error * p_error
            + gamma(1) * (size + slope_error) * (p + p_error)
            + omega
        )
        a, a_error = abs(lower(under.value)), under.error
        bias = e.sum(axis=-2) + gamma(m - 1) * (d + e).sum(axis=-2) + m * omega
        weight = (
            _transposed(e) @ (a + a_error)
            + _transposed(d) @ a_error
            + gamma(m) * (_transposed(d + e) @ (a + a_error))
            + m * omega * _top(a)
        )
        found.append((exact.bias_gradient(delta), bias))
        found.append((exact.weight_gradient(arithmetic, delta, under.value), weight))
        if layer > 1:
            W = seen.params[2 * layer - 2]
            n = W.shape[-2]
            slope = exact.below(arithmetic, delta, arithmetic.lift(W))
            slope_error = e @ abs(W) + gamma(n) * ((d + e) @ abs(W)) + n * omega * _top(W)
    return tuple(found[::-1])


def _top(v: Array) -> Array:
    highest: Array = np.maximum(1.0, abs(v).max(axis=(-2, -1), keepdims=True))
    return highest


def _transposed(v: Array) -> Array:
    return np.swapaxes(v, -1, -2)
