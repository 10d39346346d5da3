"""The step as one piece, from parameters and samples: the fallback behind the cut-points.

A compiler may compute an activation again inside another expression, so that a gradient belongs
to activations that were never recorded. Then the bound has to carry every error from the start.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from shared.backend import Array
from shared.certificate import bounds, exact, loss_bounds
from shared.certificate.exact import Activated
from shared.certificate.loss_bounds import Logits
from shared.certificate.profile import TIGHT_NAME
from shared.certificate.stages import Evaluated, Reference


@dataclass(frozen=True, slots=True)
class Layer:
    """The exact z and a = f(z) of a layer, and how far a program's may be off."""

    z: Any
    z_error: Array
    true: Activated
    error: Array

    def of(self, tensor: str) -> tuple[Any, Array]:
        """Return the exact value and the error of the logits z_L, or of a_l."""
        return (self.z, self.z_error) if tensor[0] == "z" else (self.true.value, self.error)


@dataclass(frozen=True, slots=True)
class Gradient:
    """The exact value of a gradient, or of a δ, and how far a program's may be off."""

    tensor: str
    exact: Any
    error: Array


def forward(reference: Reference, seen: Evaluated) -> list[Layer]:
    """Compute every activation from x alone, with the error that has gathered until there."""
    arithmetic, rounding = reference.arithmetic, reference.rounding
    a, error = arithmetic.lift(seen.activations[0]), np.zeros(seen.activations[0].shape)
    layers = []
    for layer, name in enumerate(seen.functions, start=1):
        W, b = seen.params[2 * layer - 2], seen.params[2 * layer - 1]
        n, size, w = W.shape[-1], abs(arithmetic.lower(a)), np.swapaxes(abs(W), -1, -2)
        z_error = (
            rounding.gamma(n + 1) * ((size + error) @ w + abs(b)[..., None, :])
            + error @ w
            + (n + 1) * rounding.omega * np.maximum(bounds.top(size), bounds.top(W))
        )
        z = exact.affine(arithmetic, a, W, arithmetic.lift(b), z_error)
        true = exact.activation(arithmetic, name, z)
        value = arithmetic.lower(true.value)
        if name == "softmax":
            error = _softmax_error(reference, seen, z, true, z_error)
        else:
            rest = value if true.rest is None else arithmetic.lower(true.rest)
            error = bounds.activation(rounding, reference.profile, name, value, rest, z_error)
        layers.append(Layer(z, z_error, true, error))
        a = true.value
    return layers


def backward(reference: Reference, seen: Evaluated) -> tuple[Gradient, ...]:
    """Return each gradient's exact value and bound, and each δ's, from the output on."""
    arithmetic, rounding = reference.arithmetic, reference.rounding
    gamma, omega = rounding.gamma, rounding.omega
    x = arithmetic.lift(seen.activations[0])
    start = Layer(x, np.zeros(x.shape), Activated(x), np.zeros(x.shape))
    layers = [start, *forward(reference, seen)]
    m = x.shape[-2]
    found: list[Gradient] = []
    delta, e = _output_delta(reference, seen, layers[-1])
    for layer in range(len(layers) - 1, 0, -1):
        under = layers[layer - 1]
        a, d = abs(arithmetic.lower(under.true.value)), abs(arithmetic.lower(delta))
        bias = e.sum(axis=-2) + gamma(m - 1) * (d + e).sum(axis=-2) + m * omega
        weight = (
            _transposed(e) @ (a + under.error)
            + _transposed(d) @ under.error
            + gamma(m) * (_transposed(d + e) @ (a + under.error))
            + m * omega * bounds.top(a)
        )
        product = exact.weight_gradient(arithmetic, delta, under.true.value, weight)
        found.append(Gradient(f"δ{layer}", delta, e))
        found.append(Gradient(f"b{layer}", exact.bias_gradient(delta), bias))
        found.append(Gradient(f"W{layer}", product, weight))
        if layer > 1:
            W = seen.params[2 * layer - 2]
            n = W.shape[-2]
            error = e @ abs(W) + gamma(n) * ((d + e) @ abs(W)) + n * omega * bounds.top(W)
            slope = exact.below(arithmetic, delta, W, error)
            delta, e = _through(reference, seen.functions[layer - 2], under, slope, error)
    return tuple(found)


def _output_delta(reference: Reference, seen: Evaluated, last: Layer) -> tuple[Any, Array]:
    arithmetic, rounding = reference.arithmetic, reference.rounding
    m, n = seen.y.shape[-2:]
    y = arithmetic.lift(seen.y)
    if seen.network.from_logits:
        binary = seen.network.loss == "binary_cross_entropy"
        delta = exact.logit_slope(seen.network, last.true, y)
        at = _logits(reference, seen, last.z, last.true)
        limit = loss_bounds.cross_entropy(rounding, reference.profile, seen.network, at)
        # The output's own error comes twice, which is more than enough.
        return delta, 2 * (limit.slope_of_any_form + last.error / (m * n if binary else m))
    slope = exact.output_slope(seen.network, last.true.value, y)
    factor = 2 / (m * n) if seen.network.loss == "mean_squared_error" else 1 / m
    k = loss_bounds.squared_slope_roundings(seen.network, m, n)
    inherited = factor * last.error
    error = inherited + rounding.gamma(k) * (abs(arithmetic.lower(slope)) + inherited)
    return _through(reference, seen.network.output, last, slope, error)


def _through(
    reference: Reference, name: str, layer: Layer, slope: Any, error: Array
) -> tuple[Any, Array]:
    """Return δ = A f'(z) at the exact z, and its error from that of A and of a."""
    arithmetic, rounding = reference.arithmetic, reference.rounding
    a, moved = arithmetic.lower(layer.true.value), layer.error
    p = exact.slope_at(arithmetic, name, layer.z, layer.true)
    if name == "sigmoid":
        t = moved * (abs(2 * a - 1) + moved)
        p_error = t + rounding.gamma(2) * (arithmetic.lower(p) + t) + rounding.omega
        p_error = _of_any_form(reference, name, layer, p, p_error)
    elif name == "tanh":
        t = moved * (2 * abs(a) + moved)
        p_error = t + bounds.tanh_slope_error(rounding, abs(a) + moved, arithmetic.lower(p) + t)
        p_error = _of_any_form(reference, name, layer, p, p_error)
    elif name == "relu":
        p_error = (abs(arithmetic.lower(layer.z)) <= layer.z_error) * 1.0
    else:
        p_error = np.zeros(1)
    size, q = abs(arithmetic.lower(slope)), arithmetic.lower(p)
    e = size * p_error + q * error + error * p_error
    e = e + rounding.gamma(1) * (size + error) * (q + p_error) + rounding.omega
    return slope * p, e


def _of_any_form(
    reference: Reference, name: str, layer: Layer, slope: Any, from_output: Array
) -> Array:
    """Bound a slope computed from a, or, under a wide profile, from z as well."""
    if reference.profile.name == TIGHT_NAME:
        return from_output
    size = reference.arithmetic.lower(slope)
    from_logit = reference.profile.slope_error(reference.rounding, name, size, layer.z_error)
    return np.maximum(from_output, from_logit)


def _softmax_error(
    reference: Reference, seen: Evaluated, z: Any, true: Activated, z_error: Array
) -> Array:
    """Bound a softmax whose logits are off: each share moves by twice the largest error at most."""
    at = _logits(reference, seen, z, true)
    own = loss_bounds.cross_entropy(reference.rounding, reference.profile, seen.network, at).output
    stretch = np.exp(np.minimum(2 * z_error.max(axis=-1, keepdims=True), 350.0))
    error: Array = np.minimum(at.s * (stretch - 1) + own * stretch**2, 2.0)
    return error


def _logits(reference: Reference, seen: Evaluated, z: Any, true: Activated) -> Logits:
    lower = reference.arithmetic.lower
    return Logits(lower(z), seen.y, lower(true.value), lower(true.rest), np.zeros(1))


def _transposed(v: Array) -> Array:
    return np.swapaxes(v, -1, -2)
